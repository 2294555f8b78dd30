import { once } from 'node:events'
import { BroadcastChannel, MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { beside } from '../beside.ts'
import type { Peer, PeerFactory } from '../peer.ts'
import type { Kind, Totals } from '../workload.ts'

const BATCH = 256

export type Way = 'port' | 'array' | 'channel' | 'broadcast'

async function start(kind: Kind, way: Way, port?: MessagePort): Promise<Worker> {
  const worker = new Worker(beside(import.meta.url, './receiver'), {
    workerData: { kind, way, port },
    transferList: port === undefined ? [] : [port],
  })
  await once(worker, 'message')
  return worker
}

function peer(worker: Worker, post: (message: unknown) => void, close: () => void = () => {}): Peer {
  return {
    async round(samples, count) {
      const totals = once(worker, 'message')
      const mask = samples.length - 1
      for (let i = 0; i < count; i++) post(samples[i & mask])
      post('end')
      return (await totals)[0] as Totals
    },
    close: () => {
      close()
      return worker.terminate()
    },
  }
}

/** `worker.postMessage`, one call an event. */
export const postMessage: PeerFactory = async (kind) => {
  const worker = await start(kind, 'port')
  return peer(worker, (message) => worker.postMessage(message))
}

/** `worker.postMessage` with arrays of 256. */
export const postArrays: PeerFactory = async (kind) => {
  const worker = await start(kind, 'array')
  return {
    async round(samples, count) {
      const totals = once(worker, 'message')
      const mask = samples.length - 1
      for (let from = 0; from < count; from += BATCH) {
        const length = Math.min(BATCH, count - from)
        worker.postMessage(Array.from({ length }, (_, i) => samples[(from + i) & mask]))
      }
      worker.postMessage('end')
      return (await totals)[0] as Totals
    },
    close: () => worker.terminate(),
  }
}

/** A `MessageChannel` of its own. */
export const messageChannel: PeerFactory = async (kind) => {
  const { port1, port2 } = new MessageChannel()
  const worker = await start(kind, 'channel', port2)
  return peer(
    worker,
    (message) => port1.postMessage(message),
    () => port1.close(),
  )
}

export const broadcastChannel: PeerFactory = async (kind) => {
  const worker = await start(kind, 'broadcast')
  const channel = new BroadcastChannel('bench')
  return peer(
    worker,
    (message) => channel.postMessage(message),
    () => channel.close(),
  )
}
