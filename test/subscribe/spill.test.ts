import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createEngine, type MillraceError, type Subscription } from '../../src/index.ts'
import { memoryStore, type Overflow } from '../../src/store/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)
const NUMBERS = Array.from({ length: 20_000 }, (_, index) => index)
const events = (numbers: readonly number[]) => numbers.map((data) => ({ type: 'work.n', data, key: 'k' }))

async function receiveAll(subscription: Subscription, count: number): Promise<unknown[]> {
  const all: unknown[] = []
  while (all.length < count) all.push(...(await subscription.receiveBatch()).map(({ data }) => data))
  return all
}

describe.each([0, 2])('workers: %d', (workers) => {
  const options = { workers, handlers, ringBytes: 4_096 }

  test('what finds no room in the mailbox goes to the store, and is received in its order', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore() })
    const subscription = engine.subscribe('work.*', { capacity: 100, onFull: 'spill' })
    await engine.sendBatch(events(NUMBERS))
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ matched: 20_000, received: 0, dropped: 0, queued: 20_000 })
    expect(await receiveAll(subscription, 20_000)).toEqual(NUMBERS)
    expect(subscription.stats()).toMatchObject({ matched: 20_000, received: 20_000, dropped: 0, queued: 0 })
    await engine.sendBatch(events([1, 2, 3]))
    await engine.drain()
    expect((await subscription.receiveBatch({ timeoutMs: 0 })).map(({ data }) => data)).toEqual([1, 2, 3])
    expect(engine.stats()).toMatchObject({ completed: 20_003, balanced: true })
  })

  test('in its order, too, while it fills and is emptied by turns', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore() })
    const subscription = engine.subscribe('work.*', { capacity: 10, onFull: 'spill' })
    const sending = (async () => {
      for (let from = 0; from < NUMBERS.length; from += 100) {
        await engine.sendBatch(events(NUMBERS.slice(from, from + 100)))
        await turn()
      }
    })()
    const all: unknown[] = []
    let rests = 0
    for await (const { data } of subscription) {
      all.push(data)
      // As many rests as it takes to fill the store again and again.
      if (all.length % 500 === 0) for (; rests < all.length; rests += 100) await turn()
      if (all.length === NUMBERS.length) break
    }
    await sending
    expect(all).toEqual(NUMBERS)
  })

  test('when the store is full, it is as with block', async () => {
    const errors: MillraceError[] = []
    const store = memoryStore({ maxOverflowBytes: 10_000 })
    const onError = (error: MillraceError) => errors.push(error)
    await using engine = await createEngine({ ...options, store, onError })
    const subscription = engine.subscribe('work.*', { capacity: 10, onFull: 'spill' })
    const sending = engine.sendBatch(events(NUMBERS.slice(0, 2_000)))
    while (errors.length === 0) await turn()
    expect(errors[0]).toMatchObject({ code: 'ERR_MILLRACE_STORE' })
    await expect(engine.drain({ timeoutMs: 10 })).rejects.toThrow(/10 ms/)
    expect(await receiveAll(subscription, 2_000)).toEqual(NUMBERS.slice(0, 2_000))
    await sending
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ matched: 2_000, received: 2_000, dropped: 0, queued: 0 })
  })

  test('a subscription that ends takes what it has in the store along', async () => {
    const { overflow } = memoryStore()
    let stored = 0
    const counted: Overflow = {
      push: async (queue, records) => {
        await overflow.push(queue, records)
        stored += records.length
      },
      shift: async (queue, limit) => {
        const records = await overflow.shift(queue, limit)
        stored -= records.length
        return records
      },
    }
    const engine = await createEngine({ ...options, store: { overflow: counted } })
    const first = engine.subscribe('work.*', { capacity: 10, onFull: 'spill' })
    const second = engine.subscribe('work.*', { capacity: 10, onFull: 'spill' })
    await engine.sendBatch(events(NUMBERS.slice(0, 2_000)))
    await engine.drain()
    while (stored < 2_000) await turn()
    first.unsubscribe()
    expect(await receiveAll(second, 2_000)).toHaveLength(2_000)
    while (stored > 0) await turn()
    await engine.sendBatch(events(NUMBERS.slice(0, 2_000)))
    await engine.drain()
    while (stored === 0) await turn()
    const { delivery } = await engine.close()
    expect(stored).toBe(0)
    expect(delivery).toMatchObject({ matched: 6_000, received: 2_000, dropped: 0, queued: 0 })
  })
})

/** A subscription that has received nothing, and 2,000 events for it, most of them in the store. */
async function spilled() {
  const engine = await createEngine({ workers: 0, handlers, store: memoryStore(), ringBytes: 4_096 })
  const subscription = engine.subscribe('work.*', { capacity: 2, onFull: 'spill' })
  await engine.sendBatch(events(NUMBERS.slice(0, 2_000)))
  await engine.drain()
  return { engine, subscription }
}

test('a look finds what is in the store, and all of it', async () => {
  const { engine, subscription } = await spilled()
  await using _ = engine
  const all: unknown[] = []
  for (;;) {
    const event = await subscription.receive({ timeoutMs: 0 })
    if (event === undefined) break
    all.push(event.data)
  }
  expect(all).toEqual(NUMBERS.slice(0, 2_000))
})

test('looks at once share what is in the store: nothing is lost, nothing comes twice', async () => {
  const { engine, subscription } = await spilled()
  await using _ = engine
  const all: unknown[] = []
  for (;;) {
    const looks = Array.from({ length: 5 }, () => subscription.receiveBatch({ max: 100, timeoutMs: 0 }))
    const received = (await Promise.all(looks)).flat()
    if (received.length === 0) break
    all.push(...received.map(({ data }) => data))
  }
  expect(all).toEqual(NUMBERS.slice(0, 2_000))
  expect(subscription.stats()).toMatchObject({ received: 2_000, queued: 0 })
})

test.each([0, 2])(
  'an event that does not fit behind what has spilled does not hold its lane back (workers: %d)',
  async (workers) => {
    await using engine = await createEngine({ workers, handlers, store: memoryStore() })
    const subscription = engine.subscribe('work.*', { capacity: 1, onFull: 'spill' })
    // Less than half of the ring, and too near to its end for the last one.
    await engine.send('work.n', 'x', { key: 'k' })
    for (let i = 0; i < 3; i++) await engine.send('work.n', new Uint8Array(50_000), { key: 'k' })
    await engine.drain()
    await engine.send('work.n', new Uint8Array(130_000), { key: 'k' })
    await engine.drain({ timeoutMs: 5_000 })
    expect(subscription.stats()).toMatchObject({ queued: 5 })
    expect(await receiveAll(subscription, 5)).toHaveLength(5)
  },
)

test('without a store, no mailbox can spill', async () => {
  await using engine = await createEngine({ workers: 0, handlers })
  expect(() => engine.subscribe('work.*', { onFull: 'spill' })).toThrow(
    expect.objectContaining({ code: 'ERR_MILLRACE_CAPABILITY' }),
  )
})
