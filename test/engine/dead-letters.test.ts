import { describe, expect, test } from 'vitest'
import { createEngine, OptionsError, TimeoutError } from '../../src/index.ts'
import { Modules } from '../fixtures/program.ts'

const handlers = new URL('../fixtures/flaky.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const start = (deadLetters = 1_000) => createEngine({ workers, handlers, deadLetters, onError: () => {} })

  test('are kept with their event as it was, the error, the attempts and the time', async () => {
    await using engine = await start()
    const options = {
      key: 'k',
      id: 'mine',
      source: { component: 'c', correlationId: 'r' },
      metadata: { a: 1 },
      ttlMs: 60_000,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    const before = Date.now()
    await engine.send('flaky.never', new Map([['x', 1n]]), options)
    await engine.drain()
    const letters = engine.deadLetters.list()
    expect(letters).toMatchObject([
      {
        handler: 'flaky.never',
        attempts: 1,
        error: { name: 'RangeError', message: 'never', code: 'E_NEVER' },
      },
    ])
    const { event, time, workerId } = letters[0]!
    expect(event).toMatchObject({ type: 'flaky.never', data: new Map([['x', 1n]]), ...options })
    expect(time).toBeGreaterThanOrEqual(before)
    expect(time).toBeLessThanOrEqual(Date.now())
    expect(workerId).toBeLessThanOrEqual(workers)
  })

  test('can be published again, and are forgotten then', async () => {
    await using engine = await start()
    const done = engine.subscribe('flaky.done')
    for (const key of ['a', 'b', 'c']) await engine.send('flaky.twice', key, { key, id: `id-${key}` })
    await engine.drain()
    expect(engine.deadLetters.size).toBe(3)
    for (const letter of engine.deadLetters.list()) await engine.deadLetters.republish(letter)
    expect(engine.deadLetters.size).toBe(0)
    await engine.drain()
    const events = (await done.receiveBatch()).map(({ data }) => data)
    expect(events.sort()).toEqual(['a id-a', 'b id-b', 'c id-c'])
    expect(engine.stats()).toMatchObject({ deadLettered: 3, completed: 6, balanced: true })
  })

  test('of too many the last are kept, and the others counted', async () => {
    await using engine = await start(10)
    for (let n = 0; n < 25; n++) {
      await engine.send('flaky.never', n)
      await engine.drain()
      if (n % 7 === 0) expect(engine.deadLetters.size).toBe(Math.min(10, n + 1))
    }
    // Those of one millisecond may stand in any order.
    const kept = engine.deadLetters.list().map(({ event }) => event.data)
    expect(kept.sort((one, other) => one - other)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
    expect(engine.deadLetters.forgotten).toBe(15)
  })

  test('one, or all, can be discarded', async () => {
    await using engine = await start()
    for (let n = 0; n < 3; n++) await engine.send('flaky.never', n, { key: 'k' })
    await engine.drain()
    const [first, second] = engine.deadLetters.list()
    engine.deadLetters.discard(second)
    expect(engine.deadLetters.list().map(({ event }) => event.data)).toEqual([0, 2])
    await expect(engine.deadLetters.republish(second!)).rejects.toThrow(OptionsError)
    engine.deadLetters.discard()
    expect([engine.deadLetters.size, engine.deadLetters.forgotten]).toEqual([0, 0])
    await expect(engine.deadLetters.republish(first!)).rejects.toThrow(OptionsError)
  })

  test('none are kept if none are asked for', async () => {
    await using engine = await start(0)
    await engine.send('flaky.never', 1)
    await engine.drain()
    expect([engine.deadLetters.size, engine.deadLetters.forgotten]).toEqual([0, 0])
    expect(engine.stats()).toMatchObject({ deadLettered: 1 })
  })

  test('an event of the largest size is kept with its error', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096, onError: () => {} })
    const data = new Uint8Array(2_000).fill(7)
    await engine.send('flaky.long', data)
    await engine.drain()
    const [letter] = engine.deadLetters.list()
    expect(letter!.event.data).toEqual(data)
    expect(letter!.error.message).toHaveLength(4_096)
    expect(letter!.error.message.isWellFormed()).toBe(true)
  })

  test.each(['block', 'drop-newest', 'drop-oldest'] as const)(
    'one that can not be published again for want of room is kept, also with %s',
    async (onFull) => {
      await using engine = await createEngine({
        workers,
        handlers,
        ringBytes: 1_024,
        onFull,
        onError: () => {},
      })
      await engine.send('flaky.never', 1, { key: 'k' })
      await engine.drain()
      await engine.send('flaky.wait', 300, { key: 'k', onFull: 'block' })
      while (engine.publish('flaky.wait', 0, { key: 'k', onFull: 'block' }));
      const [letter] = engine.deadLetters.list()
      await expect(engine.deadLetters.republish(letter!, { timeoutMs: 0 })).rejects.toThrow(TimeoutError)
      expect(engine.deadLetters.size).toBe(1)
      const republished = engine.deadLetters.republish(letter!)
      await expect(engine.deadLetters.republish(letter!)).rejects.toThrow(/is being published again already/)
      await republished
      expect(engine.deadLetters.size).toBe(0)
    },
  )
})

test('they outlive their worker', async () => {
  await using engine = await createEngine({ workers: 1, handlers, onError: () => {} })
  await engine.send('flaky.never', 'before', { key: 'k' })
  await engine.send('flaky.exit', 1, { key: 'k' })
  await engine.send('flaky.never', 'after', { key: 'k' })
  await engine.drain()
  expect(engine.deadLetters.list().map(({ event }) => event.data)).toEqual(['before', 'after'])
})

test('one that is too large for a lane is published without what makes it so', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'long.mjs',
    "export default { job: { name: 'h'.repeat(2_000), handle() { throw new RangeError('m'.repeat(2_000)) } } }",
  )
  const options = { workers: 1, ringBytes: 1_024, blockBytes: 0 }
  await using engine = await createEngine({ ...options, handlers, onError: () => {} })
  const letters = engine.subscribe('millrace.dead-letter')
  engine.publish('job', 'd'.repeat(300))
  const letter = (await letters.receive({ timeoutMs: 10_000 }))!.data
  expect(letter).toMatchObject({ error: { name: 'RangeError', message: 'm'.repeat(64) }, attempts: 1 })
  expect(letter.event).toEqual({ event_type: 'job' })
  expect(engine.deadLetters.list()[0]!.event.data).toHaveLength(300)
})
