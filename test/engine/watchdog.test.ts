import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createEngine, type EngineOptions, type MillraceError, StuckError } from '../../src/index.ts'

const handlers = new URL('../fixtures/stuck.ts', import.meta.url)

/** An engine with one worker; `error` resolves with what it tells next. */
async function start(options: EngineOptions) {
  const errors: MillraceError[] = []
  const waiting: ((error: MillraceError) => void)[] = []
  const onError = (error: MillraceError) => {
    errors.push(error)
    waiting.shift()?.(error)
  }
  const engine = await createEngine({ workers: 1, handlers, onError, stuckMs: 200, ...options })
  const next = () => new Promise<MillraceError>((resolve) => waiting.push(resolve))
  return { engine, errors, next }
}

test('a handler that blocks its thread is named while it does, with its event and since when', async () => {
  const { engine, errors, next } = await start({})
  await using _ = engine
  for (let n = 0; n < 5; n++) await engine.send('stuck.not', 1)
  await engine.drain()
  const error = next()
  const before = Date.now()
  await engine.send('stuck.now', 1_500, { id: 'the-one' })
  const told = (await error) as StuckError
  expect(told).toBeInstanceOf(StuckError)
  expect(engine.stats()).toMatchObject({ pending: 1 })
  expect(told).toMatchObject({ code: 'ERR_MILLRACE_STUCK', workerId: 1, handler: 'blocker' })
  expect(told.events).toMatchObject([{ id: 'the-one', type: 'stuck.now', attempt: 1, outcome: undefined }])
  expect(told.message).toContain('handler blocker, on event the-one of type stuck.now')
  expect(told.since).toBeGreaterThanOrEqual(before - 300)
  expect(told.since).toBeLessThanOrEqual(Date.now())
  expect(told.forMs).toBeGreaterThanOrEqual(200)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ completed: 6, balanced: true })
  // Again, whenever the time has doubled.
  expect(errors.length).toBeGreaterThanOrEqual(2)
  expect(errors.length).toBeLessThanOrEqual(4)
})

test('a handler that blocks is named also when its module is gone', async () => {
  const { engine, next } = await start({})
  await using _ = engine
  const [first, second] = [next(), next()]
  await engine.send('stuck.now', 1_500)
  expect(await first).toMatchObject({ handler: 'blocker' })
  await engine.modules.remove(engine.modules.list()[0]!)
  expect(engine.stats().handlers).toEqual([])
  expect(await second).toMatchObject({ handler: 'blocker' })
})

test('a filter that blocks is its handler', async () => {
  const { engine, next } = await start({})
  await using _ = engine
  const error = next()
  await engine.send('stuck.filter', 600)
  expect(await error).toMatchObject({ handler: 'stuck.filter', events: [{ type: 'stuck.filter' }] })
  await engine.drain()
})

test.each([
  [
    'tried again',
    [
      { type: 'stuck.again', data: 1_500, id: 'guilty', key: 'a' },
      { type: 'stuck.again', data: 0, id: 'innocent', key: 'b' },
    ],
  ],
  [
    'whose turn has come',
    [
      { type: 'stuck.turn', data: -1, id: 'first', key: 'a' },
      { type: 'stuck.turn', data: 1_500, id: 'guilty', key: 'b' },
      { type: 'stuck.turn', data: 0, id: 'last', key: 'c' },
    ],
  ],
])('of several in flight, the one is named for which the handler was called: %s', async (_, events) => {
  const { engine, errors } = await start({})
  await using _engine = engine
  await engine.sendBatch(events)
  await engine.drain()
  // On a machine that is busy otherwise, the thread may also seem stuck while no handler is called.
  const named = (errors as StuckError[]).filter(({ handler }) => handler !== undefined)
  expect(named.map(({ handler, events: [event] }) => [handler, event?.id])).toEqual(
    named.map(() => [events[0]!.type, 'guilty']),
  )
  expect(named.length).toBeGreaterThan(0)
})

test('one that blocks after it has waited is one of those in flight', async () => {
  const { engine, next } = await start({})
  await using _ = engine
  const error = next()
  await engine.sendBatch([
    { type: 'stuck.not', data: 300 },
    { type: 'stuck.later', data: 800 },
  ])
  const told = (await error) as StuckError
  expect(told.handler).toBeUndefined()
  expect(told.events.map(({ type }) => type)).toContain('stuck.later')
  await engine.drain()
})

test('a worker that waits, or is idle, is not stuck', async () => {
  const { engine, errors } = await start({})
  await using _ = engine
  await engine.send('stuck.not', 600)
  await engine.drain()
  await wait(600)
  expect(errors).toEqual([])
})

test('restart: the worker is ended and replaced, and the event is handled again', async () => {
  const { engine, errors } = await start({ onStuck: 'restart' })
  await using _ = engine
  await engine.send('stuck.unless', 1)
  await engine.drain({ timeoutMs: 20_000 })
  expect(engine.stats()).toMatchObject({ completed: 1, balanced: true })
  expect(errors).toMatchObject([
    { name: 'StuckError', handler: 'stuck.unless' },
    {
      name: 'WorkerDiedError',
      cause: { name: 'StuckError' },
      lastEvents: [{ type: 'stuck.unless', attempt: 1 }],
    },
  ])
})

test('restart: what blocks each time is a dead letter in the end', async () => {
  const { engine } = await start({ onStuck: 'restart', redeliveries: 1 })
  await using _ = engine
  await engine.send('stuck.unless', 9, { key: 'k' })
  await engine.send('stuck.not', 1, { key: 'k' })
  await engine.drain({ timeoutMs: 20_000 })
  expect(engine.stats()).toMatchObject({ completed: 1, deadLettered: 1, balanced: true })
  expect(engine.deadLetters.list()).toMatchObject([
    { handler: 'stuck.unless', attempts: 2, event: { data: 9 } },
  ])
})
