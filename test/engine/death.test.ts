import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { queryObjects } from 'node:v8'
import { MessagePort } from 'node:worker_threads'
import { describe, expect, test, vi } from 'vitest'
import { createEngine, type MillraceError, WorkerDiedError } from '../../src/index.ts'
import { Modules } from '../fixtures/program.ts'

const handlers = new URL('../fixtures/dying.ts', import.meta.url)

const DEATHS = [
  ['exit', /code 7/],
  ['uncaught', /nobody catches this/],
  ['memory', /memory/],
] as const

test('a death tells the last events of its worker, and what became of them', async () => {
  using flags = new Modules()
  const errors: MillraceError[] = []
  await using engine = await createEngine({ workers: 1, handlers, onError: (error) => errors.push(error) })
  for (let n = 0; n < 100; n++) await engine.send('die.work', n, { key: 'k', id: `work-${n}` })
  await engine.send('nobody.cares', 1, { key: 'k' })
  await engine.send('die.now', { how: 'exit', file: join(flags.folder, 'first') }, { key: 'k' })
  await engine.drain()
  const { lastEvents } = errors[0] as WorkerDiedError
  expect(lastEvents).toHaveLength(64)
  expect(lastEvents.slice(-3)).toMatchObject([
    { type: 'die.work', id: 'work-99', attempt: 1, outcome: 'completed' },
    { type: 'nobody.cares', attempt: 1, outcome: 'unmatched' },
    { type: 'die.now', attempt: 1, outcome: undefined },
  ])
  expect(lastEvents.at(-1)!.id).toMatch(/^[0-9a-f]{12}-0-/)
  expect(Math.abs(lastEvents.at(-1)!.time - Date.now())).toBeLessThan(10_000)
})

test('a topic that is not interned, and an id too long to be remembered', async () => {
  using flags = new Modules()
  const errors: MillraceError[] = []
  const onError = (error: MillraceError) => errors.push(error)
  await using engine = await createEngine({ workers: 1, handlers, onError, maxTopics: 1 })
  await engine.send('first.topic', 1, { key: 'k' })
  await engine.send('other.topic', 1, { key: 'k', id: 'x'.repeat(250) })
  await engine.send('die.now', { how: 'exit', file: join(flags.folder, 'first') }, { key: 'k', id: 'short' })
  await engine.drain()
  expect((errors[0] as WorkerDiedError).lastEvents).toMatchObject([
    { type: 'first.topic', outcome: 'unmatched' },
    { type: 'other.topic', id: undefined, outcome: 'unmatched' },
    { type: 'die.now', id: 'short', outcome: undefined },
  ])
})

test('what handlers had done before a death is counted', async () => {
  using flags = new Modules()
  await using engine = await createEngine({ workers: 1, handlers, onError: () => {} })
  for (let n = 0; n < 150; n++) await engine.send('die.work', n, { key: 'k' })
  await engine.send('die.now', { how: 'exit', file: join(flags.folder, 'first') }, { key: 'k' })
  for (let n = 0; n < 150; n++) await engine.send('die.work', n, { key: 'k' })
  await engine.drain()
  const work = engine.stats().handlers.find(({ pattern }) => pattern === 'die.work')
  expect(work).toMatchObject({ matched: 300, succeeded: 300, pending: 0 })
})

