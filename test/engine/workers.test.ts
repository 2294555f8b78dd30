import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setEnvironmentData } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  CapabilityError,
  ClosedError,
  createEngine,
  type Engine,
  type EngineOptions,
  OptionsError,
} from '../../src/index.ts'
import { Modules } from '../fixtures/program.ts'
import { received } from '../fixtures/received.ts'

let files: Modules
beforeEach(() => {
  files = new Modules()
})
afterEach(() => files[Symbol.dispose]())

const start = (options: EngineOptions): Promise<Engine> => createEngine({ onError: () => {}, ...options })

/** Ticks at each beginning and end of a handler, on whatever worker. */
const clock = new Int32Array(new SharedArrayBuffer(4))
setEnvironmentData('workers.test clock', clock)

/** Tells who handles what, and when. */
const TELLING = `
  import { setImmediate as turn } from 'node:timers/promises'
  import { getEnvironmentData } from 'node:worker_threads'
  const clock = getEnvironmentData('workers.test clock')
  const tick = () => Atomics.add(clock, 0, 1)
  export default {
    'work.*': async (event, ctx) => {
      const { turns, n } = event.data
      const from = tick()
      for (let i = 0; i < turns; i++) await turn()
      await ctx.send('told', { worker: ctx.workerId, lane: ctx.lane, key: event.key, n, from, to: tick() })
    },
    hold: (event, ctx) => new Promise((resolve) => {
      const channel = new BroadcastChannel(event.data)
      channel.onmessage = () => {
        channel.close()
        resolve(ctx.request('relay', event.key, { key: 'another' }))
      }
      ctx.publish('held', [ctx.workerId, ctx.lane])
    }),
    relay: (event, ctx) => ctx.request('part.asked', 1, { key: event.data }),
    'part.asked': (event, ctx) => ctx.workerId,
    who: (event, ctx) => ctx.workerId,
  }`

/** Lets a handler of `hold` go on. */
function letGo(name: string): void {
  const channel = new BroadcastChannel(name)
  channel.postMessage('go')
  channel.close()
}

const ids = (engine: Engine): number[] => engine.workers.list().map(({ workerId }) => workerId)

test('workers are added up to the limit, and removed down to one', async () => {
  await using engine = await start({ workers: 1, maxWorkers: 3, handlers: files.write('a.mjs', TELLING) })
  expect(engine.workers.list()).toEqual([{ workerId: 1, pool: 'default' }])
  expect(await Promise.all([engine.workers.add(), engine.workers.add()])).toEqual([2, 3])
  expect(engine.stats().pools).toMatchObject([{ workers: [1, 2, 3] }])
  expect(await engine.workers.add().catch((error) => error)).toBeInstanceOf(CapabilityError)
  await Promise.all([engine.workers.remove(1), engine.workers.remove(3)])
  expect(engine.stats().workers).toMatchObject([{ workerId: 2 }])
  expect(await engine.request('who')).toBe(2)
  expect(await engine.workers.remove(2).catch((error) => error)).toBeInstanceOf(OptionsError)
  // It has nothing of the one that was there before.
  expect(await engine.workers.add()).toBe(1)
  expect(engine.stats().workers).toMatchObject([
    { workerId: 1, dispatched: 0 },
    { workerId: 2, dispatched: 1 },
  ])
})

test.each(['add', 'remove'])(
  'what a handler waits for in memory lies in its lane: it comes, though workers change (%s)',
  async (change) => {
    const handlers = files.write(
      'a.mjs',
      `const open = new Map()
    export default {
      order: (event, ctx) => new Promise((resolve) => {
        open.set(event.data, () => resolve(ctx.workerId))
        ctx.publish('payment.wanted', event.data)
      }),
      paid: (event) => open.get(event.data)(),
    }`,
    )
    await using engine = await start({ workers: change === 'add' ? 1 : 2, maxWorkers: 2, lanes: 2, handlers })
    const wanted = engine.subscribe('payment.wanted', { onFull: 'block' })
    const keys = Array.from({ length: 16 }, (_, n) => `k${n}`)
    const orders = keys.map((key) => engine.request('order', key, { key }))
    await received(wanted, 16)
    const changed = change === 'add' ? engine.workers.add() : engine.workers.remove(1)
    await vi.waitFor(() => expect(engine.stats().pools[0]!.workers).toHaveLength(change === 'add' ? 2 : 1))
    // Behind those of the same key, and therefore with others.
    for (const key of keys) engine.publish('paid', key, { key: `${key}, paid` })
    await engine.drain({ timeoutMs: 10_000 }).catch(() => {})
    const { handlers: counts } = engine.stats()
    const [order, paid] = counts
    // Those whose payment was handled by the same worker.
    expect(order!.succeeded + paid!.deadLettered).toBe(16)
    expect(paid).toMatchObject({ matched: 16, pending: 0 })
    if (change === 'remove') expect(order!.succeeded).toBeGreaterThan(0)
    await Promise.race([Promise.allSettled(orders), changed])
  },
)

