import { BroadcastChannel, Worker } from 'node:worker_threads'
import { describe, expect, test, vi } from 'vitest'
import { IN_BLOCK } from '../../src/event/record.ts'
import {
  createEngine,
  type Engine,
  type EngineOptions,
  FullError,
  HandlerLoadError,
  OptionsError,
  type Policy,
  TimeoutError,
} from '../../src/index.ts'
import { PoolWriters } from '../../src/publish/pool-writers.ts'
import { memoryStore } from '../../src/store/index.ts'
import type { Seen } from '../fixtures/pooled.ts'
import { Modules } from '../fixtures/program.ts'
import { received } from '../fixtures/received.ts'

const handlers = new URL('../fixtures/pooled.ts', import.meta.url)
const POOLS = { fast: { workers: 1 }, slow: { workers: 2 } }
const FAST = [1]
const SLOW = [2, 3]
const start = (options: EngineOptions = {}): Promise<Engine> =>
  createEngine({ handlers, pools: POOLS, ringBytes: 1_024, onError: () => {}, ...options })

let gates = 0

/** Blocks all workers of a pool, until it is disposed of. */
async function hold(engine: Engine, pool: 'fast' | 'slow'): Promise<Disposable> {
  const name = `pools-${process.pid}-${++gates}`
  using held = engine.subscribe('held', { onFull: 'block' })
  const workers = new Set<number>()
  while (workers.size < POOLS[pool].workers) {
    // A request goes where the least is before it: not behind one that is held.
    engine.request(`block.${pool}`, name).catch(() => {})
    workers.add((await received<number>(held, 1))[0]!)
  }
  const channel = new BroadcastChannel(name)
  return {
    [Symbol.dispose]: () => {
      channel.postMessage('go')
      channel.close()
    },
  }
}

/** Publishes into the slow pool's lane of a key until it has no room; answers how many went there. */
function fill(engine: Engine, topic: string, key: string): number {
  let count = 0
  while (engine.publish(topic, count, { key })) count++
  return count
}

test('handlers run on the workers of their pool; without one, on those of the first', async () => {
  await using engine = await start()
  const seen = engine.subscribe('seen', { onFull: 'block' })
  for (let n = 0; n < 60; n++) {
    for (const topic of ['none.a', 'fast.a', 'slow.a']) await engine.send(topic, n, { key: `k${n}` })
  }
  const all = await received<Seen>(seen, 180)
  const workersOf = (by: string) =>
    [...new Set(all.filter((one) => one.by === by).map((one) => one.worker))].sort()
  expect(workersOf('none')).toEqual(FAST)
  expect(workersOf('fast')).toEqual(FAST)
  expect(workersOf('slow')).toEqual(SLOW)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
})