describe.each([1, 2])('workers: %d', (workers) => {
  test.each(DEATHS)(
    '%s: the worker is replaced, its lanes are read on, nothing is lost',
    async (how, message) => {
      using flags = new Modules()
      const errors: MillraceError[] = []
      await using engine = await createEngine({
        workers,
        handlers,
        onError: (error) => void errors.push(error),
        resourceLimits: { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 4 },
      })
      const seen = engine.subscribe('die.seen', { onFull: 'block' })
      const work = engine.subscribe('die.work', { onFull: 'block' })
      const numbers: number[] = []
      const publish = async (from: number) => {
        for (let n = from; n < from + 100; n++) {
          await engine.send('die.work', n, n % 3 === 0 ? { key: 'k' } : n % 3 === 1 ? { key: `k${n}` } : {})
        }
      }
      await publish(0)
      await engine.send('die.now', { how, file: join(flags.folder, 'first') }, { key: 'k' })
      await publish(100)
      expect((await seen.receive({ timeoutMs: 20_000 }))?.data).toMatchObject({ attempt: 2, eventAttempt: 2 })
      await publish(200)
      await engine.drain()
      for (;;) {
        const events = await work.receiveBatch({ timeoutMs: 0 })
        if (events.length === 0) break
        numbers.push(...events.map(({ data }) => data))
      }
      expect(new Set(numbers).size).toBe(300)
      const first = [...new Map(numbers.filter((n) => n % 3 === 0).map((n, index) => [n, index])).keys()]
      expect(first).toEqual([...first].sort((a, b) => a - b))

      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(WorkerDiedError)
      const { workerId } = errors[0] as WorkerDiedError
      expect(errors[0]).toMatchObject({
        code: 'ERR_MILLRACE_WORKER_DIED',
        message: expect.stringMatching(message),
      })
      expect(workerId).toBeGreaterThanOrEqual(1)
      expect(workerId).toBeLessThanOrEqual(workers)
      expect(engine.stats()).toMatchObject({
        accepted: 302,
        completed: 302,
        pending: 0,
        deadLettered: 0,
        balanced: true,
      })
    },
  )

  test('a worker that dies again and again is replaced each time, and subscriptions made meanwhile are known', async () => {
    using flags = new Modules()
    const errors: MillraceError[] = []
    await using engine = await createEngine({
      workers,
      handlers,
      onError: (error) => void errors.push(error),
    })
    for (let life = 1; life <= 3; life++) {
      await engine.send('die.now', { how: 'exit', file: join(flags.folder, `${life}`) }, { key: 'k' })
      await vi.waitFor(() => expect(errors).toHaveLength(life), { timeout: 10_000 })
      using seen = engine.subscribe('die.seen')
      expect((await seen.receive({ timeoutMs: 20_000 }))?.data).toMatchObject({ attempt: 2 })
    }
    await engine.drain()
    expect(engine.stats()).toMatchObject({ deadLettered: 0, pending: 0, balanced: true })
  })

  test('a drain and a close that wait while a worker dies', async () => {
    using flags = new Modules()
    const engine = await createEngine({ workers, handlers, onError: () => {} })
    const die = (n: number) =>
      engine.send('die.now', { how: 'exit', file: join(flags.folder, `${n}`) }, { key: 'k' })
    await die(1)
    await engine.drain({ timeoutMs: 20_000 })
    expect(engine.stats().pending).toBe(0)
    await die(2)
    expect(await engine.close({ timeoutMs: 20_000 })).toMatchObject({
      drained: true,
      ledger: { pending: 0, balanced: true },
    })
  })
})

test('workers that die while they start are started again until they live', async () => {
  using flags = new Modules()
  const file = join(flags.folder, 'stillborn')
  process.env.STILLBORN = file
  const errors: MillraceError[] = []
  const recovered = Promise.withResolvers<void>()
  await using engine = await createEngine({
    workers: 2,
    handlers: new URL('../fixtures/stillborn.ts', import.meta.url),
    onError: (error) => {
      errors.push(error)
      if (errors.length !== 6) return
      rmSync(file)
      recovered.resolve()
    },
  })
  writeFileSync(file, '')
  for (let i = 0; i < 8; i++) engine.publish('still.exit', i)
  await recovered.promise
  for (let i = 0; i < 100; i++) engine.publish('still.work', i)
  await engine.drain({ timeoutMs: 20_000 })
  expect(engine.stats()).toMatchObject({ completed: 108, pending: 0, balanced: true })
  expect(errors.every((error) => error instanceof WorkerDiedError)).toBe(true)
  expect(errors.map(({ message }) => message)).toContainEqual(expect.stringMatching(/code 5/))
  delete process.env.STILLBORN
}, 60_000)