test('one leaves though events for every worker never cease', async () => {
  const handlers = files.write(
    'a.mjs',
    `export default { tick: { scope: 'every-worker', handle: () => new Promise((resolve) => setTimeout(resolve, 50)) } }`,
  )
  await using engine = await start({ workers: 2, handlers })
  let isDone = false
  const ticking = (async () => {
    for (; !isDone; await new Promise((resolve) => setTimeout(resolve, 5)))
      engine.publish('tick', 1, { onFull: 'drop-newest' })
  })()
  await vi.waitFor(() => expect(engine.stats().handlers[0]!.succeeded).toBeGreaterThan(10))
  await engine.workers.remove(1)
  isDone = true
  await ticking
  expect(ids(engine)).toEqual([2])
})

test('one that dies of its teardown, or can not be started again, has left: what lay in its inbox is given up', async () => {
  const onError = vi.fn()
  const file = files.write(
    'a.mjs',
    `import { isMainThread } from 'node:worker_threads'
    export const hooks = { teardown: () => process.exit(3) }
    export default {
      tick: { scope: 'every-worker', handle: () => {} },
      die: () => process.exit(1),
      who: (event, ctx) => ctx.workerId,
    }`,
  )
  await using engine = await createEngine({
    workers: 2,
    maxWorkers: 3,
    handlers: file,
    onError,
    redeliveries: 0,
    ringBytes: 1_024,
  })
  await engine.workers.remove(1)
  expect(ids(engine)).toEqual([2])
  expect(onError).toHaveBeenCalledTimes(1)
  expect(await engine.workers.add()).toBe(1)
  files.write('a.mjs', "throw new Error('broken since')")
  await engine.request('die').catch(() => {})
  const dead = onError.mock.calls[1]![0].workerId
  const large = new Uint8Array(2_000)
  for (let n = 0; n < 4; n++) await engine.send('tick', large)
  await vi.waitFor(() => expect(onError.mock.calls.length).toBeGreaterThan(3), { timeout: 10_000 })
  await engine.workers.remove(dead)
  expect(await engine.request('who')).toBe(3 - dead)
  for (let n = 0; n < 40; n++) await engine.send('tick', large)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, blocks: { usedBytes: 0 } })
}, 20_000)

test('bad calls are refused, and change nothing', async () => {
  const handlers = files.write('a.mjs', TELLING)
  await using engine = await start({
    pools: { a: { workers: 1, maxWorkers: 2 }, b: { workers: 1 } },
    handlers,
  })
  const refused = async (change: Promise<unknown>): Promise<unknown> => change.catch((error) => error)
  expect(await refused(engine.workers.add({ pool: 'c' }))).toBeInstanceOf(OptionsError)
  expect(await refused(engine.workers.add({ pool: 'b' }))).toBeInstanceOf(CapabilityError)
  for (const options of [null, 5, 'a', [], { pol: 'a' }] as any[])
    expect(await refused(engine.workers.add(options))).toBeInstanceOf(OptionsError)
  for (const id of [0, 2, 4, 1.5, Number.NaN, '1' as unknown as number])
    expect(await refused(engine.workers.remove(id))).toBeInstanceOf(OptionsError)
  expect(engine.workers.list()).toEqual([
    { workerId: 1, pool: 'a' },
    { workerId: 3, pool: 'b' },
  ])
  expect(await engine.workers.add({ pool: 'a' })).toBe(2)
  await using inline = await start({ workers: 0, handlers })
  expect(await refused(inline.workers.add())).toBeInstanceOf(OptionsError)
  expect(await refused(inline.workers.remove(0))).toBeInstanceOf(OptionsError)
  await engine.close()
  expect(await refused(engine.workers.add())).toBeInstanceOf(ClosedError)
  expect(await refused(engine.workers.remove(1))).toBeInstanceOf(ClosedError)
})

