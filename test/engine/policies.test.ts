import { queryObjects } from 'node:v8'
import { describe, expect, test, vi } from 'vitest'
import { createEngine, type EngineOptions, HandlerLoadError, type Subscription } from '../../src/index.ts'
import { MILLRACE, Modules } from '../fixtures/program.ts'

const slow = new URL('../fixtures/slow.ts', import.meta.url)
const handlers = [new URL('../fixtures/policies.ts', import.meta.url), slow]

/** What a subscription has, once nothing is pending. */
async function dataOf(subscription: Subscription<any>): Promise<any[]> {
  const events = await subscription.receiveBatch({ max: 10_000, timeoutMs: 0 })
  return events.map(({ data }) => data)
}

async function start(options: EngineOptions) {
  const engine = await createEngine({ handlers, onError: () => {}, ...options })
  const seen = engine.subscribe('seen.**', { onFull: 'block' })
  const letters = engine.subscribe('millrace.dead-letter', { onFull: 'block' })
  return { engine, seen, letters }
}

describe.each([0, 1])('workers: %d', (workers) => {
  test('a retry tries again until an attempt succeeds, each time with the event as it was published', async () => {
    const { engine, seen, letters } = await start({ workers })
    engine.publish('retry.until', { succeedsAt: 3, items: ['a'], n: 0 })
    await engine.drain()
    expect(await dataOf(seen)).toEqual(
      [1, 2, 3].map((attempt) => ({ attempt, ctx: attempt, items: ['a', 'mutated'], n: 0 })),
    )
    expect(await dataOf(letters)).toEqual([])
    expect(engine.stats().handlers[0]).toMatchObject({
      matched: 1,
      succeeded: 1,
      deadLettered: 0,
      pending: 0,
    })
    await engine.close()
  })

  test('after its attempts an event is a dead letter with their number', async () => {
    const { engine, seen, letters } = await start({ workers })
    engine.publish('retry.until', { succeedsAt: 9, items: [], n: 0 })
    await engine.drain()
    expect((await dataOf(seen)).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(await dataOf(letters)).toMatchObject([{ attempts: 4, error: { message: 'attempt 4' } }])
    expect(engine.stats()).toMatchObject({ deadLettered: 1, balanced: true, pending: 0 })
    await engine.close()
  })

  test('no later event of the same key overtakes one that is tried again; others do', async () => {
    const { engine, seen } = await start({ workers })
    for (let n = 0; n < 6; n++) {
      engine.publish('retry.until', { succeedsAt: n % 3 === 0 ? 4 : 1, items: [], n }, { key: `k${n % 2}` })
    }
    await engine.drain()
    const order = (await dataOf(seen)).map(({ n }) => n)
    expect(order.filter((n) => n % 2 === 0)).toEqual([0, 0, 0, 0, 2, 4])
    expect(order.filter((n) => n % 2 === 1)).toEqual([1, 3, 3, 3, 3, 5])
    await engine.close()
  })

  test('whatever is thrown, it is tried again', async () => {
    const { engine, seen, letters } = await start({ workers })
    engine.publish('retry.hostile')
    await engine.drain()
    expect(await dataOf(seen)).toEqual([1, 2, 3])
    expect(await dataOf(letters)).toMatchObject([{ attempts: 3, error: { message: 'unreadable error' } }])
    await engine.close()
  })

  test('an attempt that does not settle in time has failed, and its signal aborts', async () => {
    const { engine, seen, letters } = await start({ workers })
    engine.publish('time.never', 1, { key: 'k' })
    engine.publish('time.never', 2, { key: 'k' })
    await engine.drain()
    expect(await dataOf(seen)).toEqual([1, 2, 1, 2])
    expect(await dataOf(letters)).toMatchObject(
      [1, 2].map(() => ({ attempts: 2, error: { name: 'TimeoutError', code: 'ERR_MILLRACE_TIMEOUT' } })),
    )
    await engine.close()
  })

  test('a loop that never yields sees that its time is over', async () => {
    const { engine, seen } = await start({ workers })
    engine.publish('time.loop')
    await engine.drain({ timeoutMs: 10_000 })
    expect(await dataOf(seen)).toEqual([1])
    await engine.close()
  })

  test('a breaker opens after failures in a row, lets one try after its time, and closes', async () => {
    const { engine, seen, letters } = await start({ workers })
    for (let i = 0; i < 8; i++) engine.publish('breaker.job', 'fail', { key: 'k' })
    await engine.drain()
    const codes = (await dataOf(letters)).map(({ error }) => error.code ?? error.message)
    expect(codes).toEqual([...Array(3).fill('failed'), ...Array(5).fill('ERR_MILLRACE_BREAKER_OPEN')])
    await vi.waitFor(
      async () => {
        engine.publish('breaker.job', 'fine', { key: 'k' })
        await engine.drain()
        expect(await dataOf(letters)).toEqual([])
      },
      { timeout: 10_000 },
    )
    engine.publish('breaker.report')
    await engine.drain()
    expect((await dataOf(seen)).at(-1)).toBe(4)
    await engine.close()
  })

  test('no more than its concurrency are in flight, and all have their turn', async () => {
    const { engine, seen } = await start({ workers })
    for (let i = 0; i < 20; i++) engine.publish('crowd.job')
    await engine.drain()
    const running = await dataOf(seen)
    expect(running).toHaveLength(20)
    expect(Math.max(...running)).toBe(2)
    expect(engine.stats()).toMatchObject({ completed: 41 - 1, balanced: true })
    await engine.close()
  })

  test('an engine that stops leaves what waits for its retry, and ends', async () => {
    const { engine } = await start({ workers })
    engine.publish('retry.until', { succeedsAt: 9, items: [], n: 0 })
    const { drained, ledger } = await engine.close({ timeoutMs: 0 })
    expect(drained).toBe(false)
    expect(ledger).toMatchObject({ pending: ledger.accepted - ledger.completed, balanced: true })
  })
})

describe('deaths', () => {
  test('an event that kills its worker each time is a dead letter, and those beside it are not', async () => {
    const { engine, seen, letters } = await start({ workers: 1 })
    for (let n = 0; n < 5; n++) engine.publish('slow.job', n)
    engine.publish('kill.always', 'deadly')
    for (let n = 5; n < 10; n++) engine.publish('slow.job', n)
    await engine.drain({ timeoutMs: 20_000 })
    expect(await dataOf(letters)).toMatchObject([
      {
        handler: 'kill.always',
        attempts: 3,
        error: { name: 'WorkerDiedError', code: 'ERR_MILLRACE_WORKER_DIED' },
        event: { data: 'deadly' },
      },
    ])
    const started = await dataOf(seen)
    expect(new Set(started.map(({ n }) => n)).size).toBe(10)
    // Once beside the one that kills, once alone: never in flight again when it kills.
    expect(Math.max(...started.map(({ attempt }) => attempt))).toBeLessThanOrEqual(2)
    const { deadLettered, completed, unmatched, accepted, pending } = engine.stats()
    expect({ deadLettered, pending }).toEqual({ deadLettered: 1, pending: 0 })
    expect(completed + unmatched + deadLettered).toBe(accepted)
    await engine.close()
  })

  test('what has killed its worker once is handled alone', async () => {
    let next = 0
    let publishing: NodeJS.Timeout | undefined
    const { engine, seen, letters } = await start({
      workers: 1,
      // From the first death on: while the worker is being replaced, and while the event that kills is handled again.
      onError: () => {
        publishing ??= setInterval(() => {
          engine.publish('slow.job', next, next % 2 === 0 ? {} : { key: `k${next % 10}` })
          next++
        }, 5)
      },
    })
    engine.publish('kill.always', 1, { key: 'k' })
    const letter = await letters.receive({ timeoutMs: 20_000 })
    expect(letter?.data).toMatchObject({ handler: 'kill.always', attempts: 3 })
    clearInterval(publishing)
    await engine.drain({ timeoutMs: 20_000 })
    const started = (await dataOf(seen)).sort((a, b) => a.n - b.n)
    expect(started).toEqual(Array.from({ length: next }, (_, n) => ({ n, attempt: 1 })))
    await engine.close()
  })

  test('attempts go on counting after a death, up to those of the retry', async () => {
    const onError = vi.fn()
    const { engine, letters } = await start({ workers: 1, redeliveries: 0, onError })
    engine.publish('kill.third')
    await engine.drain({ timeoutMs: 20_000 })
    expect(await dataOf(letters)).toMatchObject([{ attempts: 5, error: { message: 'attempt 5' } }])
    expect(onError.mock.calls.map(([{ code }]) => code)).toEqual([
      'ERR_MILLRACE_WORKER_DIED',
      'ERR_MILLRACE_HANDLER',
    ])
    await engine.close()
  })

  test('redeliveries says how often', async () => {
    const { engine, letters } = await start({ workers: 1, redeliveries: 0 })
    engine.publish('kill.always')
    await engine.drain({ timeoutMs: 20_000 })
    expect(await dataOf(letters)).toMatchObject([{ attempts: 1 }])
    await engine.close()
  })

  test('at most once: what was in flight is dropped and counted, nothing starts twice', async () => {
    const { engine, seen, letters } = await start({
      workers: 1,
      delivery: 'at-most-once',
      handlers: slow,
    })
    for (let n = 0; n < 5; n++) engine.publish('slow.job', n)
    engine.publish('kill.first')
    for (let n = 5; n < 10; n++) engine.publish('slow.job', n)
    await engine.drain({ timeoutMs: 20_000 })
    const started = await dataOf(seen)
    expect(started.every(({ attempt }) => attempt === 1)).toBe(true)
    expect(new Set(started.map(({ n }) => n)).size).toBe(started.length)
    expect(await dataOf(letters)).toEqual([])
    const { dropped, deadLettered, balanced, pending, handlers: each } = engine.stats()
    expect(each.reduce((sum, handler) => sum + handler.dropped, 0)).toBe(dropped)
    expect(each.reduce((sum, { matched }) => sum + matched, 0)).toBe(11)
    expect({ deadLettered, balanced, pending }).toEqual({ deadLettered: 0, balanced: true, pending: 0 })
    expect(dropped).toBeGreaterThanOrEqual(1)
    await engine.close()
  })
})

test('what waits for its turn at a handler when its worker dies has not been attempted', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'turns.mjs',
    `export default { job: { concurrency: 1, async handle({ data }, ctx) {
       ctx.publish('seen.started', [data, ctx.attempt])
       await new Promise((resolve) => setTimeout(resolve, 50))
       if (data === 0) process.exit(1)
     } } }`,
  )
  const { engine, seen, letters } = await start({ workers: 1, redeliveries: 0, handlers })
  for (let n = 0; n < 4; n++) engine.publish('job', n)
  await engine.drain()
  expect((await dataOf(letters)).map(({ event }) => event.data)).toEqual([0])
  expect(await dataOf(seen)).toEqual([0, 1, 2, 3].map((n) => [n, 1]))
  await engine.close()
})

