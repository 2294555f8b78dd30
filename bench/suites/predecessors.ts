import { createEngine, type Engine } from '../../src/index.ts'
import { beside } from '../beside.ts'
import {
  type Goal,
  type Measured,
  type Measures,
  resultOf,
  type Section,
  type Suite,
  type SuiteOptions,
} from '../suite.ts'

type Run = (
  engine: Engine,
  events: number,
) => Promise<{ attempted: number; delivered: number; attemptMs: number; ms: number }>
type Workload = {
  readonly events: number
  readonly start: () => Promise<Engine>
  readonly run: Run
  readonly published: string
}

const UNITS = { 'as published': 'calls/s', done: 'events/s' }
const ROUNDS = 5
const LISTENERS = 10
/** Those of CortexOS. */
const TOPICS = ['sensor.mic.v1', 'grid.msg.v1', 'agent.intent.v1']
const PAYLOAD = { value: 1, text: 'payload' }

const handlers = beside(import.meta.url, './workers/predecessor-handlers')
const withoutHandlers = (): Promise<Engine> => createEngine({ workers: 1, ringBytes: 2 ** 20 })
const withHandlers = (): Promise<Engine> => createEngine({ workers: 1, handlers })
const inThread = (): Promise<Engine> => createEngine({ workers: 0, handlers })

/** What the systems measured that Millrace has learned from, and what they say it comes to: on machines of theirs. */
const WORKLOADS: Readonly<Record<string, Workload>> = {
  'CortexOS: 10,000 events, one subscription to all': cortex(10_000, ['**']),
  'CortexOS: 100,000 events, one subscription to all': cortex(100_000, ['**']),
  'CortexOS: 500,000 events, one subscription to all': cortex(500_000, ['**']),
  'CortexOS: 100,000 events, three prefixes': cortex(100_000, ['sensor.**', 'grid.**', 'agent.**']),
  'CortexOS: policy queue, coalesce by 100 keys': policy('coalesce'),
  'CortexOS: policy queue, sample 10': policy({ sample: 10 }),
  'CortexOS: policy queue, drop oldest': policy('drop-oldest'),
  'Nova: emitter, in one thread': {
    events: 100_000,
    start: inThread,
    run: handled('one.event', 1),
    published: '4 M/s',
  },
  'Nova: bus, one listener': {
    events: 500_000,
    start: withHandlers,
    run: handled('one.event', 1),
    published: '3.3–8 M/s',
  },
  'Nova: ten listeners': {
    events: 100_000,
    start: withHandlers,
    run: handled('ten.event', LISTENERS),
    published: '0.4 M/s',
  },
  'Nova: eight partitions, by key': {
    events: 200_000,
    start: () => createEngine({ workers: 1, handlers, lanes: 8 }),
    run: handled('one.event', 1, 8),
    published: '3.3 M/s',
  },
  'rs-llmspell: publish': {
    events: 200_000,
    start: withHandlers,
    run: handled('one.event', 1),
    published: '0.1 M/s',
  },
  'rs-llmspell: ten subscribers': {
    events: 50_000,
    start: withoutHandlers,
    run: received(LISTENERS, ['ten.**']),
    published: '0.09 M/s',
  },
}

/** Each as it was published, calls per second whatever becomes of them, and as work that was done: the clock stops when the last listener has returned. */
const predecessors: Suite = {
  name: 'predecessors',
  title: 'Workloads of the systems that Millrace has learned from',
  rounds: 3,
  cases: () => Object.keys(WORKLOADS).map((name) => ({ name, units: UNITS })),
  measure,
  report,
}
export default predecessors

async function measure(name: string, { quick }: SuiteOptions): Promise<Measures> {
  const { events, start, run } = WORKLOADS[name]!
  const engine = await start()
  let measures: Measures = {}
  for (let round = 0; round < (quick ? 2 : ROUNDS); round++) {
    const { attempted, delivered, attemptMs, ms } = await run(engine, events)
    measures = { 'as published': (1_000 * attempted) / attemptMs, done: (1_000 * delivered) / ms }
  }
  await engine.close()
  return measures
}