test.each([
  [{ workers: 2, maxWorkers: 1 }],
  [{ workers: 2, maxWorkers: 257 }],
  [{ workers: 0, maxWorkers: 2 }],
  [{ maxWorkers: 2, pools: { a: { workers: 1 } } }],
  [{ pools: { a: { workers: 2, maxWorkers: 1 } } }],
  [{ pools: { a: { workers: 1, maxWorkers: 4, concurrency: 2 } } }],
] as [EngineOptions][])('%j is refused', async (options) => {
  await expect(createEngine(options)).rejects.toBeInstanceOf(OptionsError)
})

test('one that can not be started changes nothing', async () => {
  const file = files.write('a.mjs', TELLING)
  await using engine = await start({ workers: 1, maxWorkers: 2, handlers: file })
  for (const source of ["throw new Error('not here')", 'process.exit(3)']) {
    files.write('a.mjs', source)
    expect(await engine.workers.add().catch((error) => error.code)).toMatch(/HANDLER_LOAD|WORKER_DIED/)
    expect(ids(engine)).toEqual([1])
    await engine.send('work.a', { n: 1 }, { key: 'k' })
  }
  files.write('a.mjs', TELLING)
  expect(await engine.workers.add()).toBe(2)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ completed: 2, balanced: true })
})

describe.each(['sticky', 'balanced'] as const)('%s lanes', (affinity) => {
  test('workers come and go under load: every event is handled once, and the order of keys stays', async () => {
    await using engine = await start({
      affinity,
      ringBytes: 4_096,
      pools: { a: { workers: 1, maxWorkers: 3, lanes: 5 }, b: { workers: 2 } },
      handlers: files.write('a.mjs', TELLING),
    })
    const told = engine.subscribe('told', { onFull: 'block' })
    let sent = 0
    let isDone = false
    const load = (async () => {
      const order = new Map<string, number>()
      while (!isDone) {
        const key = `k${sent % 17}`
        const n = order.get(key) ?? 0
        order.set(key, n + 1)
        await engine.send('work.a', { n, turns: sent % 3 }, { key })
        sent++
      }
    })()
    const seen: { worker: number; key: string; n: number; from: number; to: number }[] = []
    const reading = (async () => {
      for await (const { data } of told) seen.push(data)
    })()
    for (let change = 0; change < 24; change++) {
      const here = engine.workers.list().filter(({ pool }) => pool === 'a')
      const gone = here[change % here.length]!.workerId
      const before = seen.length
      if (here.length === 1 || (here.length === 2 && change % 3 > 0)) {
        const added = await engine.workers.add({ pool: 'a' })
        const isThere = () => expect(seen.slice(before).some(({ worker }) => worker === added)).toBe(true)
        await vi.waitFor(isThere, { timeout: 10_000 })
      } else {
        await engine.workers.remove(gone)
        const since = seen.length
        await vi.waitFor(() => expect(seen.length).toBeGreaterThan(since + 200), { timeout: 10_000 })
        // What it has sent may still be on its way.
        expect(seen.slice(since + 100).filter(({ worker }) => worker === gone)).toEqual([])
      }
    }
    isDone = true
    await load
    await engine.drain()
    await vi.waitFor(() => expect(seen).toHaveLength(sent), { timeout: 10_000 })
    told.unsubscribe()
    await reading
    for (let k = 0; k < 17; k++) {
      const own = seen.filter(({ key }) => key === `k${k}`).sort((one, other) => one.from - other.from)
      expect(own.map(({ n }) => n)).toEqual(own.map((_, n) => n))
      for (let i = 1; i < own.length; i++) expect(own[i]!.from).toBeGreaterThan(own[i - 1]!.to)
    }
    expect(new Set(seen.map(({ worker }) => worker)).size).toBe(3)
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, deadLettered: 0, dropped: 0 })
  }, 120_000)

  test('one that leaves ends what it has begun, and what that waits for; what lies behind goes to the others', async () => {
    const handlers = files.write('a.mjs', TELLING)
    await using engine = await start({ affinity, workers: 2, lanes: 4, handlers })
    const held = engine.subscribe('held')
    const told = engine.subscribe('told', { onFull: 'block' })
    const holding = engine.request('hold', 'gate', { key: 'k' })
    const [[leaving, lane]] = (await received<[number, number]>(held, 1)) as [[number, number]]
    const stays = 3 - leaving
    const removed = engine.workers.remove(leaving)
    await vi.waitFor(() => expect(engine.stats().pools[0]!.workers).toEqual([stays]))
    for (let n = 0; n < 40; n++) await engine.send('work.a', { n, turns: 1 }, { key: `k${n}` })
    // Those of the held one's lane are its own, if it goes on with them, all others are not.
    const others = await received(told, 40)
    expect(others.filter(({ worker, lane: other }) => worker !== stays && other !== lane)).toEqual([])
    expect(ids(engine)).toEqual([1, 2])
    letGo('gate')
    // What it has asked for lay in its own lane.
    expect(await holding).toBe(leaving)
    await removed
    expect(ids(engine)).toEqual([stays])
    for (let n = 0; n < 40; n++) await engine.send('work.a', { n, turns: 1 }, { key: `k${n}` })
    expect((await received(told, 40)).filter(({ worker }) => worker !== stays)).toEqual([])
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, deadLettered: 0 })
  })

  test('one that is killed while it leaves has left', async () => {
    const onError = vi.fn()
    const handlers = files.write('a.mjs', TELLING)
    await using engine = await createEngine({ affinity, workers: 2, handlers, onError })
    const held = engine.subscribe('held')
    engine.publish('hold', 'one', { key: 'k' })
    const [[leaving]] = (await received<[number]>(held, 1)) as [[number]]
    const removed = engine.workers.remove(leaving!)
    const { slots } = (engine as any).crew.supervisor
    slots[leaving! - 1].worker.kill(new Error('killed'))
    await removed
    expect(onError.mock.calls.map(([{ code }]) => code)).toEqual(['ERR_MILLRACE_WORKER_DIED'])
    expect(ids(engine)).toEqual([3 - leaving!])
    // Handled again, by the one that stays. What the other one said may have been under way when it died, and come twice.
    let [again] = await received<[number]>(held, 1)
    while (again![0] === leaving) [again] = await received<[number]>(held, 1)
    expect(again).toEqual([3 - leaving!, expect.any(Number)])
    letGo('one')
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, completed: 5 })
    expect(engine.stats().handlers.map(({ pending }) => pending)).toEqual([0, 0, 0, 0, 0])
  })
})

