import { expect, test, vi } from 'vitest'
import { createEngine, type Engine, type EngineOptions, WorkerDiedError } from '../../src/index.ts'

const handlers = new URL('../fixtures/suspects.ts', import.meta.url)

function start(options: EngineOptions): Promise<Engine> {
  return createEngine({ handlers, onError: () => {}, ...options })
}

/** Which handler gave up which events. */
function letters(engine: Engine): unknown[] {
  return engine.deadLetters.list().map(({ handler, event }) => [handler, event.data])
}

type Told = { key: string; lane: number; workerId: number }

/** Keys that satisfy `isWanted`, which is asked with what is known of each. */
async function keysFor(engine: Engine, count: number, isWanted: (told: Told) => boolean): Promise<string[]> {
  const told = engine.subscribe('told')
  const keys: string[] = []
  for (let i = 0; keys.length < count; i++) {
    engine.publish('ask', undefined, { key: `key ${i}` })
    const { data } = (await told.receive())!
    if (isWanted(data)) keys.push(data.key)
  }
  told.unsubscribe()
  return keys
}

test.each(['tick', 'tick.handled'])(
  'events that wait for a slow subscription are not to blame for deaths: %s',
  async (topic) => {
    await using engine = await start({ workers: 1 })
    const slow = engine.subscribe(topic, { capacity: 2, onFull: 'block' })
    for (let i = 0; i < 6; i++) engine.publish(topic, i)
    engine.publish('killer', 'deadly')
    await vi.waitFor(() => expect(letters(engine)).toEqual([['killer', 'deadly']]), { timeout: 20_000 })
    const got: number[] = []
    while (got.length < 6) got.push((await slow.receive({ timeoutMs: 10_000 }))!.data)
    expect(got.sort()).toEqual([0, 1, 2, 3, 4, 5])
    expect(letters(engine)).toHaveLength(1)
  },
)

test('others have a turn between events that are handled alone', async () => {
  const death = Promise.withResolvers<unknown>()
  await using engine = await start({ workers: 1, lanes: 2, onError: death.resolve })
  const suspects = await keysFor(engine, 9, ({ lane }) => lane === 0)
  const [other] = await keysFor(engine, 1, ({ lane }) => lane === 1)
  const seen = engine.subscribe('seen')
  for (const key of suspects.slice(1)) engine.publish('innocent', undefined, { key })
  engine.publish('killer.once', undefined, { key: suspects[0]! })
  expect(await death.promise).toBeInstanceOf(WorkerDiedError)
  for (let i = 0; i < 20; i++) engine.publish('other', i, { key: other! })
  await engine.drain({ timeoutMs: 20_000 })
  const order = (await seen.receiveBatch({ max: 100 })).map(({ data }) => data)
  expect(order.filter((what) => what === 'innocent')).toHaveLength(8)
  expect(order.filter((what) => what === 'other')).toHaveLength(20)
  const before = order.slice(0, order.lastIndexOf('other')).filter((what) => what === 'innocent')
  expect(before.length).toBeLessThanOrEqual(3)
})

test.each(['careless', 'late', 'careful'])(
  'handlers that wait for room keep nobody from being handled alone: %s',
  async (topic) => {
    await using engine = await start({ workers: 2, lanes: 4, ringBytes: 1_024, maxInFlight: 8 })
    const [elsewhere] = await keysFor(engine, 1, ({ workerId }) => workerId === 2)
    let lane = -1
    const suspects = await keysFor(engine, 5, (told) => {
      if (lane < 0 && told.workerId === 1) lane = told.lane
      return told.lane === lane
    })
    const beside = await keysFor(engine, 8, (told) => told.workerId === 1 && told.lane !== lane)
    for (const key of suspects.slice(1)) engine.publish('innocent', undefined, { key })
    engine.publish('killer', undefined, { key: suspects[0]! })
    let next = 0
    await vi.waitFor(
      () => {
        engine.publish(topic, elsewhere, { key: beside[next++ % 8]! })
        expect(letters(engine)).toContainEqual(['killer', undefined])
      },
      { timeout: 20_000, interval: 20 },
    )
    const stats = () => engine.stats().handlers.find(({ name }) => name === 'innocent')
    await vi.waitFor(() => expect(stats()).toMatchObject({ succeeded: 4, deadLettered: 0 }), {
      timeout: 20_000,
    })
    await engine.close({ timeoutMs: 0 })
  },
)

test('attempts that failed are not deaths: after them, an event is handled again as often as any', async () => {
  await using engine = await start({ workers: 1, redeliveries: 1 })
  engine.publish('failing')
  await engine.drain({ timeoutMs: 20_000 })
  expect(letters(engine)).toEqual([])
  const stats = engine.stats().handlers.find(({ name }) => name === 'failing')
  expect(stats).toMatchObject({ succeeded: 1, deadLettered: 0 })
})