test('a filter is not an attempt', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'turns.mjs',
    `export default { job: { concurrency: 1, filter: () => true, async handle({ data }) {
       await new Promise((resolve) => setTimeout(resolve, 50))
       if (data === 0) process.exit(1)
     } } }`,
  )
  const { engine } = await start({ workers: 1, delivery: 'at-most-once', handlers })
  for (let n = 0; n < 4; n++) engine.publish('job', n)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ dropped: 1, completed: 3, balanced: true })
  await engine.close()
})

test.each([
  ['retry: { attempts: 2 }', 'void ctx.signal.aborted'],
  ['timeoutMs: 20', 'void ctx.signal.aborted'],
  ['timeoutMs: 1', 'await new Promise((resolve) => setTimeout(resolve, 5)); void ctx.signal.aborted'],
])('signals of events that have settled are let go: %s', async (policy, body) => {
  using modules = new Modules()
  const source = `export default { job: { ${policy}, async handle(_, ctx) { ${body} } } }`
  const { engine } = await start({ workers: 0, handlers: modules.write('signals.mjs', source) })
  for (let n = 0; n < 200; n++) await engine.send('job', n)
  await engine.drain()
  // Handlers whose time was over go on for a little.
  await vi.waitFor(() => expect(queryObjects(AbortController, { format: 'count' })).toBeLessThan(50))
  await engine.close()
})

