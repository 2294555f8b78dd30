import { createEngine, type Engine } from '../../src/index.ts'
import { beside } from '../beside.ts'
import type { Peer, PeerFactory } from '../peer.ts'
import { type Kind, Tick, type Totals } from '../workload.ts'

const BATCH = 256
const MIB = 2 ** 20

type Send = (samples: readonly any[], count: number) => Promise<void>

async function start(kind: Kind, sendOf: (engine: Engine, topic: string) => Send): Promise<Peer> {
  const engine: Engine = await createEngine({
    workers: 1,
    handlers: beside(import.meta.url, './millrace-handlers'),
    structs: { 'bench.struct': Tick },
    // As much as is under way at once: small enough for a core's cache, but for what is large.
    ringBytes: kind === 'bytes 65536' ? 4 * MIB : MIB / 4,
  })
  const send = sendOf(engine, `bench.${kind.replace(' ', '-')}`)
  return {
    async round(samples, count) {
      await send(samples, count)
      await engine.drain()
      return (await engine.request('bench.totals')) as Totals
    },
    close: () => engine.close(),
  }
}

/** `publish` of a topic that was resolved; `send` where there is no room. */
export const millraceTopic: PeerFactory = (kind) =>
  start(kind, (engine, name) => {
    const topic = engine.topic(name)
    /** Answers the first for which there is no room. */
    const publishFrom = (samples: readonly any[], from: number, count: number): number => {
      const mask = samples.length - 1
      for (let i = from; i < count; i++) if (!topic.publish(samples[i & mask])) return i
      return count
    }
    return async (samples, count) => {
      for (let i = publishFrom(samples, 0, count); i < count; i = publishFrom(samples, i + 1, count))
        await topic.send(samples[i & (samples.length - 1)])
    }
  })

/** `publish` by the topic's name. */
export const millracePublish: PeerFactory = (kind) =>
  start(kind, (engine, name) => {
    const publishFrom = (samples: readonly any[], from: number, count: number): number => {
      const mask = samples.length - 1
      for (let i = from; i < count; i++) if (!engine.publish(name, samples[i & mask])) return i
      return count
    }
    return async (samples, count) => {
      for (let i = publishFrom(samples, 0, count); i < count; i = publishFrom(samples, i + 1, count))
        await engine.send(name, samples[i & (samples.length - 1)])
    }
  })

/** The same with one of 64 keys each. */
export const millraceKeyed: PeerFactory = (kind) =>
  start(kind, (engine, name) => {
    const options = Array.from({ length: 64 }, (_, index) => ({ key: `key-${index}` }))
    const publishFrom = (samples: readonly any[], from: number, count: number): number => {
      const mask = samples.length - 1
      for (let i = from; i < count; i++)
        if (!engine.publish(name, samples[i & mask], options[i & 63])) return i
      return count
    }
    return async (samples, count) => {
      for (let i = publishFrom(samples, 0, count); i < count; i = publishFrom(samples, i + 1, count))
        await engine.send(name, samples[i & (samples.length - 1)], options[i & 63])
    }
  })

/** `sendBatch` with 256 events at a time. */
export const millraceBatch: PeerFactory = (kind) =>
  start(kind, (engine, type) => async (samples, count) => {
    const mask = samples.length - 1
    for (let from = 0; from < count; from += BATCH) {
      const length = Math.min(BATCH, count - from)
      await engine.sendBatch(Array.from({ length }, (_, i) => ({ type, data: samples[(from + i) & mask] })))
    }
  })
