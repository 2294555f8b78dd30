import { describe, expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const batch = (count: number, data: (index: number) => unknown = (index) => index) =>
    Array.from({ length: count }, (_, index) => ({ type: 'work.n', data: data(index), key: 'k' }))

  test('drop-newest keeps as many as its capacity, the oldest, and counts the others', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.*', { capacity: 7, onFull: 'drop-newest' })
    await engine.sendBatch(batch(100))
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ matched: 100, received: 0, dropped: 93, queued: 7 })
    const received = await subscription.receiveBatch({ max: 3 })
    expect(received.map(({ data }) => data)).toEqual([0, 1, 2])
    await engine.sendBatch(batch(10, (index) => 100 + index))
    await engine.drain()
    const rest = await subscription.receiveBatch()
    expect(rest.map(({ data }) => data)).toEqual([3, 4, 5, 6, 100, 101, 102])
    expect(subscription.stats()).toMatchObject({ matched: 110, received: 10, dropped: 100, queued: 0 })
    expect(engine.stats()).toMatchObject({ completed: 110, dropped: 0, balanced: true })
  })

  test('drop-oldest, which is the default, keeps the newest, and counts the others', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.*', { capacity: 7 })
    await engine.sendBatch(batch(100))
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ matched: 100, received: 0, dropped: 93, queued: 7 })
    const received = await subscription.receiveBatch({ max: 3 })
    expect(received.map(({ data }) => data)).toEqual([93, 94, 95])
    await engine.sendBatch(batch(5, (index) => 100 + index))
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ matched: 105, received: 3, dropped: 95, queued: 7 })
    const rest = await subscription.receiveBatch()
    expect(rest.map(({ data }) => data)).toEqual([98, 99, 100, 101, 102, 103, 104])
    expect(subscription.stats()).toMatchObject({ matched: 105, received: 10, dropped: 95, queued: 0 })
  })

  test('a sample keeps one of every so many, at every load; of these the newest when it is full', async () => {
    await using engine = await createEngine({ workers, handlers })
    const tenth = engine.subscribe('work.*', { onFull: { sample: 10 } })
    const few = engine.subscribe('work.*', { onFull: { sample: 3 }, capacity: 2 })
    await engine.sendBatch(batch(90))
    await engine.drain()
    const kept = (await tenth.receiveBatch()).map(({ data }) => data)
    expect(kept.map((data) => Math.floor(data / 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    // Not always the same of ten: events of several sources that take turns would be those of one.
    expect(new Set(kept.map((data) => data % 10)).size).toBeGreaterThan(3)
    expect(tenth.stats()).toMatchObject({ matched: 90, received: 9, dropped: 81, queued: 0 })
    expect((await few.receiveBatch()).map(({ data }) => Math.floor(data / 3))).toEqual([28, 29])
    expect(few.stats()).toMatchObject({ matched: 90, received: 2, dropped: 88, queued: 0 })
  })

  test('coalesce keeps the latest event of each key, in the place of the first; without a key, as drop-oldest', async () => {
    await using engine = await createEngine({ workers, handlers, lanes: 1 })
    const latest = engine.subscribe('work.*', { onFull: 'coalesce', capacity: 100 })
    const ticks = Array.from({ length: 1_000 }, (_, index) => ({
      type: 'work.tick',
      data: index,
      key: `key-${index % 100}`,
    }))
    await engine.sendBatch(ticks)
    // Else two workers write into the mailbox at once, and a key whose event had to wait for the other comes later.
    await engine.drain()
    await engine.sendBatch(Array.from({ length: 150 }, (_, index) => ({ type: 'work.free', data: index })))
    await engine.drain()
    expect(latest.stats()).toMatchObject({ matched: 1_150, dropped: 950, queued: 200, deadLettered: 0 })
    const events = await latest.receiveBatch({ max: 1_000 })
    const keyed = events.filter(({ key }) => key !== undefined)
    expect(keyed.map(({ key, data }) => [key, data])).toEqual(
      ticks.slice(-100).map(({ key, data }) => [key, data]),
    )
    expect(events.length - keyed.length).toBe(100)
    expect(latest.stats()).toMatchObject({ matched: 1_150, received: 200, dropped: 950, queued: 0 })
    await engine.send('work.tick', 'again', { key: 'key-7' })
    expect(await latest.receive()).toMatchObject({ data: 'again', key: 'key-7' })
  })

  test('coalesce: an event that is too long is a dead letter, and the others go on', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    await using engine = await createEngine({ workers, handlers, onError })
    const latest = engine.subscribe('work.*', { onFull: 'coalesce', capacity: 100_000 })
    await engine.send('work.long', 'x'.repeat(2_000), { key: 'k' })
    await engine.send('work.short', 'x', { key: 'k' })
    expect(await latest.receive()).toMatchObject({ type: 'work.short' })
    await engine.drain()
    expect(latest.stats()).toMatchObject({ matched: 2, received: 1, deadLettered: 1, dropped: 0 })
    expect(engine.stats()).toMatchObject({ completed: 1, deadLettered: 1, balanced: true })
    expect(errors).toMatchObject([
      { handler: 'subscription work.*', cause: { message: expect.stringMatching(/of up to 1024 bytes/) } },
    ])
  })

  test('reject: what finds the mailbox full is a dead letter, with a FullError', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    await using engine = await createEngine({ workers, handlers, onError })
    const letters = engine.subscribe('millrace.dead-letter', { onFull: 'block' })
    const few = engine.subscribe('work.*', { onFull: 'reject', capacity: 3 })
    await engine.sendBatch(batch(5))
    await engine.drain()
    expect(few.stats()).toMatchObject({ matched: 5, queued: 3, deadLettered: 2, dropped: 0 })
    expect((await few.receiveBatch()).map(({ data }) => data)).toEqual([0, 1, 2])
    expect(engine.stats()).toMatchObject({ deadLettered: 2, balanced: true })
    const told = (await letters.receiveBatch()).map(({ data }) => [data.event.data, data.error.code])
    expect(told).toEqual([
      [3, 'ERR_MILLRACE_FULL'],
      [4, 'ERR_MILLRACE_FULL'],
    ])
    expect(errors).toMatchObject([{ handler: 'subscription work.*' }, { handler: 'subscription work.*' }])
    await engine.sendBatch(batch(1))
    expect(await few.receive()).toMatchObject({ data: 0 })
  })

  test('the default mailbox holds as many small events as its capacity says', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.*')
    await engine.sendBatch(batch(10_500, (index) => ({ index })))
    await engine.drain()
    expect(subscription.stats()).toMatchObject({ queued: 10_000, dropped: 500 })
  })

  test('what subscriptions did is counted beyond their end', async () => {
    const engine = await createEngine({ workers, handlers })
    const first = engine.subscribe('work.*', { capacity: 2 })
    const second = engine.subscribe('work.*', { filter: (event) => event.data > 0 })
    await engine.sendBatch(batch(10))
    await engine.drain()
    await first.receive()
    await second.receiveBatch({ max: 4 })
    const delivery = {
      matched: 20,
      received: 5,
      filtered: 1,
      dropped: 8,
      deadLettered: 0,
      discarded: 0,
      queued: 6,
    }
    expect(engine.stats().delivery).toEqual(delivery)
    first.unsubscribe()
    expect(engine.stats().delivery).toEqual({ ...delivery, discarded: 1, queued: 5 })
    expect(await engine.close()).toMatchObject({ delivery: { ...delivery, discarded: 6, queued: 0 } })
  })

  test('a slow subscription with drop-newest does not take events from another', async () => {
    await using engine = await createEngine({ workers, handlers })
    const small = engine.subscribe('work.*', { capacity: 1, onFull: 'drop-newest' })
    const large = engine.subscribe('work.*')
    await engine.sendBatch(batch(200))
    await engine.drain()
    expect(small.stats()).toMatchObject({ dropped: 199, queued: 1 })
    expect(large.stats()).toMatchObject({ dropped: 0, queued: 200 })
  })

  test('events that fill the memory before the capacity are dropped and counted too', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096 })
    const subscription = engine.subscribe('work.*', { capacity: 10 })
    await engine.sendBatch(batch(50, () => new Uint8Array(1_000)))
    await engine.drain()
    const { queued, dropped, matched } = subscription.stats()
    expect(queued).toBeGreaterThan(1)
    expect(queued).toBeLessThan(5)
    expect([matched, queued + dropped]).toEqual([50, 50])
  })

  test('block loses nothing and keeps the order, however small its capacity', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096 })
    const subscription = engine.subscribe('work.*', { capacity: 2, onFull: 'block' })
    const sent = engine.sendBatch(batch(300))
    const received: unknown[] = []
    while (received.length < 300) received.push((await subscription.receive())?.data)
    await sent
    await engine.drain()
    expect(received).toEqual(Array.from({ length: 300 }, (_, index) => index))
    expect(subscription.stats()).toMatchObject({ matched: 300, received: 300, dropped: 0, queued: 0 })
    expect(engine.stats()).toMatchObject({ completed: 300, pending: 0, balanced: true })
  })

  test('block holds events back until they are read, or nobody wants them any more', async () => {
    await using engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.*', { capacity: 5, onFull: 'block' })
    await engine.sendBatch(batch(20))
    await expect(engine.drain({ timeoutMs: 50 })).rejects.toThrow()
    expect(subscription.stats()).toMatchObject({ queued: 5, dropped: 0 })
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 15 })
    subscription.unsubscribe()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, completed: 20 })
  })

  test('an event as large as allowed passes, one byte more is refused', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096, blockBytes: 0 })
    const subscription = engine.subscribe('work.*', { onFull: 'block' })
    // Half of the ring, less the header of the ring and that of the event.
    const most = 4_096 / 2 - 8 - 24
    expect(() => engine.publish('work.n', new Uint8Array(most + 1))).toThrow(/exceeds the 2040 bytes/)
    const sent = (async () => {
      for (let i = 0; i < 20; i++) {
        await engine.send('work.n', new Uint8Array(most).fill(i))
        await engine.send('work.n', new Uint8Array(most - 300 + i).fill(i), { key: 'k' })
      }
    })()
    let bytes = 0
    for (let i = 0; i < 40; i++) {
      const { data } = (await subscription.receive())!
      expect(data.every((byte: number) => byte === data[0])).toBe(true)
      bytes += data.length
    }
    await sent
    expect(bytes).toBe(20 * most + 20 * (most - 300) + 190)
  })

  test('events that were received stay as they are, whatever comes after them', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 1_024 })
    const subscription = engine.subscribe('work.*', { onFull: 'block' })
    engine.publish('work.n', new Uint8Array([1, 2, 3]), { key: 'k', metadata: { n: 1 } })
    engine.publish('work.n', { bytes: new Uint8Array([4, 5]) }, { key: 'k' })
    const kept = [(await subscription.receive())!, (await subscription.receive())!]
    for (let i = 0; i < 100; i++) {
      await engine.send('work.n', new Uint8Array(200).fill(0xee), { key: 'k' })
      await subscription.receive()
    }
    expect(kept[0]!.bytes).toEqual(new Uint8Array([1, 2, 3]))
    expect(kept[0]).toMatchObject({ data: new Uint8Array([1, 2, 3]), metadata: { n: 1 }, key: 'k' })
    expect(kept[1]!.data).toEqual({ bytes: new Uint8Array([4, 5]) })
  })
})
