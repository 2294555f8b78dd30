import { parentPort, workerData } from 'node:worker_threads'
import { type Kind, Receipt, WEIGHERS } from '../workload.ts'
import { BareRing, CHUNK, MASK, RECORD_BYTES } from './bare-ring-memory.ts'

const { kind, memory } = workerData as { kind: Kind; memory: SharedArrayBuffer }
const ring = new BareRing(memory)
const receipt = new Receipt()
const weigh = WEIGHERS[kind]

/** By the number of a topic. */
const handlers = [() => {}, (data: any) => receipt.add(weigh(data))]
const tick = { price: 0, size: 0, sequence: 0, bid: false }

function readStructs(count: number): void {
  const { words, doubles } = ring
  let { head } = ring
  const end = (head + count) | 0
  while (head !== end) {
    const loaded = ring.loadTail()
    // No further than is asked for: what comes after it is the next call's.
    const tail = ((end - loaded) | 0) < 0 ? end : loaded
    for (; head !== tail; head = (head + 1) | 0) {
      const at = (head & MASK) * RECORD_BYTES
      tick.price = doubles[(at >> 3) + 1]!
      tick.size = doubles[(at >> 3) + 2]!
      tick.sequence = words[(at >> 2) + 6]!
      tick.bid = words[(at >> 2) + 7] !== 0
      handlers[words[at >> 2]!]!(tick)
    }
    ring.storeHead(head)
  }
}

function readBytes(count: number): void {
  const { words, bytes } = ring
  let { head } = ring
  const end = (head + count) | 0
  while (head !== end) {
    const loaded = ring.loadTail()
    // No further than is asked for: what comes after it is the next call's.
    const tail = ((end - loaded) | 0) < 0 ? end : loaded
    for (; head !== tail; head = (head + 1) | 0) {
      const at = (head & MASK) * RECORD_BYTES
      handlers[words[at >> 2]!]!(bytes.subarray(at + 8, at + 72))
    }
    ring.storeHead(head)
  }
}

parentPort!.on('message', (count: number) => {
  const read = kind === 'struct' ? readStructs : readBytes
  for (let left = count; left > 0; left -= CHUNK) read(Math.min(left, CHUNK))
  parentPort!.postMessage(receipt.take())
})
parentPort!.postMessage('ready')
