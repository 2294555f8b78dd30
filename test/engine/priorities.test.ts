import { BroadcastChannel } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import {
  type AttachedPublisher,
  attach,
  createEngine,
  type Engine,
  InvalidEventError,
  type Priority,
  type PublishOptions,
} from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { received } from '../fixtures/received.ts'

const handlers = new URL('../fixtures/urgent.ts', import.meta.url)
const start = (workers: number, options = {}): Promise<Engine> =>
  createEngine({ handlers, workers, ringBytes: 1_024, ...options })

let gates = 0

/** Blocks the engine's one worker until it is disposed of. */
async function hold(engine: Engine): Promise<Disposable> {
  const name = `priorities-${process.pid}-${++gates}`
  const held = new BroadcastChannel(`${name}-held`)
  const isHeld = new Promise((resolve) => {
    held.onmessage = resolve
  })
  engine.publish('block', name)
  await isHeld
  held.close()
  const channel = new BroadcastChannel(name)
  return {
    [Symbol.dispose]: () => {
      channel.postMessage('go')
      channel.close()
    },
  }
}

/** Publishes until there is no room; answers what was accepted. */
function fill(engine: Engine, name: string, options: PublishOptions): string[] {
  const accepted: string[] = []
  while (engine.publish('seen.it', `${name} ${accepted.length}`, options))
    accepted.push(`${name} ${accepted.length}`)
  return accepted
}

describe.each([{}, { key: 'k' }])('with options %o', (options) => {
  test('what is urgent does not wait behind lanes that are full', async () => {
    await using engine = await start(1)
    const held = await hold(engine)
    const low = fill(engine, 'low', { ...options, priority: 'low' })
    const normal = fill(engine, 'normal', options)
    const high = fill(engine, 'high', { ...options, priority: 'high' })
    for (const all of [low, normal, high]) expect(all.length).toBeGreaterThan(8)
    held[Symbol.dispose]()
    await engine.drain()
    const all: string[] = await engine.request('take')
    expect(all).toHaveLength(low.length + normal.length + high.length)
    for (const own of [low, normal, high]) {
      const handled = all.filter((data) => own.includes(data))
      expect('key' in options ? handled : handled.toSorted()).toEqual('key' in options ? own : own.toSorted())
    }
    const meanOf = (own: readonly string[]) =>
      own.reduce((sum, data) => sum + all.indexOf(data), 0) / own.length
    expect(meanOf(high)).toBeLessThan(meanOf(normal))
    expect(meanOf(normal)).toBeLessThan(meanOf(low))
    // No more than a batch of each other class is handled before the high ones.
    expect(all.slice(0, 8).some((data) => data.startsWith('high'))).toBe(true)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
  })
})

test('while one lane always has something urgent, all lanes and all publishers get their turns in what is low', async () => {
  await using engine = await start(1, { lanes: 8, ringBytes: 65_536 })
  const publishers = [engine, attach(engine.connect()), attach(engine.connect())]
  const held = await hold(engine)
  for (let n = 0; n < 600; n++) engine.publish('spun.it', undefined, { key: 'a', priority: 'high' })
  for (const [index, publisher] of publishers.entries())
    for (let n = 0; n < 100; n++) publisher.publish('spun.it', index, { key: 'a', priority: 'low' })
  for (const key of ['b', 'c', 'd', 'e', 'f', 'g', 'h'])
    engine.publish('spun.it', key, { key, priority: 'low' })
  held[Symbol.dispose]()
  await engine.drain()
  const all: unknown[] = await engine.request('take')
  expect(all).toHaveLength(300 + 7)
  // What is urgent lasts for some 75 of them.
  const first = all.slice(0, 60)
  for (const one of [0, 1, 2, 'b', 'c', 'd', 'e', 'f', 'g', 'h']) expect(first).toContain(one)
  for (const publisher of publishers.slice(1)) (publisher as AttachedPublisher).close()
})

test('what becomes urgent in the middle is handled after the batch at hand, whatever else lies there', async () => {
  await using engine = await start(1)
  using second = attach(engine.connect())
  using third = attach(engine.connect())
  const held = await hold(engine)
  let count = 0
  for (const publisher of [engine, second, third])
    for (let key = 0; key < 16; key++)
      while (publisher.publish('first.it', count, { key: `k${key}` })) count++
  expect(count).toBeGreaterThan(50)
  held[Symbol.dispose]()
  await engine.drain()
  const all: unknown[] = await engine.request('take')
  expect(all).toHaveLength(count + 1)
  // The rings of one lane are left after a batch, which has eight at most at first: there are three in each.
  expect(all.indexOf('urgent')).toBeLessThanOrEqual(8)
})