test('while one pool is blocked and its lanes are full, the other goes on', async () => {
  await using engine = await start()
  const seen = engine.subscribe('seen', { onFull: 'block' })
  using _held = await hold(engine, 'slow')
  expect(fill(engine, 'slow.a', 'k')).toBeGreaterThan(5)
  for (let n = 0; n < 200; n++) await engine.send('fast.a', n, { key: 'k' })
  const all = await received<Seen>(seen, 200)
  expect(all.map(({ data }) => data)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  expect(engine.stats().pools).toMatchObject([
    { name: 'fast', workers: FAST, pending: 0 },
    { name: 'slow', workers: SLOW },
  ])
  expect(engine.stats().pools[1]!.pending).toBeGreaterThan(5)
})

describe('an event with handlers in two pools', () => {
  test.each(['both', 'reversed'])('is handled once in each, and received once: %s', async (type) => {
    await using engine = await start()
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const direct = engine.subscribe(`${type}.*`, { onFull: 'block' })
    for (let n = 0; n < 50; n++) await engine.send(`${type}.a`, n, n % 2 === 0 ? {} : { key: `k${n % 6}` })
    const all = await received<Seen>(seen, 100)
    const events = await direct.receiveBatch({ max: 50 })
    await engine.drain()
    expect(await seen.receiveBatch({ max: 10, timeoutMs: 0 })).toEqual([])
    expect(await direct.receiveBatch({ max: 10, timeoutMs: 0 })).toEqual([])
    expect(events).toHaveLength(50)
    const ids = events.map(({ id }) => id).sort()
    expect(new Set(ids).size).toBe(50)
    for (const [by, workers] of [
      ['fast', FAST],
      ['slow', SLOW],
    ] as const) {
      const own = all.filter((one) => one.by === by)
      expect(own.map(({ id }) => id).sort()).toEqual(ids)
      expect(own.every(({ worker }) => (workers as readonly number[]).includes(worker))).toBe(true)
      for (let key = 1; key < 6; key += 2) {
        const ofKey = own.filter(({ data }) => data % 2 === 1 && data % 6 === key).map(({ data }) => data)
        expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
      }
    }
    // 50 in each pool, and what the handlers say.
    expect(engine.stats()).toMatchObject({ balanced: true, accepted: 200, completed: 200 })
  })

  test.each(['k', undefined])(
    'goes to none of them while one has no room; a send waits, and only those behind it do: key %s',
    async (key) => {
      await using engine = await start()
      const seen = engine.subscribe('seen', { onFull: 'block' })
      const options = key === undefined ? {} : { key }
      const held = await hold(engine, 'slow')
      let filled = 0
      while (engine.publish('slow.a', filled, options)) filled++
      expect(engine.publish('both.a', 'refused', options)).toBe(false)
      expect(() => engine.publish('both.a', 'refused', { ...options, onFull: 'reject' })).toThrow(/No room/)
      await expect(engine.send('both.a', 'late', { ...options, timeoutMs: 20 })).rejects.toThrow(TimeoutError)
      const sends = ['first', 'second'].map((name) => engine.send('both.a', name, options))
      // Behind them, if it has a key.
      const third = engine.send('fast.a', 'third', options)
      await engine.drain({ timeoutMs: 20 }).catch(() => {})
      if (key === undefined) expect((await received<Seen>(seen, 1))[0]!.data).toBe('third')
      expect(await seen.receiveBatch({ max: 10, timeoutMs: 0 })).toEqual([])
      if (key !== undefined) {
        // Another lane: not behind them.
        const other = Array.from({ length: 50 }, (_, n) => `other-${n}`)
        for (const free of other) engine.publish('fast.a', free, { key: free })
        expect((await received<Seen>(seen, 1))[0]!.by).toBe('fast')
      }
      held[Symbol.dispose]()
      await Promise.all([...sends, third])
      await engine.drain()
      const all = (await seen.receiveBatch({ max: 1_000 })).map(({ data }) => data as Seen)
      const of = (by: string) =>
        all.filter((one) => one.by === by && typeof one.data === 'string').map(({ data }) => data as string)
      expect(key === undefined ? of('slow').sort() : of('slow')).toEqual(['first', 'second'])
      const fast = of('fast').filter((data) => !data.startsWith('other'))
      expect(key === undefined ? fast.sort() : fast).toEqual(
        key === undefined ? ['first', 'second'] : ['first', 'second', 'third'],
      )
      expect(engine.stats()).toMatchObject({ balanced: true, dropped: 0, pending: 0 })
    },
  )

  test('does not overtake a larger one that waits in one of them', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const held = await hold(engine, 'slow')
    const large = 'x'.repeat(300)
    while (engine.publish('slow.a', large, { key: 'k' }));
    expect(engine.publish('slow.a', 'small', { key: 'k' })).toBe(true)
    const sends = [engine.send('slow.a', large, { key: 'k' }), engine.send('both.a', 'behind', { key: 'k' })]
    // As long as it would take to place it.
    for (let n = 0; n < 20; n++) await engine.request('fast.a', n)
    const meanwhile = await received<Seen>(seen, 20)
    expect(meanwhile.map(({ data }) => data)).not.toContain('behind')
    held[Symbol.dispose]()
    await Promise.all(sends)
    await engine.drain()
    const all = (await seen.receiveBatch({ max: 100 })).map(({ data }) => data as Seen)
    expect(
      all
        .filter(({ by }) => by === 'slow')
        .map(({ data }) => data)
        .slice(-3),
    ).toEqual(['small', large, 'behind'])
  })

  test('is dropped where there is no room, if it is to be dropped, and counted there', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const held = await hold(engine, 'slow')
    const filled = fill(engine, 'slow.a', 'k')
    const { accepted } = engine.stats()
    const options = { key: 'k', onFull: 'drop-newest' } as const
    expect(engine.publish('both.a', 'one', options)).toBe(true)
    expect(engine.publishBatch([{ type: 'both.a', data: 'two', ...options }])).toBe(1)
    const ids = (await received<Seen>(seen, 2)).map(({ by, data, id }) => {
      expect(by).toBe('fast')
      return `${data} ${id}`
    })
    expect(new Set(ids).size).toBe(2)
    expect(engine.stats()).toMatchObject({ accepted: accepted + 4 + 2, droppedBy: { 'drop-newest': 2 } })
    held[Symbol.dispose]()
    await engine.drain()
    expect((await received<Seen>(seen, filled)).every(({ by }) => by === 'slow')).toBe(true)
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
  })

  test.each<Policy>(['drop-oldest', 'coalesce', { sample: 2 }])(
    'overwrites in each pool by itself: %s',
    async (onFull) => {
      await using engine = await start()
      const seen = engine.subscribe('seen', { onFull: 'block' })
      const held = await hold(engine, 'slow')
      const handled: unknown[] = []
      for (let n = 0; n < 100; n++) {
        const { sample } = engine.stats().droppedBy
        engine.publish('both.a', n, { key: 'k', onFull })
        // A sample is the same for all pools.
        if (typeof onFull === 'string' || engine.stats().droppedBy.sample === sample)
          handled.push((await received<Seen>(seen, 1))[0]!.data)
      }
      if (typeof onFull === 'string') expect(handled).toEqual(Array.from({ length: 100 }, (_, n) => n))
      held[Symbol.dispose]()
      await engine.drain()
      const late = (await seen.receiveBatch({ max: 1_000, timeoutMs: 0 })).map(
        ({ data }) => (data as Seen).data,
      )
      expect(late).toEqual(handled.slice(-late.length))
      expect(late.length).toBeGreaterThan(0)
      if (onFull === 'coalesce') expect(late).toEqual([99])
      expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
    },
  )

  test('is answered by the leading one', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen', { onFull: 'block' })
    expect(await engine.request('both.a', 1)).toBe('fast')
    expect(await engine.request('reversed.a', 2)).toBe('slow')
    expect(await engine.request('slow.a', 3)).toBe('slow')
    expect(await engine.request('ask.fast')).toBe('slow')
    expect((await received<Seen>(seen, 6)).map(({ by }) => by).sort()).toEqual([
      'fast',
      'fast',
      'slow',
      'slow',
      'slow',
      'slow',
    ])
  })

  test('has its data in each, however large', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen', { onFull: 'block' })
    await engine.send('both.a', new Uint8Array(100_000).fill(1))
    const block = engine.allocate(200_000)
    block.fill(2)
    await engine.send('both.a', block, { key: 'k' })
    const dropping = engine.allocate(300_000)
    dropping.fill(3)
    engine.publish('both.a', dropping, { key: 'k', onFull: 'drop-oldest' })
    expect((await received<Seen>(seen, 6)).map(({ by, data }) => `${by} ${data}`).sort()).toEqual(
      ['fast', 'slow'].flatMap((by) => [`${by} 100000`, `${by} 400000`, `${by} 900000`]),
    )
    await engine.drain()
    expect(engine.stats().blocks.usedBytes).toBe(0)
    const held = await hold(engine, 'slow')
    fill(engine, 'slow.a', 'k')
    expect(engine.publish('both.a', new Uint8Array(100_000), { key: 'k' })).toBe(false)
    const refused = engine.allocate(100_000)
    expect(engine.publish('both.a', refused, { key: 'k' })).toBe(false)
    refused.release()
    expect(
      engine.publish('both.a', engine.allocate(100_000).fill(1), { key: 'k', onFull: 'drop-newest' }),
    ).toBe(true)
    held[Symbol.dispose]()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, blocks: { usedBytes: 0 } })
  })

  test('gives its block to the first that has room, and needs none for a pool that has none', async () => {
    await using engine = await start({ blockBytes: 16 * 65_536 })
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const held = await hold(engine, 'slow')
    fill(engine, 'slow.a', 'k')
    // The leading pool is the one without room.
    const options = { key: 'k', onFull: 'drop-newest' } as const
    expect(engine.publish('reversed.a', engine.allocate(60_000).fill(1), options)).toBe(true)
    expect(await received<Seen>(seen, 1)).toMatchObject([{ by: 'fast', data: 60_000 }])
    // Nobody else has a block; the leading pool needs no other.
    const own = engine.allocate(60_000).fill(1)
    const rest = Array.from({ length: 7 }, () => engine.allocate(60_000))
    expect(() => engine.allocate(60_000)).toThrow(FullError)
    expect(engine.publish('both.a', own, { ...options, key: 'other' })).toBe(true)
    expect(await received<Seen>(seen, 1)).toMatchObject([{ by: 'fast', data: 60_000 }])
    for (const block of rest) block.release()
    held[Symbol.dispose]()
    await engine.drain()
    expect(engine.stats()).toMatchObject({
      balanced: true,
      droppedBy: { 'drop-newest': 2 },
      blocks: { usedBytes: 0 },
    })
  })

  test('waits for a block in each, and takes none before there are enough', async () => {
    // Four pages, of which two are for what comes from outside.
    await using engine = await start({ blockBytes: 4 * 65_536 })
    const seen = engine.subscribe('seen', { onFull: 'block' })
    await expect(engine.send('both.a', new Uint8Array(100_000))).rejects.toThrow(/exceed the 65536 bytes/)
    const held = await hold(engine, 'slow')
    await engine.send('slow.a', new Uint8Array(60_000).fill(1), { key: 'k' })
    const { usedBytes } = engine.stats().blocks
    const place = vi.spyOn(PoolWriters.prototype, 'place')
    const sent = engine.send('both.a', new Uint8Array(60_000).fill(2))
    for (let n = 0; n < 50; n++) await engine.request('fast.a', n)
    expect(engine.stats().blocks.usedBytes).toBe(usedBytes)
    // Beside those of the requests.
    expect(place.mock.calls.filter(([{ flags }]) => (flags & IN_BLOCK) !== 0).length).toBeLessThan(10)
    place.mockRestore()
    held[Symbol.dispose]()
    await sent
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, blocks: { usedBytes: 0 } })
    expect(await seen.receiveBatch({ max: 100 })).toHaveLength(50 + 1 + 2)
  })

  test('spills in each by itself, in its order', async () => {
    await using engine = await start({ store: memoryStore() })
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const held = await hold(engine, 'slow')
    for (let n = 0; n < 200; n++) {
      // What has spilled is passed on by the engine's thread.
      await engine.send('both.a', n, { key: 'k', onFull: 'spill' })
    }
    const fast = await received<Seen>(seen, 200)
    expect(fast.map(({ data }) => data)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    expect(new Set(fast.map(({ by }) => by))).toEqual(new Set(['fast']))
    held[Symbol.dispose]()
    const slow = await received<Seen>(seen, 200)
    expect(slow.map(({ data }) => data)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, dropped: 0 })
  })
})

