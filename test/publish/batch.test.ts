import { describe, expect, test } from 'vitest'
import {
  createEngine,
  EncodeError,
  type Engine,
  FullError,
  InvalidEventError,
  type Subscription,
  TimeoutError,
} from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const small = () => createEngine({ workers, handlers, ringBytes: 1_024 })
  const events = (count: number, key = 'k') =>
    Array.from({ length: count }, (_, data) => ({ type: 'work.a', data, key }))

  /** The data of the events that a subscription has got, when nothing is pending any more. */
  async function seen(engine: Engine, subscription: Subscription): Promise<unknown[]> {
    await engine.drain()
    return (await subscription.receiveBatch({ max: 1_000, timeoutMs: 0 })).map(({ data }) => data)
  }

  /** The data of the next events. */
  async function take(subscription: Subscription, count: number): Promise<unknown[]> {
    const received: unknown[] = []
    while (received.length < count) {
      received.push(...(await subscription.receiveBatch()).map(({ data }) => data))
    }
    return received
  }

  test('all of a batch, in order', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.**')
    expect(engine.publishBatch(events(500))).toBe(500)
    expect(engine.publishBatch([])).toBe(0)
    expect(await seen(engine, subscription)).toEqual(Array.from({ length: 500 }, (_, index) => index))
  })

  test('the length of the accepted prefix, so that the rest can be published later', async () => {
    await using engine = await small()
    const subscription = engine.subscribe('work.**', { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    const all = events(100)
    const accepted = engine.publishBatch(all)
    expect(accepted).toBeGreaterThan(10)
    expect(accepted).toBeLessThan(100)
    expect(engine.stats()).toMatchObject({ pending: accepted + 1, balanced: true })
    expect(engine.publishBatch(all.slice(accepted))).toBe(0)
    gate.open()
    const sent = engine.sendBatch(all.slice(accepted))
    expect(await take(subscription, 100)).toEqual(all.map(({ data }) => data))
    await sent
  })

  test('an invalid event: nothing of the batch is written, nothing is counted', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.**')
    const { accepted } = engine.stats()
    for (const [wrong, error] of [
      [{ type: 'work.*' }, InvalidEventError],
      [{ type: 'work.a', data: () => {} }, EncodeError],
      [null, InvalidEventError],
    ] as const) {
      expect(() => engine.publishBatch([...events(30), { type: 'work.free' }, wrong as any])).toThrow(error)
    }
    expect(engine.stats()).toMatchObject({ accepted, balanced: true })
    expect(engine.publish('work.a', 'after', { key: 'k' })).toBe(true)
    expect(await seen(engine, subscription)).toEqual(['after'])
  })

  test('an invalid event behind ones that were to be dropped: those are not counted either', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    engine.publishBatch(events(100))
    const { accepted } = engine.stats()
    const dropped = { type: 'work.a', data: 1, key: 'k', onFull: 'drop-newest' } as const
    expect(() => engine.publishBatch([dropped, dropped, { type: 'work.*' }])).toThrow(InvalidEventError)
    expect(engine.stats()).toMatchObject({ accepted, dropped: 0, balanced: true })
    expect(engine.publishBatch([dropped, dropped])).toBe(2)
    expect(engine.stats()).toMatchObject({ accepted: accepted + 2, dropped: 2, balanced: true })
  })

  test('ids of events after a batch that was refused are unique', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.**')
    engine.publishBatch(events(3))
    expect(() => engine.publishBatch([...events(3), { type: '' }])).toThrow(InvalidEventError)
    engine.publishBatch([...events(3), { type: 'work.free' }, { type: 'work.b', key: 'other' }])
    await engine.drain()
    const received = await subscription.receiveBatch({ max: 100 })
    expect(new Set(received.map(({ id }) => id)).size).toBe(8)
    expect(received.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('with reject a batch ends at the first event without room, as with block', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 1_024, onFull: 'reject' })
    using gate = new Gate(engine)
    await gate.hold('k')
    const accepted = engine.publishBatch(events(100))
    expect(accepted).toBeLessThan(100)
    await expect(engine.sendBatch(events(1))).rejects.toThrow(FullError)
    expect(engine.stats()).toMatchObject({ pending: accepted + 1, dropped: 0, balanced: true })
  })

  test('sendBatch waits for room as often as it must, in order', async () => {
    await using engine = await small()
    const subscription = engine.subscribe('work.**', { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    const sent = engine.sendBatch(events(200))
    gate.open()
    const received = await take(subscription, 200)
    await sent
    expect(received).toEqual(Array.from({ length: 200 }, (_, index) => index))
  })

  test('sendBatch that runs out of time has published the events before', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    await expect(engine.sendBatch(events(100), { timeoutMs: 20 })).rejects.toThrow(TimeoutError)
    const { pending } = engine.stats()
    expect(pending).toBeGreaterThan(10)
    gate.open()
    await engine.drain()
    expect(engine.stats()).toMatchObject({
      accepted: engine.stats().completed + engine.stats().unmatched,
      pending: 0,
    })
  })

  test('sendBatch: of a signal that has aborted nothing is published, room or not', async () => {
    await using engine = await createEngine({ workers, handlers })
    const reason = new Error('no longer')
    await expect(engine.sendBatch(events(3), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(engine.stats().accepted).toBe(0)
  })
})