test('one that leaves waits for what its handlers have asked, though nobody awaits it', async () => {
  const handlers = files.write(
    'a.mjs',
    `export default {
      ask: { pool: 'a', handle: (event, ctx) => {
        for (let n = 0; n < 5; n++) ctx.request('step', n).catch(() => {})
        return ctx.workerId
      } },
      step: { pool: 'b', handle: () => new Promise((resolve) => setTimeout(resolve, 20)) },
    }`,
  )
  const pools = { a: { workers: 2 }, b: { workers: 1, concurrency: 1 } }
  await using engine = await start({ pools, handlers })
  await engine.workers.remove(await engine.request('ask'))
  await engine.drain()
  expect(engine.stats()).toMatchObject({ completed: 6, expired: 0, balanced: true })
})

test('one that leaves waits for what its handlers have sent, though nobody awaits it', async () => {
  const handlers = files.write(
    'a.mjs',
    `export default {
      'hold.b': { pool: 'b', handle: (event, ctx) => new Promise((resolve) => {
        const channel = new BroadcastChannel(event.data)
        channel.onmessage = () => { channel.close(); resolve() }
        ctx.publish('held', ctx.workerId)
      }) },
      'to.b': { pool: 'b', handle: () => {} },
      pass: { pool: 'a', handle: (event, ctx) => {
        // Once it has ended.
        setImmediate(() => {
          for (let n = 0; n < 100; n++) void ctx.send('to.b', n, { key: 'k', onFull: 'block' })
          ctx.publish('held', ctx.workerId)
        })
      } },
    }`,
  )
  const pools = { a: { workers: 2 }, b: { workers: 1, lanes: 1 } }
  await using engine = await start({ pools, ringBytes: 1_024, handlers })
  const held = engine.subscribe('held')
  engine.publish('hold.b', 'sends', { key: 'k' })
  await received(held, 1)
  engine.publish('pass')
  const [sender] = await received<number>(held, 1)
  const removed = engine.workers.remove(sender!)
  let hasLeft = false
  void removed.then(() => {
    hasLeft = true
  })
  // As long as it would take to leave.
  for (let n = 0; n < 3; n++) await engine.modules.replace(handlers)
  expect(hasLeft).toBe(false)
  letGo('sends')
  await removed
  await engine.drain()
  const [, passed] = engine.stats().handlers
  expect(passed).toMatchObject({ pattern: 'to.b', succeeded: 100 })
})

