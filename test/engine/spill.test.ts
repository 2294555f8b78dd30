import { describe, expect, test } from 'vitest'
import { createEngine, type Engine, type MillraceError, type StoreError } from '../../src/index.ts'
import { memoryStore, type Overflow } from '../../src/store/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)
const NUMBERS = Array.from({ length: 10_000 }, (_, index) => index)

/** All that the engine dispatches of `work.n`, in the order in which it does. */
function dispatched(engine: Engine): () => Promise<number[]> {
  const seen = engine.subscribe('work.n', { capacity: 100_000, onFull: 'block' })
  return async () =>
    (await seen.receiveBatch({ max: 100_000, timeoutMs: 0 })).map(({ data }) => data as number)
}

const keyed = (numbers: readonly number[]) => numbers.map((data) => ({ type: 'work.n', data, key: 'k' }))

/** An engine whose events spill into this overflow, while its handler waits at the gate. */
async function spillInto(overflow: Overflow) {
  const errors: MillraceError[] = []
  const engine = await createEngine({
    workers: 0,
    handlers,
    ringBytes: 4_096,
    store: { overflow },
    onFull: 'spill',
    onError: (error) => errors.push(error),
  })
  const gate = new Gate(engine)
  await gate.hold('k')
  return { engine, gate, errors }
}