test.each([0, 1])(
  'events of a key are handled one after the other, in the order of each priority (workers: %d)',
  async (workers) => {
    await using engine = await start(workers)
    const priorities: Priority[] = ['high', 'normal', 'low']
    for (let n = 0; n < 150; n++) {
      const priority = priorities[n % 3]!
      await engine.send('slow.it', { priority, n }, { key: 'k', priority })
    }
    await engine.drain()
    const all: any[] = await engine.request('take')
    expect(all.filter((data) => typeof data === 'string')).toEqual([])
    for (const priority of priorities) {
      const own = all.filter((data) => data.priority === priority).map(({ n }) => n)
      expect(own).toHaveLength(50)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  },
)

test.each<[Priority, Priority]>([
  ['high', 'low'],
  ['high', 'normal'],
  ['normal', 'low'],
])('while there always is something %s, what is %s gets its turns', async (always, other) => {
  await using engine = await start(1)
  const rounds = engine.subscribe('rounds')
  engine.publish('again', always, { priority: always })
  await received(rounds, 1)
  for (let n = 0; n < 50; n++) await engine.send('seen.it', n, { priority: other })
  const all: number[] = []
  while (all.length < 50) all.push(...(await engine.request('take', undefined, { priority: other })))
  expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  await engine.close({ timeoutMs: 0 })
})

test('batches mix priorities, and requests, spilled events and those that overwrite have them', async () => {
  await using engine = await start(1, { store: memoryStore() })
  const held = await hold(engine)
  const batch = (['low', 'normal', 'high', 'high', 'low'] as const).map((priority, n) => ({
    type: 'seen.it' as const,
    data: `${priority} ${n}`,
    priority,
  }))
  expect(engine.publishBatch(batch)).toBe(5)
  engine.publish('seen.it', 'lost', { key: 'c', onFull: 'coalesce', priority: 'high' })
  engine.publish('seen.it', 'high coalesced', { key: 'c', onFull: 'coalesce', priority: 'high' })
  const answer = engine.request('seen.it', 'high asked', { priority: 'high' })
  for (let n = 0; n < 100; n++)
    await engine.send('seen.it', n, { key: 's', onFull: 'spill', priority: 'low' })
  held[Symbol.dispose]()
  await answer
  await engine.drain()
  const all: any[] = await engine.request('take')
  const texts = all.filter((data) => typeof data === 'string')
  expect(texts.slice(0, 4).every((text) => text.startsWith('high'))).toBe(true)
  expect(texts).toContain('high coalesced')
  expect(texts.slice(4)).toEqual(['normal 1', 'low 0', 'low 4'])
  expect(all.filter((data) => typeof data === 'number')).toEqual(Array.from({ length: 100 }, (_, n) => n))
  await engine.drain()
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, droppedBy: { coalesce: 1 } })
})

test('an event of a batch that is refused takes none before it along that had another priority', async () => {
  await using engine = await start(0)
  const batch = [
    { type: 'seen.it', data: 1, priority: 'high' },
    { type: 'seen.it', data: 2 },
    { type: 'seen.*', data: 3 },
  ] as const
  try {
    engine.publishBatch(batch)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidEventError)
    expect((error as InvalidEventError).accepted).toBe(1)
  }
  await engine.drain()
  expect(engine.stats()).toMatchObject({ accepted: 1, completed: 1, balanced: true })
})

test('what is dropped is counted, whatever its priority', async () => {
  await using engine = await start(0)
  let dropped = 0
  for (let n = 0; n < 300; n++) {
    for (const priority of ['high', 'low', 'normal'] as const) {
      if (!engine.publish('seen.it', n, { key: 'k', priority })) dropped++
      else continue
      engine.publish('seen.it', n, { key: 'k', priority, onFull: 'drop-newest' })
    }
  }
  expect(dropped).toBeGreaterThan(600)
  expect(engine.stats().droppedBy['drop-newest']).toBe(dropped)
  for (const priority of ['high', 'low', 'normal'] as const)
    engine.publish('seen.it', 0, { priority, onFull: { sample: 1_000_000 } })
  const { accepted, completed } = engine.stats()
  expect(accepted).toBe(900 + 3)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
  expect(completed).toBe(0)
})

test('a priority that there is not is refused', async () => {
  await using engine = await start(0)
  expect(() => engine.publish('seen.it', 1, { priority: 'urgent' as Priority })).toThrow(InvalidEventError)
  expect(engine.stats().accepted).toBe(0)
})
