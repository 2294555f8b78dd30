import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createEngine, type Engine, type Policy } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  function small(onFull: Policy): Promise<Engine> {
    return createEngine({ workers, handlers, ringBytes: 1_024, onFull })
  }

  /** What the handlers get to see, in their order. */
  function watch(engine: Engine) {
    const seen = engine.subscribe('work.**', { onFull: 'block' })
    return async () => (await seen.receiveBatch({ max: 10_000, timeoutMs: 0 })).map(({ data }) => data)
  }

  test('drop-oldest: publishing never waits, the newest are left, in order, and every loss is counted', async () => {
    await using engine = await small('drop-oldest')
    const received = watch(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    const { accepted } = engine.stats()
    for (let n = 0; n < 1_000; n++) expect(engine.publish('work.n', n, { key: 'k' })).toBe(true)
    expect(engine.publishBatch([{ type: 'work.n', data: 1_000, key: 'k' }])).toBe(1)
    await engine.send('work.n', 1_001, { key: 'k' })
    const during = engine.stats()
    expect(during.accepted).toBe(accepted + 1_002)
    expect(during.droppedBy).toMatchObject({ 'drop-oldest': during.dropped, 'drop-newest': 0, sample: 0 })
    expect(during.pending).toBeGreaterThan(15)
    expect(during.pending).toBeLessThan(1_024 / 32 + 2)
    gate.open()
    await engine.drain()
    const numbers = await received()
    const newest = Array.from({ length: numbers.length }, (_, index) => 1_002 - numbers.length + index)
    // But for one that the reader had in its hands.
    expect(numbers.slice(1)).toEqual(newest.slice(1))
    expect(engine.stats()).toMatchObject({ pending: 0, dropped: 1_002 - numbers.length, balanced: true })
  })

  test('drop-oldest without a key: the lanes share what there is', async () => {
    await using engine = await small('drop-oldest')
    let taken = 0
    while (taken < 5_000) {
      expect(engine.publish('work.free', taken)).toBe(true)
      taken++
    }
    await engine.drain()
    const { accepted, completed, dropped, balanced } = engine.stats()
    expect({ accepted, sum: completed + dropped, balanced }).toEqual({
      accepted: taken,
      sum: taken,
      balanced: true,
    })
  })

  test('coalesce: of each key the latest event is left', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: 'coalesce', lanes: 2 })
    const received = watch(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    for (let n = 0; n < 20_000; n++) engine.publish('work.n', n, { key: 'k' })
    const { droppedBy, pending, accepted, balanced } = engine.stats()
    expect({ accepted, balanced }).toEqual({ accepted: 20_002, balanced: true })
    expect(droppedBy['drop-oldest']).toBe(0)
    // Beside the one that is held: the latest, and perhaps one that the reader had in its hands.
    expect([2, 3]).toContain(pending)
    expect(droppedBy.coalesce).toBe(20_001 - pending)
    gate.open()
    await engine.drain()
    const numbers = await received()
    expect(numbers.length).toBe(pending - 1)
    expect(numbers.at(-1)).toBe(19_999)
    expect(engine.stats()).toMatchObject({ pending: 0, dropped: 20_001 - pending, balanced: true })
  })

  test('coalesce: a hundred keys, however often each changes, and the last value of every one arrives', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: 'coalesce' })
    const latest = engine.subscribe('work.*', { onFull: 'coalesce', capacity: 100 })
    for (let n = 0; n < 50_000; n++) engine.publish('work.n', n, { key: `key-${n % 100}` })
    await engine.drain()
    const events = await latest.receiveBatch({ max: 1_000 })
    const values = new Map(events.map(({ key, data }) => [key, data]))
    for (let n = 49_900; n < 50_000; n++) expect(values.get(`key-${n % 100}`)).toBe(n)
    const { completed, dropped } = engine.stats()
    expect(completed + dropped).toBe(50_000)
  })

  test('coalesce: keys of other letters, and events without a key', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: 'coalesce' })
    const received = watch(engine)
    using gate = new Gate(engine)
    await gate.hold('größe')
    for (let n = 1; n <= 100; n++) await engine.send({ type: 'work.n', data: n, key: 'größe' })
    for (const n of [101, 102, 103]) engine.publish('work.n', n)
    await engine.send({ type: 'work.n', data: 104, key: 'größe', onFull: 'drop-oldest' })
    gate.open()
    await engine.drain()
    const numbers = await received()
    expect(numbers.filter((n) => n > 100).sort()).toEqual([101, 102, 103, 104])
    const coalesced = numbers.filter((n) => n <= 100)
    expect(coalesced.at(-1)).toBe(100)
    expect(coalesced.length).toBeLessThan(3)
    expect(engine.stats()).toMatchObject({ droppedBy: { coalesce: 100 - coalesced.length }, balanced: true })
  })

  test('coalesce: an event with a key that is too long is refused', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: 'coalesce', blockBytes: 0 })
    const data = 'x'.repeat(2_000)
    expect(() => engine.publish('work.n', data, { key: 'k' })).toThrow(/exceeds the 1024 bytes/)
    expect(engine.publish('work.n', data)).toBe(true)
    expect(engine.publish('work.n', data, { key: 'k', onFull: 'drop-oldest' })).toBe(true)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 2, completed: 2, balanced: true })
  })

  test('a sample keeps one of every so many, at every load', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: { sample: 10 }, lanes: 1 })
    const received = watch(engine)
    for (let n = 0; n < 500; n++) expect(engine.publish('work.n', n, { key: 'k' })).toBe(true)
    await engine.drain()
    const kept = await received()
    expect(kept.map((n) => Math.floor(n / 10))).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(engine.stats()).toMatchObject({
      accepted: 500,
      completed: 50,
      dropped: 450,
      droppedBy: { sample: 450 },
      balanced: true,
    })
  })

  test('an event that is handled for long does not hold up those of other keys', async () => {
    await using engine = await createEngine({ workers, handlers, onFull: 'coalesce', lanes: 1 })
    using other = engine.subscribe('work.**')
    using gate = new Gate(engine)
    await gate.hold('k')
    for (const key of ['a', 'b', 'a']) {
      await engine.send('work.n', key, { key })
      expect(await other.receive()).toMatchObject({ data: key })
      await engine.send('work.n', key, { key, onFull: 'drop-oldest' })
      expect(await other.receive()).toMatchObject({ data: key })
    }
    gate.open()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 8, balanced: true })
  })

  test('what may not be overwritten is not, beside what may', async () => {
    await using engine = await small('block')
    const received = watch(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    let taken = 0
    while (engine.publish('work.keep', -1 - taken, { key: 'k' })) taken++
    for (let n = 0; n < 500; n++) engine.publish('work.n', n, { key: 'k', onFull: 'drop-oldest' })
    gate.open()
    await engine.drain()
    const numbers = await received()
    const kept = numbers.filter((n) => n < 0)
    expect(kept).toEqual(Array.from({ length: taken }, (_, index) => -1 - index))
    expect(numbers.at(-1) === 499 || numbers.includes(499)).toBe(true)
    expect(engine.stats()).toMatchObject({ dropped: 500 + taken - numbers.length, balanced: true })
  })

  test('an invalid event in a batch: those before it that may overwrite are accepted, and the error says how many', async () => {
    await using engine = await small('block')
    const events = [
      { type: 'work.a', data: 1, key: 'k' },
      { type: 'work.a', data: 2, key: 'k', onFull: 'drop-oldest' as const },
      { type: 'work.a', data: 3, key: 'k' },
      { type: 'work.*', data: 4, key: 'k' },
    ]
    expect(() => engine.publishBatch(events)).toThrow(expect.objectContaining({ accepted: 2 }))
    const error = await engine.sendBatch(events).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_INVALID_EVENT', accepted: 2 })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 4, completed: 4, balanced: true })
    expect(engine.publishBatch(events.slice(0, 3))).toBe(3)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 7, completed: 7, balanced: true })
  })

  test('what was left when the engine is closed is named', async () => {
    const engine = await createEngine({ workers, handlers, onFull: 'coalesce', ringBytes: 1_024 })
    using gate = new Gate(engine)
    await gate.hold('k')
    for (let n = 0; n < 10; n++) engine.publish('work.n', n, { key: 'k' })
    for (let n = 0; n < 100; n++) engine.publish('work.o', n, { key: 'k', onFull: 'drop-oldest' })
    const { left, ledger, drained } = await engine.close({ timeoutMs: 100 })
    expect(drained).toBe(false)
    expect(ledger).toMatchObject({ accepted: 112, pending: left.length, balanced: true })
    expect(ledger.dropped).toBe(111 - left.length)
    expect(left.filter(({ type }) => type === 'gate.hold')).toMatchObject([{ attempt: 1 }])
    expect(left.filter(({ type }) => type === 'work.n').at(-1)).toMatchObject({ data: 9, key: 'k' })
    expect(left.filter(({ type }) => type === 'work.o').at(-1)).toMatchObject({ data: 99 })
  })
})

test('coalesce: while its key is being handled, a value can be replaced, also after the reader has seen it', async () => {
  await using engine = await createEngine({ workers: 0, handlers, onFull: 'coalesce' })
  const seen = engine.subscribe('work.**', { onFull: 'block' })
  using gate = new Gate(engine)
  await gate.hold('k')
  for (let n = 0; n < 10; n++) {
    engine.publish('work.n', n, { key: 'k' })
    // The reader, which shares this thread, looks again and again.
    for (let i = 0; i < 20; i++) await turn()
  }
  gate.open()
  await engine.drain()
  expect((await seen.receiveBatch({ timeoutMs: 0 })).map(({ data }) => data)).toEqual([9])
  expect(engine.stats()).toMatchObject({ droppedBy: { coalesce: 9 }, balanced: true })
})
