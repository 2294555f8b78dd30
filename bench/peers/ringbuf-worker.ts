import { parentPort, workerData } from 'node:worker_threads'
import { decode } from '@msgpack/msgpack'
import { RingBuffer } from 'ringbuf.js'
import { type Kind, Receipt, WEIGHERS } from '../workload.ts'

const LENGTH_BYTES = 4
const { kind, storage } = workerData as { kind: Kind; storage: SharedArrayBuffer }
const ring = new RingBuffer(storage, Uint8Array)
const receipt = new Receipt()
const weigh = WEIGHERS[kind]
const isBytes = kind.startsWith('bytes')
const frame = new Uint8Array(2 ** 17)
const head = new Uint8Array(LENGTH_BYTES)
const view = new DataView(head.buffer)

parentPort!.on('message', (count: number) => {
  for (let i = 0; i < count; i++) {
    while (ring.availableRead() < LENGTH_BYTES);
    ring.pop(head)
    const length = view.getUint32(0, true)
    while (ring.availableRead() < length);
    ring.pop(frame, length)
    const data = frame.subarray(0, length)
    receipt.add(weigh(isBytes ? data : decode(data)))
  }
  parentPort!.postMessage(receipt.take())
})
parentPort!.postMessage('ready')
