import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  test('an event that is published right after subscribe returned is seen, while others keep the workers busy', {
    timeout: 30_000,
  }, async () => {
    await using engine = await createEngine({ workers, handlers })
    let loading = true
    const load = (async () => {
      for (let i = 0; loading; i++) {
        await engine.sendBatch(
          Array.from({ length: 50 }, (_, n) => ({ type: 'work.load', data: n, key: `k${i % 7}` })),
        )
        await turn()
      }
    })()
    for (let i = 0; i < 200; i++) {
      using subscription = engine.subscribe('probe.*')
      const publish = i % 2 === 0 ? { key: `p${i % 5}` } : {}
      await engine.send('probe.a', i, publish)
      const event = await subscription.receive({ timeoutMs: 10_000 })
      expect(event?.data, `event ${i}`).toBe(i)
    }
    loading = false
    await load
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, unmatched: 0 })
  })

  test('nothing comes from before', async () => {
    await using engine = await createEngine({ workers, handlers })
    engine.publish('probe.a', 'before')
    await engine.drain()
    using subscription = engine.subscribe('probe.*')
    engine.publish('probe.a', 'after')
    expect((await subscription.receive())?.data).toBe('after')
    expect(engine.stats().unmatched).toBe(1)
  })

  test('topics that had a route before get the new one, and lose it again', async () => {
    await using engine = await createEngine({ workers, handlers, maxTopics: 1 })
    for (const topic of ['probe.interned', 'probe.text']) {
      for (let i = 0; i < 3; i++) {
        engine.publish(topic, 'nobody', { key: 'k' })
        await engine.drain()
        const subscription = engine.subscribe('probe.*')
        engine.publish(topic, i, { key: 'k' })
        expect((await subscription.receive())?.data).toBe(i)
        subscription.unsubscribe()
      }
    }
    await engine.drain()
    expect(engine.stats()).toMatchObject({ unmatched: 6, completed: 6, topics: 1 })
  })

  test('a thousand subscriptions, and a thousand fewer', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 1_024 })
    const subscriptions = Array.from({ length: 1_000 }, (_, index) => engine.subscribe(`probe.${index}`))
    for (let index = 0; index < 1_000; index++) await engine.send(`probe.${index}`, index)
    const events = await Promise.all(subscriptions.map((subscription) => subscription.receive()))
    expect(events.map((event) => event?.data)).toEqual(subscriptions.map((_, index) => index))
    for (const subscription of subscriptions) subscription.unsubscribe()
    expect(engine.subscriptions()).toEqual([])
  })
})