describe.each([0, 2])('workers: %d', (workers) => {
  const options = { workers, handlers, ringBytes: 4_096 }

  test('what finds no room goes to the store, and comes back in its order', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore(), onFull: 'spill' })
    const all = dispatched(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    await engine.sendBatch(keyed(NUMBERS))
    const { spilled } = engine.stats()
    expect(spilled).toBeGreaterThan(9_000)
    expect(engine.stats()).toMatchObject({ pending: NUMBERS.length + 1, dropped: 0, balanced: true })
    gate.open()
    await engine.drain()
    expect(await all()).toEqual(NUMBERS)
    expect(engine.stats()).toMatchObject({ pending: 0, spilled, dropped: 0, balanced: true })
    // Now that there is room, nothing spills any more.
    await engine.sendBatch(keyed(NUMBERS.slice(0, 20)))
    await engine.drain()
    expect(await all()).toEqual(NUMBERS.slice(0, 20))
    expect(engine.stats()).toMatchObject({ spilled, balanced: true })
  })

  test('events without a key, too, once all of their lanes are full', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore() })
    const all = dispatched(engine)
    // They come in runs of 16 to each lane.
    const gates = Array.from({ length: 32 * Math.max(1, workers) }, () => new Gate(engine))
    for (const gate of gates) await gate.hold()
    const events = NUMBERS.map((data) => ({ type: 'work.n', data, onFull: 'spill' as const }))
    await engine.sendBatch(events)
    expect(engine.stats().spilled).toBeGreaterThan(5_000)
    for (const gate of gates) gate.open()
    await engine.drain()
    expect((await all()).sort((a, b) => a - b)).toEqual(NUMBERS)
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test('while a lane spills, its other events do not overtake, whatever their policy', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore() })
    const all = dispatched(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    const policies = ['spill', 'block', 'reject', 'drop-newest'] as const
    for (const data of NUMBERS.slice(0, 2_000)) {
      // The first hundreds fill the ring.
      const onFull = data < 500 ? 'spill' : policies[data % 4]!
      await engine.send('work.n', data, { key: 'k', onFull })
      // Else the way out is full, too, as long as the engine's thread has no turn.
      if (data % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    gate.open()
    await engine.drain()
    expect(await all()).toEqual(NUMBERS.slice(0, 2_000))
    expect(engine.stats()).toMatchObject({ dropped: 0, balanced: true })
  })

  test('when the store is full, it is as with block: nothing is lost, and the error says so', async () => {
    const errors: MillraceError[] = []
    await using engine = await createEngine({
      ...options,
      store: memoryStore({ maxOverflowBytes: 20_000 }),
      onFull: 'spill',
      onError: (error) => errors.push(error),
    })
    const all = dispatched(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    let accepted = 0
    const sending = (async () => {
      for (const data of NUMBERS) {
        await engine.send('work.n', data, { key: 'k' })
        accepted++
      }
    })()
    while (errors.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(errors[0]).toMatchObject({
      code: 'ERR_MILLRACE_STORE',
      message: expect.stringMatching(/of 20000$/),
    })
    while (engine.publish('work.other', 0, { key: 'k' }))
      await new Promise((resolve) => setImmediate(resolve))
    await expect(engine.send('work.other', 0, { key: 'k', timeoutMs: 1 })).rejects.toThrow(/within 1 ms/)
    expect(accepted).toBeLessThan(2_000)
    expect(engine.stats()).toMatchObject({ dropped: 0, balanced: true })
    gate.open()
    await sending
    await engine.drain()
    expect(await all()).toEqual(NUMBERS)
    expect(engine.stats()).toMatchObject({ pending: 0, dropped: 0, balanced: true })
  })

  test('a store that fails is tried again: nothing is lost, nothing comes twice, nothing overtakes', async () => {
    const errors: StoreError[] = []
    const { overflow } = memoryStore()
    let calls = 0
    const failEach = (): void => {
      if (++calls % 3 === 1) throw new Error(`call ${calls} fails`)
    }
    const failing: Overflow = {
      push: async (queue, records) => {
        failEach()
        await overflow.push(queue, records)
      },
      shift: async (queue, limit) => {
        failEach()
        // Fewer than were asked for.
        return overflow.shift(queue, Math.min(limit, 100))
      },
    }
    await using engine = await createEngine({
      ...options,
      store: { overflow: failing },
      onFull: 'spill',
      onError: (error) => errors.push(error as StoreError),
    })
    const all = dispatched(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    await engine.sendBatch(keyed(NUMBERS.slice(0, 1_000)))
    gate.open()
    await engine.drain()
    expect(await all()).toEqual(NUMBERS.slice(0, 1_000))
    expect(errors.length).toBeGreaterThan(2)
    expect(errors[0]).toMatchObject({ code: 'ERR_MILLRACE_STORE', cause: { message: 'call 1 fails' } })
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test('what has spilled when the engine closes is named, in its order', async () => {
    const engine = await createEngine({ ...options, store: memoryStore(), onFull: 'spill' })
    const gate = new Gate(engine)
    await gate.hold('k')
    await engine.sendBatch(keyed(NUMBERS))
    const { left, drained, ledger } = await engine.close({ timeoutMs: 20 })
    gate.open()
    expect(drained).toBe(false)
    expect(left.filter(({ type }) => type === 'work.n').map(({ data }) => data)).toEqual(NUMBERS)
    expect(ledger).toMatchObject({ pending: NUMBERS.length + 1, balanced: true })
  })

  test('a batch that is refused in the middle leaves nothing behind, in the store either', async () => {
    await using engine = await createEngine({ ...options, store: memoryStore(), onFull: 'spill' })
    const all = dispatched(engine)
    using gate = new Gate(engine)
    await gate.hold('k')
    await engine.sendBatch(keyed(NUMBERS.slice(0, 300)))
    const before = engine.stats().accepted
    const bad = { type: 'work.n', data: () => {}, key: 'k' }
    expect(() => engine.publishBatch([...keyed([7, 8, 9]), bad])).toThrow(/function/i)
    expect(engine.stats().accepted).toBe(before)
    await engine.sendBatch(keyed([300]))
    gate.open()
    await engine.drain()
    expect(await all()).toEqual(NUMBERS.slice(0, 301))
  })
})

test('a store that does not answer does not keep the engine from closing', async () => {
  const never = () => new Promise<never>(() => {})
  const { engine, gate, errors } = await spillInto({ push: never, shift: never })
  let accepted = 0
  while (engine.publish('work.n', accepted, { key: 'k' })) accepted++
  const { left, ledger } = await engine.close({ timeoutMs: 50 })
  gate.open()
  // They lie in the rings still: nothing was taken out that the store has not confirmed.
  expect(left).toHaveLength(accepted + 1)
  expect(ledger).toMatchObject({ pending: accepted + 1, balanced: true })
  expect(errors).toMatchObject([{ code: 'ERR_MILLRACE_STORE', message: expect.stringMatching(/not answer/) }])
})

test('a store that fails once while the engine closes: all that has spilled is named', async () => {
  const { overflow } = memoryStore()
  let closing = 0
  const failing: Overflow = {
    push: (queue, records) => overflow.push(queue, records),
    shift: async (queue, limit) => {
      if (closing > 0 && closing++ < 4) throw new Error('a hiccup')
      return overflow.shift(queue, limit)
    },
  }
  const { engine, gate } = await spillInto(failing)
  await engine.sendBatch(keyed(NUMBERS.slice(0, 1_000)))
  closing = 1
  const { left, ledger } = await engine.close({ timeoutMs: 20 })
  gate.open()
  expect(closing).toBeGreaterThan(3)
  expect(left.slice(1).map(({ data }) => data)).toEqual(NUMBERS.slice(0, 1_000))
  expect(ledger).toMatchObject({ pending: 1_001, balanced: true })
})

test.each<[string, (records: readonly Uint8Array[]) => unknown]>([
  ['none', () => []],
  ['nothing', () => undefined],
  ['others', () => ['a', 'b']],
  ['short ones', () => [new Uint8Array(3)]],
  ['long ones', () => [new Uint8Array(10_000)]],
  ['each twice', (records) => records.flatMap((record) => [record, record])],
])('a store that answers %s: a StoreError, and nothing of it comes into a lane', async (_, answer) => {
  const stored: Uint8Array[] = []
  const { engine, gate, errors } = await spillInto({
    push: async (_queue, records) => void stored.push(...records),
    shift: async () => answer(stored) as Uint8Array[],
  })
  await engine.sendBatch(keyed(NUMBERS.slice(0, 200)))
  gate.open()
  while (errors.length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(errors[0]).toMatchObject({ code: 'ERR_MILLRACE_STORE' })
  const { completed, pending, deadLettered } = engine.stats()
  expect({ sum: completed + pending, deadLettered }).toEqual({ sum: 202, deadLettered: 0 })
  await engine.close({ timeoutMs: 0 })
})

test('a store with room for a few events only keeps those', async () => {
  const store = memoryStore({ maxOverflowBytes: 8_000 })
  let most = 0
  const { overflow } = store
  let held = 0
  const watched: Overflow = {
    push: async (queue, records) => {
      await overflow.push(queue, records)
      held += records.length
      most = Math.max(most, held)
    },
    shift: async (queue, limit) => {
      const records = await overflow.shift(queue, limit)
      held -= records.length
      return records
    },
  }
  await using engine = await createEngine({
    workers: 0,
    handlers,
    store: { overflow: watched },
    onFull: 'spill',
    onError: () => {},
  })
  using gate = new Gate(engine)
  await gate.hold('k')
  const sending = engine.sendBatch(
    Array.from({ length: 600 }, (_, i) => ({ type: 'work.n', data: `${i}${'x'.repeat(1_000)}`, key: 'k' })),
  )
  while (most < 4) await new Promise((resolve) => setImmediate(resolve))
  gate.open()
  await sending
  await engine.drain()
  expect(engine.stats()).toMatchObject({ completed: 602, balanced: true })
})

test('without a store, nobody can ask for it', async () => {
  await expect(createEngine({ workers: 0, onFull: 'spill' })).rejects.toMatchObject({
    code: 'ERR_MILLRACE_CAPABILITY',
  })
  await expect(createEngine({ workers: 0, store: {} as never })).rejects.toMatchObject({
    code: 'ERR_MILLRACE_OPTIONS',
  })
  await using engine = await createEngine({ workers: 0, handlers })
  expect(() => engine.publish('work.n', 1, { onFull: 'spill' })).toThrow(
    expect.objectContaining({ code: 'ERR_MILLRACE_CAPABILITY' }),
  )
  expect(engine.stats().accepted).toBe(0)
  for (const store of [{ overflow: { push() {} } }, { overflow: { push() {}, shift: 3 } }, null, 5]) {
    await expect(createEngine({ workers: 0, store: store as never })).rejects.toMatchObject({
      code: 'ERR_MILLRACE_OPTIONS',
    })
  }
  for (const options of [{ maxOverflowBytes: -1 }, { maxOverFlowBytes: 5 }, null, 5]) {
    expect(() => memoryStore(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_OPTIONS' }),
    )
  }
})
