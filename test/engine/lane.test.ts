import { expect, test, vi } from 'vitest'
import { attach, createEngine } from '../../src/index.ts'
import { laneCount, leaseWord, type SharedMap } from '../../src/lane/map.ts'

const handlers = new URL('../fixtures/keyed.ts', import.meta.url)

test('while some handler waits for room, those of one key still run one after the other', async () => {
  await using engine = await createEngine({ workers: 1, lanes: 16, ringBytes: 1_024, handlers })
  const reports = engine.subscribe('keyed.report')
  engine.publish('keyed.work', 'engine', { key: 'K' })
  engine.publish('keyed.start')
  engine.publish('keyed.waiter')
  const both = [(await reports.receive())?.data, (await reports.receive())?.data]
  expect(both).toEqual([
    { from: 'engine', runningAtStart: 1 },
    { from: 'worker', runningAtStart: 1 },
  ])
  // Not for the lane that hangs.
  await engine.close({ timeoutMs: 0 })
})

test('events of one key that come from outside are handled one after the other, also while handlers wait for room', async () => {
  await using engine = await createEngine({ workers: 1, ringBytes: 1_024, maxInFlight: 4, handlers })
  using publisher = attach(engine.connect())
  const reports = engine.subscribe('keyed.report')
  const send = async (to: typeof engine | typeof publisher, count: number) => {
    for (let i = 0; i < count; i++) await to.send('keyed.add', i, { key: 'K' })
  }
  await Promise.all([send(engine, 60), send(publisher, 60)])
  await engine.drain()
  engine.publish('keyed.sum')
  expect((await reports.receive())?.data).toBe(120)
})

test('lanes are given back when asynchronous handlers have settled, but for the sticky ones', async () => {
  await using engine = await createEngine({ workers: 2, handlers })
  for (let i = 0; i < 200; i++) engine.publish('keyed.async', i, i % 2 === 0 ? {} : { key: `k${i}` })
  await engine.drain()
  const { shape, control } = (engine as unknown as { map: SharedMap }).map
  const words = new Int32Array(control)
  const free = Array.from(
    { length: laneCount(shape) - shape.pools[0]!.keyedLanes },
    (_, index) => shape.pools[0]!.keyedLanes + index,
  )
  await vi.waitFor(() => expect(free.map((lane) => words[leaseWord(shape, lane)])).toEqual(free.map(() => 0)))
  expect(words[leaseWord(shape, 0)]).not.toBe(0)
})

test('subscriptions that come and go while nothing is published leave nothing behind', async () => {
  await using engine = await createEngine({ workers: 0 })
  for (let i = 0; i < 50; i++) engine.subscribe('keyed.**').unsubscribe()
  const { changes } = (engine as any).crew
  expect(changes.length).toBeGreaterThan(0)
  await vi.waitFor(() => expect(changes).toEqual([]))
})
