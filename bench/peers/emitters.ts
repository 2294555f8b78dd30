import { EventEmitter } from 'node:events'
import type { PeerFactory } from '../peer.ts'
import { Receipt, WEIGHERS } from '../workload.ts'

type Emitter = {
  on(topic: string, listener: (data: any) => void): unknown
  emit(topic: string, data: unknown): unknown
}

/** In one thread, without a copy: what a call alone costs. */
function peerOf(make: () => Promise<Emitter> | Emitter, pattern = 'bench.event'): PeerFactory {
  return async (kind) => {
    const emitter = await make()
    const receipt = new Receipt()
    const weigh = WEIGHERS[kind]
    emitter.on(pattern, (data) => receipt.add(weigh(data)))
    return {
      async round(samples, count) {
        const mask = samples.length - 1
        for (let i = 0; i < count; i++) emitter.emit('bench.event', samples[i & mask])
        return receipt.take()
      },
      close() {},
    }
  }
}

export const eventEmitter = peerOf(() => new EventEmitter())
export const eventemitter3 = peerOf(async () => new (await import('eventemitter3')).EventEmitter())
export const eventemitter2 = peerOf(
  async () => new (await import('eventemitter2')).default.EventEmitter2({ wildcard: true }),
  'bench.*',
)

/** Its listeners are called later: a round awaits the last. */
export const emittery: PeerFactory = async (kind) => {
  const { default: Emittery } = await import('emittery')
  const emitter = new Emittery()
  const receipt = new Receipt()
  const weigh = WEIGHERS[kind]
  // What comes is the data itself, or, in newer versions, an object with it.
  emitter.on('event', (event: any) => receipt.add(weigh(event?.name === 'event' ? event.data : event)))
  return {
    async round(samples, count) {
      const mask = samples.length - 1
      let last: Promise<void> | undefined
      for (let i = 0; i < count; i++) last = emitter.emit('event', samples[i & mask])
      await last
      return receipt.take()
    },
    close() {},
  }
}
