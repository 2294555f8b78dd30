import { describe, expect, test } from 'vitest'
import { createEngine, type Engine, FullError, type Policy } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  function small(onFull?: Policy): Promise<Engine> {
    return createEngine({ workers, handlers, ringBytes: 1_024, ...(onFull && { onFull }) })
  }

  /** Publishes behind the gate until there is no room; answers how many were taken. */
  function fill(engine: Engine, key = 'k'): number {
    let taken = 0
    while (engine.publish('work.fill', taken, { key, onFull: 'block' })) taken++
    return taken
  }

  test('block: publish answers false and nothing is written', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    const taken = fill(engine)
    expect(taken).toBeGreaterThan(10)
    expect(taken).toBeLessThan(1_024 / 32)
    const { accepted } = engine.stats()
    expect(engine.publish('work.a', 1, { key: 'k' })).toBe(false)
    expect(engine.publish({ type: 'work.a', data: 1, key: 'k' })).toBe(false)
    expect(engine.topic('work.a').publish(1, { key: 'k' })).toBe(false)
    expect(engine.stats()).toMatchObject({ accepted, dropped: 0, balanced: true, pending: taken + 1 })
    gate.open()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted, pending: 0, balanced: true })
    expect(engine.publish('work.a', 1, { key: 'k' })).toBe(true)
  })

  test('a full lane leaves other lanes their room', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const keys = Array.from({ length: 50 }, (_, index) => `other-${index}`)
    expect(keys.map((key) => engine.publish('work.a', 1, { key })).includes(true)).toBe(true)
    expect(engine.publish('work.a', 1)).toBe(true)
  })

  test('reject: publish and send throw a FullError that gives the event back', async () => {
    await using engine = await small('reject')
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const { accepted } = engine.stats()
    const event = { type: 'work.a', data: { n: 1 }, key: 'k', id: 'mine' }
    const refused: (() => unknown)[] = [
      () => engine.publish(event.type, event.data, { key: event.key, id: event.id }),
      () => engine.publish(event),
      () => engine.send(event),
      () => engine.topic(event.type).send(event.data, { key: event.key, id: event.id }),
    ]
    for (const publish of refused) {
      const error = await Promise.resolve()
        .then(publish)
        .catch((reason) => reason)
      expect(error).toBeInstanceOf(FullError)
      expect(error).toMatchObject({ code: 'ERR_MILLRACE_FULL', event })
    }
    expect(engine.stats()).toMatchObject({ accepted, dropped: 0, balanced: true })
    gate.open()
    await engine.drain()
    expect(engine.publish(event)).toBe(true)
  })

  test('drop-newest: accepted, dropped and counted', async () => {
    await using engine = await small('drop-newest')
    using gate = new Gate(engine)
    await gate.hold('k')
    const taken = fill(engine)
    const before = engine.stats()
    expect(engine.publish('work.a', 1, { key: 'k' })).toBe(true)
    await engine.send('work.a', 2, { key: 'k' })
    expect(engine.publishBatch([1, 2, 3].map((data) => ({ type: 'work.a', data, key: 'k' })))).toBe(3)
    const during = engine.stats()
    expect(during).toMatchObject({
      accepted: before.accepted + 5,
      dropped: 5,
      pending: taken + 1,
      balanced: true,
    })
    gate.open()
    await engine.drain()
    const after = engine.stats()
    expect(after).toMatchObject({ accepted: during.accepted, dropped: 5, pending: 0, balanced: true })
    expect(after.handlers.find(({ name }) => name === 'work.**')?.succeeded).toBe(taken)
  })

  test('the policy of an event goes before that of the engine', async () => {
    await using engine = await small('reject')
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    expect(engine.publish('work.a', 1, { key: 'k', onFull: 'block' })).toBe(false)
    expect(engine.publish('work.a', 1, { key: 'k', onFull: 'drop-newest' })).toBe(true)
    expect(() => engine.publish('work.a', 1, { key: 'k' })).toThrow(FullError)
    expect(engine.stats()).toMatchObject({ dropped: 1, balanced: true })
  })

  test('events without a key find room in any of their lanes', async () => {
    await using engine = await small()
    let taken = 0
    while (taken < 10_000 && engine.publish('work.free', taken)) taken++
    expect(taken).toBeGreaterThan(1_024 / 32)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: taken, completed: taken, balanced: true, dropped: 0 })
  })
})
