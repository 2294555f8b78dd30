import { describe, expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  /** An engine with events 0 to 9 in a subscription with this filter. */
  async function filtered(filter: (data: number) => boolean) {
    const engine = await createEngine({ workers, handlers })
    const subscription = engine.subscribe('work.*', { filter: (event) => filter(event.data) })
    for (let data = 0; data < 10; data++) await engine.send('work.n', data, { key: 'k' })
    await engine.drain()
    return { engine, subscription }
  }

  const dataOf = (events: readonly { data: unknown }[]) => events.map(({ data }) => data)

  test('what it refuses is passed over and counted', async () => {
    const { engine, subscription } = await filtered((data) => data % 3 === 0)
    expect(dataOf(await subscription.receiveBatch({ max: 2 }))).toEqual([0, 3])
    expect((await subscription.receive())?.data).toBe(6)
    expect(dataOf(await subscription.receiveBatch())).toEqual([9])
    expect(subscription.stats()).toMatchObject({
      matched: 10,
      received: 4,
      filtered: 6,
      queued: 0,
      dropped: 0,
    })
    await engine.close()
  })

  test('one that ends its subscription: the event it looked at is discarded with the rest', async () => {
    const { engine, subscription } = await filtered((data) => {
      if (data === 5) subscription.unsubscribe()
      return data % 2 === 0
    })
    expect(dataOf(await subscription.receiveBatch())).toEqual([0, 2, 4])
    expect(engine.stats().delivery).toMatchObject({ matched: 10, received: 3, filtered: 2, discarded: 5 })
    await engine.close()
  })

  test('a receiver that waits is not woken by what is filtered', async () => {
    const { engine, subscription } = await filtered((data) => data === 100)
    const next = subscription.receive()
    engine.publish('work.n', 99, { key: 'k' })
    engine.publish('work.n', 100, { key: 'k' })
    expect((await next)?.data).toBe(100)
    expect(subscription.stats()).toMatchObject({ matched: 12, received: 1, filtered: 11 })
    await engine.close()
  })

  test('its error is the receiver’s, once, and costs no other event', async () => {
    const { engine, subscription } = await filtered((data) => {
      if (data === 4) throw new Error('not four')
      return true
    })
    expect(dataOf(await subscription.receiveBatch())).toEqual([0, 1, 2, 3])
    await expect(subscription.receiveBatch()).rejects.toThrow('not four')
    expect(dataOf(await subscription.receiveBatch())).toEqual([5, 6, 7, 8, 9])
    expect(subscription.stats()).toMatchObject({ matched: 10, received: 9, filtered: 1, queued: 0 })
    await engine.close()
  })

  test('one that answers a promise has failed', async () => {
    const { engine, subscription } = await filtered((async (data: number) => data > 4) as never)
    await expect(subscription.receive()).rejects.toThrow(TypeError)
    await engine.close()
  })

  test('of receivers that wait, one gets the error and the next goes on', async () => {
    const { engine, subscription } = await filtered((data) => {
      if (data === 20) throw new Error('not twenty')
      return data > 20
    })
    const first = subscription.receive()
    const second = subscription.receive({ timeoutMs: 60_000 })
    const refused = expect(first).rejects.toThrow('not twenty')
    engine.publish('work.n', 20, { key: 'k' })
    engine.publish('work.n', 21, { key: 'k' })
    await refused
    expect((await second)?.data).toBe(21)
    await engine.close()
  })

  test('it sees the event that the receiver gets', async () => {
    await using engine = await createEngine({ workers, handlers })
    const seen: unknown[] = []
    const subscription = engine.subscribe('work.*', { filter: (event) => seen.push(event) > 0 })
    engine.publish('work.n', { a: 1 }, { key: 'k', metadata: { m: 1 } })
    const event = await subscription.receive()
    expect(seen).toEqual([event])
    expect(seen[0]).toBe(event)
  })
})
