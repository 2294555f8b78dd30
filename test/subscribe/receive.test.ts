import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createEngine, type Engine, OptionsError, type Subscription } from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const start = () => createEngine({ workers, handlers })

  /** Publishes numbers under one key, so that they have an order. */
  async function numbers(engine: Awaited<ReturnType<typeof start>>, count: number): Promise<void> {
    for (let data = 0; data < count; data++) await engine.send('work.n', data, { key: 'k' })
    await engine.drain()
  }

  const dataOf = (events: readonly { data: unknown }[]) => events.map(({ data }) => data)

  test('receive waits for an event and gives them in order', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const first = subscription.receive()
    engine.publish('work.n', 'first')
    expect((await first)?.data).toBe('first')
    await numbers(engine, 3)
    expect([await subscription.receive(), await subscription.receive()].map((event) => event?.data)).toEqual([
      0, 1,
    ])
    expect(subscription.stats()).toMatchObject({ matched: 4, received: 3, queued: 1 })
  })

  test('a loop has received what it has seen; what is left when it ends is discarded', async () => {
    await using engine = await start()
    const left = engine.subscribe('work.*')
    const ended = engine.subscribe('work.*')
    await numbers(engine, 50)
    for await (const event of left) if (event.data === 4) break
    expect(left.stats()).toMatchObject({ matched: 50, received: 5 })
    const seen: unknown[] = []
    for await (const event of ended) {
      seen.push(event.data)
      if (event.data === 2) ended.unsubscribe()
    }
    expect(seen).toEqual([0, 1, 2])
    expect(engine.stats().delivery).toMatchObject({ matched: 100, received: 8, discarded: 92, queued: 0 })
  })

  test('receive in time, or undefined', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    expect(await subscription.receive({ timeoutMs: 0 })).toBeUndefined()
    expect(await subscription.receive({ timeoutMs: 5 })).toBeUndefined()
    await numbers(engine, 1)
    expect((await subscription.receive({ timeoutMs: 0 }))?.data).toBe(0)
    const next = subscription.receive({ timeoutMs: 60_000 })
    engine.publish('work.n', 'later')
    expect((await next)?.data).toBe('later')
    expect(await subscription.receive({ timeoutMs: 0 })).toBeUndefined()
  })

  test('a wait of more milliseconds than a timer takes is not over at once', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const long = subscription.receive({ timeoutMs: 2 ** 31 })
    expect(await subscription.receive({ timeoutMs: 20 })).toBeUndefined()
    engine.publish('work.n', 'there')
    expect((await long)?.data).toBe('there')
  })

  test('receiveBatch gives what is there, at most max, else the first that come', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    await numbers(engine, 250)
    expect(await subscription.receiveBatch()).toHaveLength(100)
    expect(dataOf(await subscription.receiveBatch({ max: 3 }))).toEqual([100, 101, 102])
    expect(await subscription.receiveBatch({ max: 1_000, timeoutMs: 0 })).toHaveLength(147)
    expect(await subscription.receiveBatch({ timeoutMs: 0 })).toEqual([])
    expect(await subscription.receiveBatch({ timeoutMs: 5 })).toEqual([])
    const next = subscription.receiveBatch({ max: 10 })
    engine.publish('work.n', 'next')
    expect(dataOf(await next)).toEqual(['next'])
  })

  test.each([0, -1, 1.5, Number.NaN, '5'])('a batch of at most %s is refused', async (max) => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    await expect(subscription.receiveBatch({ max: max as number })).rejects.toThrow(OptionsError)
  })

  test('a signal ends the wait with its reason, and takes no event along', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const reason = new Error('no longer')
    await expect(subscription.receive({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = subscription.receive({ signal: controller.signal })
    const behind = subscription.receive()
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    engine.publish('work.n', 'for the other')
    expect((await behind)?.data).toBe('for the other')
    expect(subscription.stats()).toMatchObject({ received: 1, queued: 0 })
  })

  test('a wait that is over lets go of its signal', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const { signal } = new AbortController()
    const next = subscription.receive({ signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    engine.publish('work.n', 1)
    expect((await next)?.data).toBe(1)
    expect(await subscription.receive({ signal, timeoutMs: 5 })).toBeUndefined()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('several receivers are served in their order', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const single = subscription.receive()
    const batch = subscription.receiveBatch({ max: 2 })
    const late = subscription.receive({ timeoutMs: 60_000 })
    expect(await subscription.receive({ timeoutMs: 0 })).toBeUndefined()
    engine.publishBatch(['a', 'b', 'c', 'd'].map((data) => ({ type: 'work.n', data, key: 'k' })))
    await engine.drain()
    // The batch is what had come when its turn was: one event, or two.
    const served = [(await single)?.data, ...dataOf(await batch), (await late)?.data]
    expect(served).toEqual(['a', 'b', 'c', 'd'].slice(0, served.length))
    expect(served.length).toBeGreaterThanOrEqual(3)
  })

  test('for await gives every event; leaving the loop unsubscribes', async () => {
    await using engine = await start()
    const subscription = engine.subscribe('work.*')
    const published = numbers(engine, 300)
    const received: unknown[] = []
    for await (const event of subscription) {
      received.push(event.data)
      if (received.length === 300) break
    }
    await published
    expect(received).toEqual(Array.from({ length: 300 }, (_, index) => index))
    expect(engine.subscriptions()).toEqual([])
  })

  test('an error inside of the loop unsubscribes, unsubscribing ends the loop', async () => {
    await using engine = await start()
    const first = engine.subscribe('work.*')
    engine.publish('work.n', 1)
    const loop = async (subscription: Subscription, each: () => void) => {
      let count = 0
      for await (const _ of subscription) {
        count++
        each()
      }
      return count
    }
    const broken = loop(first, () => {
      throw new Error('in the loop')
    })
    await expect(broken).rejects.toThrow('in the loop')
    expect(engine.subscriptions()).toEqual([])
    const second = engine.subscribe('work.*')
    engine.publish('work.n', 1)
    expect(await loop(second, () => second.unsubscribe())).toBe(1)
  })

  test('unsubscribe and close give waiting receivers nothing', async () => {
    const engine = await start()
    const first = engine.subscribe('work.*')
    const second = engine.subscribe('work.*')
    const waiting = [first.receive(), first.receiveBatch({ timeoutMs: 60_000 }), second.receive()]
    first.unsubscribe()
    first.unsubscribe()
    expect(await waiting[0]).toBeUndefined()
    expect(await waiting[1]).toEqual([])
    expect(await first.receive()).toBeUndefined()
    await engine.close()
    expect(await waiting[2]).toBeUndefined()
    expect(await second.receiveBatch()).toEqual([])
  })
})

describe('options of calls that wait', () => {
  const calls: [string, (engine: Engine, subscription: Subscription, options: any) => Promise<unknown>][] = [
    ['receive', (_, subscription, options) => subscription.receive(options)],
    ['receiveBatch', (_, subscription, options) => subscription.receiveBatch(options)],
    ['drain', (engine, _, options) => engine.drain(options)],
    ['sendBatch', (engine, _, options) => engine.sendBatch([], options)],
    ['close', async (engine, _, options) => engine.close(options)],
  ]
  test.each(
    calls.flatMap(([name, call]) =>
      [{ timeout: 1 }, { timeoutMs: '1' }, { timeoutMs: Number.NaN }, null, 'soon', 5].map(
        (options) => [name, options, call] as const,
      ),
    ),
  )('%s refuses %j', async (_, options, call) => {
    await using engine = await createEngine({ workers: 0 })
    const subscription = engine.subscribe('a.b')
    await expect(call(engine, subscription, options)).rejects.toThrow(OptionsError)
    engine.publish('a.b', 1)
    expect((await subscription.receive())?.data).toBe(1)
  })
})

test('a loop that receives from a subscription that has ended lets the event loop go on', async () => {
  await using engine = await createEngine({ workers: 0 })
  const subscription = engine.subscribe('a.b')
  subscription.unsubscribe()
  let isDone = false
  setTimeout(() => {
    isDone = true
  }, 1)
  while (!isDone) expect(await subscription.receive({ timeoutMs: 50 })).toBeUndefined()
})
