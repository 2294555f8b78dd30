import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { encode } from '@msgpack/msgpack'
import { RingBuffer } from 'ringbuf.js'
import { beside } from '../beside.ts'
import type { PeerFactory } from '../peer.ts'
import type { Totals } from '../workload.ts'

const CAPACITY = 2 ** 20
export const LENGTH_BYTES = 4

/** `ringbuf.js`: frames of a length and bytes; what is no bytes as MessagePack. Both ends spin. */
export const ringbuf: PeerFactory = async (kind) => {
  const storage = RingBuffer.getStorageForCapacity(CAPACITY, Uint8Array)
  const ring = new RingBuffer(storage, Uint8Array)
  const worker = new Worker(beside(import.meta.url, './ringbuf-worker'), {
    workerData: { kind, storage },
  })
  await once(worker, 'message')
  const frame = new Uint8Array(LENGTH_BYTES + 2 ** 17)
  const view = new DataView(frame.buffer)
  const push = (data: Uint8Array): void => {
    const length = LENGTH_BYTES + data.length
    view.setUint32(0, data.length, true)
    frame.set(data, LENGTH_BYTES)
    while (ring.availableWrite() < length);
    ring.push(frame, length)
  }
  return {
    async round(samples, count) {
      const totals = once(worker, 'message')
      worker.postMessage(count)
      const mask = samples.length - 1
      for (let i = 0; i < count; i++) {
        const data = samples[i & mask]
        push(data instanceof Uint8Array ? data : encode(data))
      }
      return (await totals)[0] as Totals
    },
    close: () => worker.terminate(),
  }
}
