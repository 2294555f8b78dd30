import { describe, expect, test } from 'vitest'
import { createEngine, type DropNotice, type Engine, type LevelNotice, type Policy } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const start = (onFull: Policy = 'block') => createEngine({ workers, handlers, ringBytes: 1_024, onFull })

  /** Fills the lane of a key that is held. */
  function overfill(engine: Engine, onFull: Policy): void {
    for (let n = 0; n < 100; n++) engine.publish('work.n', n, { key: 'k', onFull })
  }

  test.each<[Policy, string]>([
    ['drop-newest', 'drop-newest'],
    ['drop-oldest', 'drop-oldest'],
    ['coalesce', 'coalesce'],
    [{ sample: 10 }, 'sample'],
  ])('what a lane drops is told, by %j', async (onFull, name) => {
    await using engine = await start()
    using dropped = engine.subscribe('millrace.dropped', { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    overfill(engine, onFull)
    const first = (await dropped.receive())!.data as DropNotice
    expect(first).toMatchObject({ where: 'lane', topic: 'work.n', policy: onFull, count: 1 })
    // The others a second later, all at once.
    const second = (await dropped.receive())!.data as DropNotice
    expect(second).toMatchObject({ where: 'lane', topic: 'work.n', policy: onFull })
    const { droppedBy } = engine.stats()
    const count = droppedBy[name as keyof typeof droppedBy]
    // What the reader had in its hands was counted as replaced or not.
    expect(Math.abs(first.count + second.count - count)).toBeLessThanOrEqual(1)
    expect(count).toBeGreaterThan(50)
  })

  test('a batch tells what it dropped once it is written', async () => {
    await using engine = await start('drop-newest')
    using dropped = engine.subscribe('millrace.dropped')
    using gate = new Gate(engine)
    await gate.hold('k')
    const events = Array.from({ length: 100 }, (_, n) => ({ type: 'work.n', data: n, key: 'k' }))
    expect(engine.publishBatch(events)).toBe(100)
    const { data } = (await dropped.receive())!
    expect(data.count).toBe(engine.stats().droppedBy['drop-newest'])
  })

  test('a lane that fills up is told before anything is lost, and when it has emptied', async () => {
    await using engine = await start()
    using levels = engine.subscribe(['millrace.high-water', 'millrace.low-water'], { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    let taken = 0
    while (engine.publish('work.n', taken, { key: 'k' })) taken++
    const high = (await levels.receive())!
    expect(high.type).toBe('millrace.high-water')
    const { where, used, capacity, ...rest } = high.data as LevelNotice
    expect({ where, capacity, lane: 'lane' in rest }).toEqual({ where: 'lane', capacity: 1_024, lane: true })
    expect(used).toBeGreaterThanOrEqual(0.8 * 1_024)
    expect(used).toBeLessThan(0.8 * 1_024 + 40)
    gate.open()
    const low = (await levels.receive())!
    expect(low).toMatchObject({ type: 'millrace.low-water', data: { where: 'lane', capacity: 1_024 } })
    expect(low.data.used).toBeLessThan(512)
    await engine.drain()
    expect(engine.stats().balanced).toBe(true)
  })

  test.each<[Policy, string]>([
    ['drop-newest', 'drop-newest'],
    ['drop-oldest', 'drop-oldest'],
    ['coalesce', 'coalesce'],
    [{ sample: 10 }, 'sample'],
  ])('what a mailbox drops is told, by %j', async (onFull) => {
    await using engine = await start()
    using dropped = engine.subscribe('millrace.dropped')
    const few = engine.subscribe('work.*', { capacity: 4, onFull })
    for (let n = 0; n < 20; n++) await engine.send('work.n', n, { key: 'k' })
    const { data } = (await dropped.receive())!
    expect(data).toMatchObject({
      where: 'mailbox',
      subscription: few.id,
      patterns: ['work.*'],
      policy: onFull,
    })
    expect(data.topic).toBe('work.n')
  })

  test('a mailbox that fills up is told, and when it has emptied', async () => {
    await using engine = await start()
    using levels = engine.subscribe('millrace.*', { onFull: 'block' })
    const few = engine.subscribe('work.*', { capacity: 10 })
    for (let n = 0; n < 7; n++) await engine.send('work.n', n, { key: 'k' })
    await engine.drain()
    expect(levels.stats().matched).toBe(0)
    await engine.send('work.n', 7, { key: 'k' })
    expect(await levels.receive()).toMatchObject({
      type: 'millrace.high-water',
      data: { where: 'mailbox', subscription: few.id, used: 8, capacity: 10 },
    })
    await few.receiveBatch({ max: 3 })
    await few.receive()
    expect(await levels.receive()).toMatchObject({
      type: 'millrace.low-water',
      data: { where: 'mailbox', subscription: few.id, used: 4, capacity: 10 },
    })
    for (let n = 0; n < 6; n++) await engine.send('work.n', n, { key: 'k' })
    expect(await levels.receive()).toMatchObject({ type: 'millrace.high-water', data: { used: 8 } })
  })

  test('a mailbox that is full of bytes, and not of events, is told before it drops', async () => {
    await using engine = await start()
    using levels = engine.subscribe(['millrace.high-water', 'millrace.low-water'], { onFull: 'block' })
    using dropped = engine.subscribe('millrace.dropped')
    // With memory for 512 bytes of each.
    const many = engine.subscribe('work.*', { capacity: 100 })
    let sent = 0
    for (; dropped.stats().matched === 0; sent++) {
      await engine.send('work.n', 'x'.repeat(400), { key: 'k' })
      await engine.drain()
    }
    const { data } = (await levels.receive())!
    expect(data).toMatchObject({ where: 'mailbox', subscription: many.id, capacity: 100 })
    expect(data.used).toBeLessThan(Math.min(sent, 80))
    const { queued } = many.stats()
    await many.receiveBatch({ max: queued - Math.ceil(0.7 * data.used) })
    await engine.drain()
    expect(levels.stats().queued).toBe(0)
    await many.receiveBatch({ max: 100, timeoutMs: 0 })
    expect(await levels.receive()).toMatchObject({ type: 'millrace.low-water', data: { where: 'mailbox' } })
  })

  test('a mailbox that coalesces is told when it is nearly full of keys', async () => {
    await using engine = await start()
    using levels = engine.subscribe(['millrace.high-water', 'millrace.low-water'], { onFull: 'block' })
    const latest = engine.subscribe('work.*', { capacity: 10, onFull: 'coalesce' })
    for (let n = 0; n < 9; n++) await engine.send('work.n', n, { key: `k${n % 7}` })
    await engine.drain()
    expect(levels.stats().matched).toBe(0)
    await engine.send('work.n', 9, { key: 'k7' })
    expect(await levels.receive()).toMatchObject({
      type: 'millrace.high-water',
      data: { where: 'mailbox', subscription: latest.id, used: 8, capacity: 10 },
    })
    await latest.receiveBatch({ max: 4 })
    expect(await levels.receive()).toMatchObject({
      type: 'millrace.low-water',
      data: { where: 'mailbox', subscription: latest.id, used: 4 },
    })
  })

  test('a lane that coalesces is told when it is nearly full of keys, before anything is lost', async () => {
    await using engine = await start('coalesce')
    using levels = engine.subscribe('millrace.high-water', { onFull: 'block' })
    using dropped = engine.subscribe('millrace.dropped')
    using gate = new Gate(engine)
    await gate.hold('k')
    let keys = 0
    for (; keys < 20_000 && engine.stats().dropped === 0; keys += 50) {
      for (let n = 0; n < 50; n++) engine.publish('work.n', n, { key: `key-${keys + n}` })
    }
    expect(keys).toBeLessThan(20_000)
    expect((await levels.receive())!.data).toMatchObject({ where: 'lane' })
    expect((await dropped.receive())!.data).toMatchObject({ where: 'lane', policy: 'coalesce' })
  })

  test('a notice that is too large for a lane is not the concern of whoever publishes', async () => {
    const options = { workers, handlers, ringBytes: 1_024, onFull: 'drop-newest' as const }
    await using engine = await createEngine({ ...options, blockBytes: 0 })
    using dropped = engine.subscribe('millrace.dropped')
    using long = engine.subscribe(
      Array.from({ length: 50 }, (_, index) => `work.a-rather-long-name-${index}`).concat('work.n'),
      { capacity: 1, onFull: 'drop-newest' },
    )
    for (let n = 0; n < 5; n++) await engine.send('work.n', n, { key: 'k' })
    await engine.drain()
    expect(long.stats()).toMatchObject({ matched: 5, dropped: 4 })
    expect(dropped.stats().matched).toBe(0)
    expect(engine.stats()).toMatchObject({ completed: 5, balanced: true })
  })

  test('nobody asks: nothing is published; and who asks for everything does not ask for notices', async () => {
    await using engine = await start('drop-newest')
    using all = engine.subscribe(['**', 'mill*.*', '{a,b}.**'], { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    overfill(engine, 'drop-newest')
    gate.open()
    await engine.drain()
    const types = new Set((await all.receiveBatch({ max: 1_000 })).map(({ type }) => type))
    expect([...types].sort()).toEqual(['gate.held', 'gate.hold', 'work.n'])
    expect(engine.stats()).toMatchObject({ unmatched: 0, balanced: true, accepted: 102 })
  })
})
