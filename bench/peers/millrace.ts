import { createEngine, type Engine } from '../../src/index.ts'
import type { Sample } from '../payload.ts'
import type { Peer, PeerFactory, Totals } from '../peer.ts'

type Send = (topic: string, events: readonly (Sample | Uint8Array)[]) => Promise<void>

const BATCH = 256

async function start(makeSend: (engine: Engine) => Send, topic: string): Promise<Peer> {
  const handlers = new URL('./millrace-handlers.ts', import.meta.url)
  const engine: Engine = await createEngine({ workers: 1, handlers, onFull: 'block' })
  const totals = engine.subscribe('bench.totals')
  const send = makeSend(engine)
  return {
    async round(events) {
      await send(topic, events)
      await engine.drain()
      engine.publish('bench.end')
      return (await totals.receive())!.data as Totals
    },
    close: () => engine.close(),
  }
}

/** One `publish` an event; `send` where there is no room. */
export const millracePublish: PeerFactory = (kind) =>
  start(
    (engine) => async (topic, events) => {
      for (const data of events) if (!engine.publish(topic, data)) await engine.send(topic, data)
    },
    `bench.${kind}`,
  )

/** `sendBatch` with 256 events at a time. */
export const millraceBatch: PeerFactory = (kind) =>
  start(
    (engine) => async (topic, events) => {
      for (let from = 0; from < events.length; from += BATCH) {
        await engine.sendBatch(events.slice(from, from + BATCH).map((data) => ({ type: topic, data })))
      }
    },
    `bench.${kind}`,
  )