test('handlers publish into other pools, attached threads do, too', async () => {
  await using engine = await start()
  const seen = engine.subscribe('seen', { onFull: 'block' })
  engine.publish('chain.fast', 'chained')
  expect(await received<Seen>(seen, 1)).toMatchObject([{ by: 'slow', data: 'chained' }])
  const thread = new Worker(new URL('../fixtures/attached-sender.ts', import.meta.url), {
    workerData: { handle: engine.connect(), topics: ['both.a', 'slow.a', 'fast.a'] },
  })
  const exited = new Promise((resolve) => thread.once('exit', resolve))
  expect((await received<Seen>(seen, 4)).map(({ by, type }) => `${by} ${type}`).sort()).toEqual([
    'fast both.a',
    'fast fast.a',
    'slow both.a',
    'slow slow.a',
  ])
  await exited
})

test('handlers for every worker run on all, or on those of their pool', async () => {
  await using engine = await start()
  const seen = engine.subscribe('seen', { onFull: 'block' })
  engine.publish('everywhere.all', 1)
  expect((await received<Seen>(seen, 3)).map(({ worker }) => worker).sort()).toEqual([1, 2, 3])
  engine.publish('everywhere.slow', 1)
  expect((await received<Seen>(seen, 2)).map(({ worker }) => worker).sort()).toEqual(SLOW)
  await engine.drain()
  expect(await seen.receiveBatch({ max: 10, timeoutMs: 0 })).toEqual([])
})

