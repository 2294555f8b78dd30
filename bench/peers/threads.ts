import { once } from 'node:events'
import { BroadcastChannel, Worker } from 'node:worker_threads'
import type { Peer, PeerFactory } from '../peer.ts'

async function startWorker(channel: 'port' | 'broadcast'): Promise<Worker> {
  const worker = new Worker(new URL('./receiver.ts', import.meta.url), { workerData: channel })
  await once(worker, 'message')
  return worker
}

function peer(worker: Worker, post: (message: unknown) => void, close: () => void = () => {}): Peer {
  return {
    async round(events) {
      const totals = once(worker, 'message')
      for (const event of events) post(event)
      post('end')
      return (await totals)[0]
    },
    close: () => {
      close()
      return worker.terminate()
    },
  }
}

/** `worker.postMessage`, one call an event. */
export const postMessage: PeerFactory = async () => {
  const worker = await startWorker('port')
  return peer(worker, (message) => worker.postMessage(message))
}

export const broadcastChannel: PeerFactory = async () => {
  const worker = await startWorker('broadcast')
  const channel = new BroadcastChannel('bench')
  return peer(
    worker,
    (message) => channel.postMessage(message),
    () => channel.close(),
  )
}
