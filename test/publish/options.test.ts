import { describe, expect, test, vi } from 'vitest'
import { createEngine, type Engine, type MillraceEvent } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

describe.each([0, 2])('workers: %d', (workers) => {
  /** The one event that `publish` causes. */
  async function through(engine: Engine, publish: () => unknown): Promise<MillraceEvent> {
    using subscription = engine.subscribe('work.**')
    await publish()
    return (await subscription.receive())!
  }

  test('every way to publish carries every option', async () => {
    await using engine = await createEngine({ workers, handlers })
    const options = {
      key: 'schlüssel',
      id: 'mine',
      source: { component: 'upload', instanceId: 'u-1', correlationId: 'c-1' },
      metadata: { tries: 1, at: new Date(5), raw: new Uint8Array([1]) },
      ttlMs: 60_000,
      traceparent: TRACEPARENT,
    }
    const data = { path: '/a' }
    const ways = [
      () => engine.publish('work.a', data, options),
      () => engine.publish({ type: 'work.a', data, ...options }),
      () => engine.publishBatch([{ type: 'work.a', data, ...options }]),
      () => engine.send('work.a', data, options),
      () => engine.send({ type: 'work.a', data, ...options }),
      () => engine.sendBatch([{ type: 'work.a', data, ...options }]),
      () => engine.topic('work.a').publish(data, options),
      () => engine.topic('work.a').send(data, options),
    ]
    for (const publish of ways) {
      const before = Date.now()
      const event = await through(engine, publish)
      expect(event).toMatchObject({ type: 'work.a', data, ...options, version: '1.0' })
      expect(event.time).toBeGreaterThanOrEqual(before)
      expect(event.time).toBeLessThanOrEqual(Date.now())
    }
  })

  test('an id that was not given is made, and no two are the same, over engines too', async () => {
    await using engine = await createEngine({ workers, handlers })
    await using other = await createEngine({ workers: 0, handlers })
    const ids: string[] = []
    for (const each of [engine, other]) {
      using subscription = each.subscribe('work.**')
      for (let i = 0; i < 50; i++) each.publish('work.a', i, i % 2 === 0 ? {} : { key: `k${i}` })
      await each.drain()
      ids.push(...(await subscription.receiveBatch({ max: 100 })).map(({ id }) => id))
    }
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe(100)
  })

  test('topics that are not interned any more travel as text', async () => {
    await using engine = await createEngine({ workers, handlers, maxTopics: 2 })
    using subscription = engine.subscribe('work.**')
    const topics = Array.from({ length: 20 }, (_, index) => `work.número-${index}`)
    for (const topic of [...topics, ...topics]) engine.publish(topic, topic, { key: 'k' })
    await engine.drain()
    const events = await subscription.receiveBatch({ max: 100 })
    expect(events.map(({ type }) => type)).toEqual([...topics, ...topics])
    expect(events.map(({ data }) => data)).toEqual([...topics, ...topics])
    expect(engine.stats()).toMatchObject({ topics: 2, completed: 40, balanced: true })
  })

  test('an event that waited longer than its time to live expires, and is counted', async () => {
    await using engine = await createEngine({ workers, handlers })
    using subscription = engine.subscribe('work.**')
    using gate = new Gate(engine)
    await gate.hold('k')
    const published = Date.now()
    engine.publish('work.short', 1, { key: 'k', ttlMs: 2 })
    engine.publish('work.long', 2, { key: 'k', ttlMs: 600_000 })
    engine.publish('work.none', 3, { key: 'k' })
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(published + 20), { interval: 5 })
    gate.open()
    await engine.drain()
    expect((await subscription.receiveBatch()).map(({ type }) => type)).toEqual(['work.long', 'work.none'])
    expect(engine.stats()).toMatchObject({ expired: 1, pending: 0, balanced: true })
    expect(engine.stats().handlers.find(({ name }) => name === 'work.**')?.matched).toBe(2)
  })

  test('data of every kind arrives', async () => {
    await using engine = await createEngine({ workers, handlers })
    for (const data of [
      undefined,
      null,
      false,
      0,
      '',
      'ü\ufeff',
      '\ufeffü',
      [],
      {},
      123n,
      new Date(5),
      new Map([[{ a: 1 }, new Set([1n])]]),
      new Uint8Array(),
      new Uint8Array([1, 2, 3]),
      { nested: { bytes: new Uint8Array([4]), floats: new Float64Array([0.5]) } },
    ]) {
      const event = await through(engine, () => engine.publish('work.a', data))
      expect(event.data).toEqual(data)
      expect(event.data === undefined).toBe(data === undefined)
    }
  })

  test('a getter in the data that publishes too does not get into the way', async () => {
    await using engine = await createEngine({ workers, handlers })
    using subscription = engine.subscribe('work.**')
    const outer = {
      before: 'outer',
      get inner() {
        engine.publish('work.inner', { from: 'within' }, { key: 'inner', id: 'inner' })
        return 5
      },
      after: 'outer',
    }
    engine.publish('work.outer', outer, { key: 'outer' })
    await engine.drain()
    const events = await subscription.receiveBatch()
    expect(events.find(({ type }) => type === 'work.inner')).toMatchObject({
      data: { from: 'within' },
      key: 'inner',
      id: 'inner',
    })
    const got = events.find(({ type }) => type === 'work.outer')
    expect(got).toMatchObject({ data: { before: 'outer', inner: 5, after: 'outer' }, key: 'outer' })
    expect(got?.id).not.toBe('inner')
  })
})