test.each(['sticky', 'balanced'] as const)(
  '%s lanes whose events may be overwritten change hands: none is handled twice',
  async (affinity) => {
    const counts = new Uint8Array(new SharedArrayBuffer(2 ** 26))
    setEnvironmentData('workers.test counts', counts)
    const handlers = files.write(
      'a.mjs',
      `import { getEnvironmentData } from 'node:worker_threads'
    const counts = getEnvironmentData('workers.test counts')
    export default { 'work.*': ({ data }) => void Atomics.add(counts, data, 1) }`,
    )
    await using engine = await start({
      affinity,
      workers: 2,
      maxWorkers: 3,
      lanes: 3,
      ringBytes: 4_096,
      handlers,
    })
    let sent = 0
    let isDone = false
    const load = (async () => {
      for (; !isDone; await new Promise((resolve) => setImmediate(resolve))) {
        for (let i = 0; i < 200; i++, sent++) {
          const onFull = sent % 3 === 0 ? 'coalesce' : 'drop-oldest'
          engine.publish('work.a', sent, { key: `k${sent % 7}`, onFull })
        }
      }
    })()
    for (let change = 0; change < 20; change++) {
      const { completed } = engine.stats()
      if (change % 2 === 0) await engine.workers.add()
      else await engine.workers.remove(1 + (change % 3))
      await vi.waitFor(() => expect(engine.stats().completed).toBeGreaterThan(completed + 100), 10_000)
    }
    isDone = true
    await load
    await engine.drain()
    const { completed, ...stats } = engine.stats()
    expect(stats).toMatchObject({ accepted: sent, balanced: true, pending: 0, deadLettered: 0 })
    expect(counts.findIndex((count) => count > 1)).toBe(-1)
    expect(counts.reduce((sum, count) => sum + count)).toBe(completed)
  },
  60_000,
)

test('events for every worker reach those that are there, and those that come get what is to be replayed', async () => {
  const handlers = files.write(
    'a.mjs',
    `export default {
      'config.*': { scope: 'every-worker', replayLast: true, handle: (event, ctx) =>
        ctx.send('told', [ctx.workerId, event.data], { key: 'to ' + ctx.workerId }) },
      'hold.all': { scope: 'every-worker', handle: (event, ctx) => new Promise((resolve) => {
        const channel = new BroadcastChannel(event.data)
        channel.onmessage = () => { channel.close(); resolve() }
        ctx.publish('held', ctx.workerId)
      }) },
    }`,
  )
  await using engine = await start({ workers: 2, maxWorkers: 3, ringBytes: 1_024, handlers })
  const told = engine.subscribe('told', { onFull: 'block' })
  const held = engine.subscribe('held', { onFull: 'block' })
  await engine.send('config.a', 'first')
  expect((await received(told, 2)).sort()).toEqual([
    [1, 'first'],
    [2, 'first'],
  ])
  expect(await engine.workers.add()).toBe(3)
  expect(await received(told, 1)).toEqual([[3, 'first']])
  await engine.send('hold.all', 'every')
  expect((await received(held, 3)).sort()).toEqual([1, 2, 3])
  // More than there is room for in the inboxes.
  const sends = Array.from({ length: 60 }, (_, n) => engine.send('config.a', n, { key: 'k' }))
  const removed = engine.workers.remove(3)
  letGo('every')
  await Promise.all([...sends, removed])
  await engine.drain()
  const all = await received(told, 120)
  for (const worker of [1, 2]) {
    const own = all.filter(([who]) => who === worker).map(([, n]) => n)
    expect(own).toEqual(Array.from({ length: own.length }, (_, n) => n))
    expect(own.length).toBeGreaterThan(30)
  }
  await engine.send('config.a', 'last')
  await engine.drain()
  const rest = await told.receiveBatch({ max: 100, timeoutMs: 0 })
  const last = [...all, ...rest.map(({ data }) => data)].filter(([, value]) => value === 'last')
  expect(last.sort()).toEqual([
    [1, 'last'],
    [2, 'last'],
  ])
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0 })
})