test('what a dying worker of one pool held is handled again in that pool', async () => {
  await using engine = await start()
  const seen = engine.subscribe('seen', { onFull: 'block' })
  for (let n = 0; n < 3; n++) await engine.send('die.slow', n)
  for (let n = 0; n < 20; n++) await engine.send('both.a', n, { key: `k${n % 3}` })
  await engine.drain()
  const all = (await seen.receiveBatch({ max: 1_000 })).map(({ data }) => data as Seen)
  const of = (by: string, type: string) =>
    new Set(all.filter((one) => one.by === by && one.type === type).map(({ data }) => data))
  expect(of('slow', 'die.slow').size).toBe(3)
  expect(of('slow', 'both.a').size).toBe(20)
  expect(of('fast', 'both.a').size).toBe(20)
  expect(all.filter(({ by }) => by === 'slow').every(({ worker }) => SLOW.includes(worker))).toBe(true)
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, deadLettered: 0 })
})

describe('concurrency', () => {
  test('does not count those that wait for a mailbox', async () => {
    await using engine = await start({
      pools: { fast: { workers: 1 }, slow: { workers: 1, concurrency: 1 } },
    })
    const subscription = engine.subscribe('slow.mail', { capacity: 2, onFull: 'block' })
    for (let n = 0; n < 10; n++) engine.publish('slow.mail', n)
    for (let n = 0; n < 10; n++) {
      await subscription.receive()
      // Of the same pool.
      expect(await engine.request('slow.asked', n, { timeoutMs: 10_000 })).toBe('slow')
    }
  })

  type Most = { worker: number; most: number; key: string; n: number }

  test('of a pool is shared among its workers', async () => {
    await using engine = await start({
      pools: { fast: { workers: 1 }, slow: { workers: 2, concurrency: 5 } },
    })
    const most = engine.subscribe('most', { onFull: 'block' })
    for (let n = 0; n < 200; n++) await engine.send('wait.slow', n, { key: `k${n}` })
    const all = await received<Most>(most, 200)
    const mostOn = (worker: number) =>
      Math.max(...all.filter((one) => one.worker === worker).map((one) => one.most))
    expect([mostOn(2), mostOn(3)]).toEqual([3, 2])
    await engine.drain()
  })

  test('does not count those that wait for others of their pool', async () => {
    await using engine = await start({
      pools: { fast: { workers: 1 }, slow: { workers: 1, concurrency: 1 } },
    })
    expect(await engine.request('nested.slow', undefined, { timeoutMs: 5_000 })).toBe('slow')
    const many = Array.from({ length: 20 }, () =>
      engine.request('nested.slow', undefined, { timeoutMs: 10_000 }),
    )
    expect(await Promise.all(many)).toEqual(many.map(() => 'slow'))
  })

  test('of a key: so many begin in order', async () => {
    await using engine = await start({
      pools: { fast: { workers: 1 }, slow: { workers: 2, keyConcurrency: 3 } },
    })
    const most = engine.subscribe('most', { onFull: 'block' })
    for (let n = 0; n < 30; n++) await engine.send('wait.slow', n, { key: 'k' })
    const all = await received<Most>(most, 30)
    expect(Math.max(...all.map((one) => one.most))).toBe(3)
    await engine.drain()
    expect(engine.stats().balanced).toBe(true)
  })
})

