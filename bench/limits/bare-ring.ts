import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { beside } from '../beside.ts'
import type { PeerFactory } from '../peer.ts'
import type { Tick, Totals } from '../workload.ts'
import { allocateBareRing, BareRing, CHUNK, MASK, RECORD_BYTES, RECORDS } from './bare-ring-memory.ts'

/** Visible together. */
const RUN = 64

/**
 * What two threads and shared memory allow, without an engine: records of 64 bytes in a ring, written and read by one loop each, which know what is in
 * them; no topics beyond a number, no accounts, nobody ever sleeps.
 */
export const bareRing: PeerFactory = async (kind) => {
  const memory = allocateBareRing()
  const ring = new BareRing(memory)
  const worker = new Worker(beside(import.meta.url, './bare-ring-reader'), {
    workerData: { kind, memory },
  })
  await once(worker, 'message')
  const write = kind === 'struct' ? writeStructs : writeBytes
  return {
    async round(samples, count) {
      const totals = once(worker, 'message')
      worker.postMessage(count)
      for (let from = 0; from < count; from += CHUNK)
        write(ring, samples, from, Math.min(from + CHUNK, count))
      return (await totals)[0] as Totals
    },
    close: () => worker.terminate(),
  }
}

function writeStructs(ring: BareRing, samples: readonly Tick[], from: number, to: number): void {
  const { words, doubles } = ring
  const mask = samples.length - 1
  let { tail } = ring
  let head = ring.loadHead()
  for (let i = from; i < to; i++) {
    while (((tail - head) | 0) >= RECORDS) {
      ring.storeTail(tail)
      head = ring.loadHead()
    }
    const { price, size, sequence, bid } = samples[i & mask]!
    const at = (tail & MASK) * RECORD_BYTES
    words[at >> 2] = 1
    words[(at >> 2) + 1] = i
    doubles[(at >> 3) + 1] = price
    doubles[(at >> 3) + 2] = size
    words[(at >> 2) + 6] = sequence
    words[(at >> 2) + 7] = bid ? 1 : 0
    tail = (tail + 1) | 0
    if ((tail & (RUN - 1)) === 0) ring.storeTail(tail)
  }
  ring.storeTail(tail)
}

/** Up to the record's length, but for its first eight bytes. */
function writeBytes(ring: BareRing, samples: readonly Uint8Array[], from: number, to: number): void {
  const { words, bytes } = ring
  const mask = samples.length - 1
  let { tail } = ring
  let head = ring.loadHead()
  for (let i = from; i < to; i++) {
    while (((tail - head) | 0) >= RECORDS) {
      ring.storeTail(tail)
      head = ring.loadHead()
    }
    const at = (tail & MASK) * RECORD_BYTES
    words[at >> 2] = 1
    words[(at >> 2) + 1] = i
    bytes.set(samples[i & mask]!, at + 8)
    tail = (tail + 1) | 0
    if ((tail & (RUN - 1)) === 0) ring.storeTail(tail)
  }
  ring.storeTail(tail)
}