test('modules change while a worker comes, and while one leaves', async () => {
  const file = files.write('a.mjs', TELLING)
  await using engine = await start({ workers: 2, maxWorkers: 3, handlers: file })
  const held = engine.subscribe('held')
  const holding = engine.request('hold', 'module', { key: 'k' })
  const [[leaving]] = (await received<[number]>(held, 1)) as [[number]]
  const removed = engine.workers.remove(leaving!)
  files.write('a.mjs', TELLING.replace('who: (event, ctx) => ctx.workerId', "who: () => 'new'"))
  const [, added] = await Promise.all([engine.modules.replace(file), engine.workers.add()])
  expect(added).toBe(3)
  for (let n = 0; n < 20; n++) expect(await engine.request('who', n)).toBe('new')
  letGo('module')
  expect(await holding).toBe(leaving)
  await removed
  // A change that waited for it only.
  await engine.modules.replace(file)
  expect(await engine.request('who')).toBe('new')
})

test('a lane is lost before another worker gains it, and the one that leaves is torn down', async () => {
  const logFile = join(files.folder, 'log.txt')
  const handlers = files.write(
    'a.mjs',
    `import { appendFileSync } from 'node:fs'
    const log = (line) => appendFileSync(${JSON.stringify(logFile)}, line + '\\n')
    export const hooks = {
      laneGained: (lane, { workerId }) => log('gained ' + lane + ' ' + workerId),
      laneLost: async (lane, { workerId }) => { await null; log('lost ' + lane + ' ' + workerId) },
      teardown: ({ workerId }) => log('down ' + workerId),
    }
    export default { 'work.*': () => {} }`,
  )
  await using engine = await start({ workers: 2, lanes: 4, handlers })
  const sendAll = async () => {
    for (let n = 0; n < 40; n++) await engine.send('work.a', n, { key: `k${n}` })
    await engine.drain()
  }
  await sendAll()
  await engine.workers.remove(1)
  await sendAll()
  await engine.workers.add()
  await sendAll()
  const lines = readFileSync(logFile, 'utf8').trim().split('\n')
  for (const lane of [0, 1, 2, 3]) {
    const turns = lines.filter((line) => line.includes(` ${lane} `))
    const holders = turns.filter((line) => line.startsWith('gained')).map((line) => line.split(' ')[2])
    const expected = holders.flatMap((who) => [`gained ${lane} ${who}`, `lost ${lane} ${who}`])
    expect(turns).toEqual(expected.slice(0, turns.length))
    expect(expected.length - turns.length).toBe(1)
  }
  expect(lines.filter((line) => line.startsWith('down'))).toEqual(['down 1'])
  const homes = [1, 2].map(
    (who) => lines.filter((line) => line.startsWith('gained') && line.endsWith(` ${who}`)).length,
  )
  // Two at first; those that were the other's; and two of them go back.
  expect(homes).toEqual([4, 4])
})

test('a pool’s concurrency is divided anew', async () => {
  const handlers = files.write(
    'a.mjs',
    `import { setImmediate as turn } from 'node:timers/promises'
    let running = 0
    export default { 'work.*': async (event, ctx) => {
      running++
      for (let i = 0; i < 3; i++) await turn()
      ctx.publish('peak', [ctx.workerId, running--])
    } }`,
  )
  const pools = { a: { workers: 2, maxWorkers: 2, concurrency: 8 } }
  await using engine = await start({ pools, handlers })
  const peak = engine.subscribe('peak', { onFull: 'block' })
  const most = async () => {
    const sends = Array.from({ length: 300 }, (_, n) => engine.send('work.a', n, { key: `k${n}` }))
    const all = await received<[number, number]>(peak, 300)
    await Promise.all(sends)
    return [1, 2].map((who) => Math.max(0, ...all.filter(([id]) => id === who).map(([, running]) => running)))
  }
  expect(await most()).toEqual([4, 4])
  await engine.workers.remove(1)
  expect(await most()).toEqual([0, 8])
  await engine.workers.add()
  expect(await most()).toEqual([4, 4])
})