test('in the engine’s own thread, handlers of all pools are run, once each', async () => {
  await using engine = await start({ workers: 0 })
  const seen = engine.subscribe('seen', { onFull: 'block' })
  for (const topic of ['none.a', 'fast.a', 'slow.a', 'both.a', 'everywhere.slow'])
    await engine.send(topic, topic)
  expect(
    (await received<Seen>(seen, 6)).map(({ by, data, worker }) => `${by} ${data} ${worker}`).sort(),
  ).toEqual([
    'fast both.a 0',
    'fast fast.a 0',
    'none none.a 0',
    'slow both.a 0',
    'slow everywhere.slow 0',
    'slow slow.a 0',
  ])
  await engine.drain()
  expect(await seen.receiveBatch({ max: 10, timeoutMs: 0 })).toEqual([])
})

test('in the engine’s own thread, the strictest order is kept', async () => {
  await using engine = await start({
    workers: 0,
    pools: { fast: { workers: 1, keyConcurrency: 5, concurrency: 1 }, slow: { workers: 1 } },
  })
  const most = engine.subscribe('most', { onFull: 'block' })
  for (let n = 0; n < 10; n++) await engine.send('wait.slow', n, { key: 'k' })
  expect((await received<{ n: number }>(most, 10)).map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  for (let n = 0; n < 10; n++) await engine.send('wait.slow', n, { key: `k${n}` })
  const all = await received<{ most: number }>(most, 10)
  expect(Math.max(...all.map((one) => one.most))).toBeGreaterThan(1)
})

test('a large event that waits for an inbox is not overtaken by a smaller one of its key', async () => {
  using modules = new Modules()
  const module = modules.write(
    'config.mjs',
    `export default {
      config: { scope: 'every-worker', handle: (e, ctx) => { if (ctx.workerId === 2) return ctx.send('saw', e.data.n, { key: 'saw' }) } },
    }`,
  )
  await using engine = await createEngine({
    handlers: module,
    ringBytes: 1_024,
    pools: { a: { workers: 1, keyConcurrency: 3 }, b: { workers: 1 } },
  })
  const saw = engine.subscribe('saw', { onFull: 'block' })
  const sizes = [300, 300, 300, 10, 10]
  for (let round = 0; round < 20; round++)
    for (const [n, size] of sizes.entries())
      await engine.send('config', { n: round * sizes.length + n, pad: 'x'.repeat(size) }, { key: 'k' })
  const all = await received<number>(saw, 20 * sizes.length)
  expect(all).toEqual(Array.from({ length: 20 * sizes.length }, (_, n) => n))
})

test('a handler that names a pool which is not there is refused', async () => {
  using modules = new Modules()
  const module = modules.write('lost.mjs', "export default { a: { pool: 'gone', handle() {} } }")
  for (const options of [{ workers: 0 }, { workers: 1 }, { pools: POOLS }]) {
    const error = await createEngine({ handlers: module, ...options }).catch((reason) => reason)
    expect(error).toBeInstanceOf(HandlerLoadError)
    expect(error.message).toMatch(/pool "gone"/)
  }
})

test.each<[string, any, RegExp]>([
  ['no pools', { pools: {} }, /1 to 16 pools/],
  ['not an object', { pools: [1] }, /pools is an object/],
  ['a pool without workers', { pools: { a: {} } }, /pools\.a\.workers/],
  ['workers of its own', { pools: POOLS, workers: 2 }, /leave workers out/],
  ['lanes of its own', { pools: POOLS, lanes: 2 }, /leave lanes out/],
  ['an unknown option', { pools: { a: { workers: 1, size: 2 } } }, /pools\.a\.size/],
  ['too many workers', { pools: { a: { workers: 200 }, b: { workers: 100 } } }, /256 workers at most/],
  [
    'less concurrency than workers',
    { pools: { a: { workers: 3, concurrency: 2 } } },
    /concurrency is an integer from 3/,
  ],
  [
    'two of one id at once',
    { pools: { a: { workers: 1, keyConcurrency: 2 } }, delivery: 'effectively-once' },
    /keyConcurrency is 1/,
  ],
])('options that make no sense are refused: %s', async (_, options, message) => {
  const error = await createEngine({ handlers, ...options }).catch((reason) => reason)
  expect(error).toBeInstanceOf(OptionsError)
  expect(error.message).toMatch(message)
})

test('topics without an id find their pools, too', async () => {
  await using engine = await start({ maxTopics: 1 })
  const seen = engine.subscribe('seen', { onFull: 'block' })
  for (let n = 0; n < 20; n++) await engine.send(`both.topic-${n}`, n)
  const all = await received<Seen>(seen, 40)
  await vi.waitFor(() => expect(engine.stats().pending).toBe(0))
  expect(all.filter(({ by }) => by === 'slow')).toHaveLength(20)
})