test('what a handler does to its data does not matter to the dead letter, nor end the worker', async () => {
  const errors: MillraceError[] = []
  await using engine = await createEngine({
    workers: 1,
    handlers: new URL('../fixtures/spoiling.ts', import.meta.url),
    onError: (error) => void errors.push(error),
  })
  const letters = engine.subscribe('millrace.dead-letter')
  engine.publish('spoil.sync', { n: 1 })
  engine.publish('spoil.async', { n: 2 })
  await engine.drain({ timeoutMs: 20_000 })
  expect(engine.stats()).toMatchObject({ deadLettered: 2, completed: 2, pending: 0, balanced: true })
  const data = (await letters.receiveBatch()).map((letter) => letter.data.event.data)
  expect(data).toEqual([{ n: 1 }, { n: 2 }])
  expect(errors.map(({ code }) => code)).toEqual(['ERR_MILLRACE_HANDLER', 'ERR_MILLRACE_HANDLER'])
})

test('what a dead worker leaves unfinished is not in the hands of the one in its place', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'dies.mjs',
    "export default { 'dies.once': async (_event, ctx) => { if (ctx.attempt === 1) process.exit(1) } }",
  )
  const deaths: WorkerDiedError[] = []
  await using engine = await createEngine({
    workers: 1,
    handlers,
    onError: (error) => deaths.push(error as WorkerDiedError),
  })
  for (const id of ['first', 'second']) {
    engine.publish({ type: 'dies.once', id })
    await engine.drain()
  }
  expect(
    deaths.map(({ lastEvents }) => lastEvents.map(({ id, attempt, outcome }) => [id, attempt, outcome])),
  ).toEqual([
    [['first', 1, undefined]],
    [
      ['first', 2, 'completed'],
      ['second', 1, undefined],
    ],
  ])
})

test('after a death, a handler that never settles keeps nobody else from being handled', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'holds.mjs',
    `export default {
       hold: () => new Promise(() => {}),
       kill: async (_event, ctx) => { if (ctx.attempt === 1) process.exit(1) },
       ok: (_event, ctx) => ctx.publish('seen'),
     }`,
  )
  const engine = await createEngine({ workers: 1, handlers, onError: () => {} })
  const seen = engine.subscribe('seen')
  engine.publish('hold', 1, { key: 'a' })
  engine.publish('hold', 2, { key: 'b' })
  engine.publish('kill', 1, { key: 'c' })
  for (let i = 0; i < 10; i++) engine.publish('ok', i, { key: `k${i}` })
  for (let i = 0; i < 10; i++) expect(await seen.receive({ timeoutMs: 20_000 })).toBeDefined()
  const { pending, completed } = (await engine.close({ timeoutMs: 0 })).ledger
  // The ten that were handled and the ten that say so, and the one that has killed.
  expect({ pending, completed }).toEqual({ pending: 2, completed: 21 })
})

test('workers that die before they have begun leave no port behind', async () => {
  using modules = new Modules()
  const handlers = modules.write('fine.mjs', "export default { 'a.b': () => {} }")
  let died = 0
  await using engine = await createEngine({ workers: 1, handlers, onError: () => died++ })
  const { slots } = (engine as any).crew.supervisor
  const ports = () => queryObjects(MessagePort, { format: 'count' })
  const kill = async () => {
    const before = died
    const { worker } = slots[0]
    worker.kill(new Error('killed'))
    await vi.waitUntil(() => died > before && slots[0].worker !== undefined, { interval: 1, timeout: 10_000 })
  }
  await kill()
  const before = ports()
  // Each is killed as soon as it was launched, with its end of the port on the way to it.
  for (let i = 0; i < 8; i++) await kill()
  expect(ports()).toBeLessThan(before + 8)
  engine.publish('a.b', 1)
  await engine.drain()
})