test('at most once rules retry out', async () => {
  const error = await createEngine({ workers: 1, delivery: 'at-most-once', handlers }).catch(
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error.message).toMatch(/retry.until .* at most once is once/)
})

describe.each([0, 1])('time limits of handlers that never yield, workers: %d', (workers) => {
  test.each([
    ['a loop that minds ctx.cancelled', 'handle(_, ctx) { while (!ctx.cancelled); }'],
    ['a loop that minds ctx.signal', 'handle(_, ctx) { while (!ctx.signal.aborted); }'],
    [
      'a loop that minds a signal it was given',
      'handle(_, { signal }) { try { for (;;) signal.throwIfAborted() } catch {} }',
    ],
    [
      'one that takes too long',
      'handle() { for (const end = performance.now() + 60; performance.now() < end; ); }',
    ],
    [
      'one that takes too long after it has waited',
      'async handle() { await 0; for (const end = performance.now() + 60; performance.now() < end; ); }',
    ],
  ])('%s has failed', async (_, handle) => {
    using modules = new Modules()
    const source = `export default { job: { timeoutMs: 30, retry: { attempts: 2, delayMs: 1 }, ${handle} } }`
    const { engine, letters } = await start({ workers, handlers: modules.write('late.mjs', source) })
    engine.publish('job', 1)
    await engine.drain()
    expect(await dataOf(letters)).toMatchObject([{ attempts: 2, error: { code: 'ERR_MILLRACE_TIMEOUT' } }])
    await engine.close()
  })
})

test.each([
  ['retry: 3', /retry has attempts, delayMs, maxDelayMs; not 3/],
  ['retry: { attempts: 0 }', /retry.attempts is an integer from 1/],
  ['retry: { attempts: 2, factor: 2 }', /retry has attempts, delayMs, maxDelayMs; factor/],
  ['retry: { attempts: 2, delayMs: -1 }', /retry.delayMs/],
  ['timeoutMs: 0', /timeoutMs is an integer from 1/],
  ['breaker: { failures: 3 }', /breaker.resetMs/],
  ['concurrency: 0.5', /concurrency/],
])('a handler with %s does not load', async (policy, message) => {
  using modules = new Modules()
  const file = modules.write(
    'handlers.ts',
    `import { defineHandlers } from '${MILLRACE}'\nexport default defineHandlers({ 'a.b': { ${policy}, handle() {} } } as any)`,
  )
  const error = await createEngine({ workers: 0, handlers: file }).catch((reason) => reason)
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error.message).toMatch(message)
})