function cortex(events: number, patterns: readonly string[]): Workload {
  return { events, start: withoutHandlers, run: received(1, patterns), published: '1.4 M/s' }
}

/** Subscriptions that are read: each gets every event that matches. */
function received(subscribers: number, patterns: readonly string[]): Run {
  const topics = patterns[0] === 'ten.**' ? ['ten.event'] : TOPICS
  return async (engine, events) => {
    const subscriptions = Array.from({ length: subscribers }, () =>
      engine.subscribe([...patterns], { capacity: 65_536, onFull: 'block' }),
    )
    const reading = subscriptions.map(async (subscription) => {
      let count = 0
      while (count < events)
        count += (await subscription.receiveBatch({ max: 4_096, timeoutMs: 10_000 })).length
      return count
    })
    const start = performance.now()
    let attemptMs = 0
    for (let i = 0; i < events; i++) {
      const type = topics[i % topics.length]!
      const before = i % 1_024 === 0 ? performance.now() : 0
      if (!engine.publish(type, PAYLOAD)) await engine.send(type, PAYLOAD)
      if (before !== 0) attemptMs += 1_024 * (performance.now() - before)
    }
    const counts = await Promise.all(reading)
    const ms = performance.now() - start
    for (const subscription of subscriptions) subscription.unsubscribe()
    if (counts.some((count) => count !== events))
      throw new Error(`received ${counts.join(', ')} of ${events}`)
    return { attempted: events, delivered: events * subscribers, attemptMs: Math.min(attemptMs, ms), ms }
  }
}

/** Handlers that are called. */
function handled(type: string, listeners: number, keys = 0): Run {
  const options = Array.from({ length: keys }, (_, index) => ({ key: `key-${index}` }))
  return async (engine, events) => {
    const start = performance.now()
    let attemptMs = 0
    const publishFrom = (from: number): number => {
      for (let i = from; i < events; i++)
        if (!engine.publish(type, PAYLOAD, keys === 0 ? undefined : options[i % keys])) return i
      return events
    }
    for (let i = 0; i < events; i++) {
      const before = performance.now()
      i = publishFrom(i)
      attemptMs += performance.now() - before
      if (i < events) await engine.send(type, PAYLOAD, keys === 0 ? undefined : options[i % keys])
    }
    await engine.drain()
    const ms = performance.now() - start
    const counts = (await engine.request('counts')) as number[]
    if (counts.slice(0, listeners).some((count) => count !== events))
      throw new Error(`handled ${counts.join(', ')} of ${events}`)
    return { attempted: events, delivered: events * listeners, attemptMs, ms }
  }
}

/** A million pushes into a queue of 1,000 that nobody reads meanwhile; then it is read. */
function policy(onFull: 'coalesce' | 'drop-oldest' | { sample: number }): Workload {
  const capacity = 1_000
  const keys = Array.from({ length: 100 }, (_, index) => ({ key: `key-${index}` }))
  const run: Run = async (engine, events) => {
    const subscription = engine.subscribe('**', { capacity, onFull })
    const start = performance.now()
    for (let i = 0; i < events; i++)
      if (!engine.publish('push', PAYLOAD, keys[i % 100])) await engine.send('push', PAYLOAD, keys[i % 100])
    const attemptMs = performance.now() - start
    await engine.drain()
    const kept = await subscription.receiveBatch({ max: capacity + 1 })
    const ms = performance.now() - start
    subscription.unsubscribe()
    if (kept.length === 0 || kept.length > capacity) throw new Error(`${kept.length} were kept`)
    // All were decided upon: kept, or counted as dropped.
    return { attempted: events, delivered: events, attemptMs, ms }
  }
  return { events: 1_000_000, start: withoutHandlers, run, published: 'no figure' }
}

function report(measured: readonly Measured[]): { sections: Section[]; goals: Goal[] } {
  const sections = measured.map((one) => {
    const { published } = WORKLOADS[one.case.name]!
    return {
      title: `${one.case.name} (published, on another machine: ${published})`,
      unit: 'per second',
      rows: ['as published', 'done'].map((measure) => resultOf('predecessors', one, measure)),
    }
  })
  return { sections, goals: [] }
}
