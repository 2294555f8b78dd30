import { describe, expect, test } from 'vitest'
import { createEngine, type Policy } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { Gate } from '../fixtures/gate.ts'

const gates = new URL('../fixtures/gate.ts', import.meta.url)
const handlers = new URL('../fixtures/once.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const options = { workers, handlers, delivery: 'effectively-once' as const, onError: () => {} }

  test.each<[string, string | undefined]>([
    ['with a key', 'k'],
    ['without a key', undefined],
  ])('an event whose id was completed is not handled again: %s', async (_, key) => {
    await using engine = await createEngine(options)
    const handled = engine.subscribe('handled')
    const event = (id: string) => ({ type: 'once.slow', data: id, id, ...(key !== undefined && { key }) })
    // The second of each comes while the first is being handled.
    await engine.sendBatch(['a', 'a', 'b', 'c', 'b', 'a'].map(event))
    await engine.drain()
    await engine.sendBatch(['c', 'd'].map(event))
    await engine.drain()
    const ids = (await handled.receiveBatch()).map(({ data }) => data)
    expect(ids.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    expect(engine.stats()).toMatchObject({ dropped: 4, droppedBy: { duplicate: 4 }, balanced: true })
  })

  test('events without an id are all handled, and so are those of one id and several keys', async () => {
    await using engine = await createEngine({ ...options, lanes: 1 })
    const handled = engine.subscribe('handled')
    for (let i = 0; i < 10; i++) await engine.send('once.slow', 'same')
    // One after the other, in one lane; the last ones tell key and id apart.
    const names = [...Array.from({ length: 8 }, (_, i) => [`key-${i}`, 'x']), ['a', 'bc'], ['ab', 'c']]
    for (const [key, id] of names) {
      await engine.send('once.slow', 'same', { id: id!, key: key! })
      await engine.drain()
    }
    expect(await handled.receiveBatch()).toHaveLength(20)
  })

  test('an event that became a dead letter was not completed, and may come again', async () => {
    await using engine = await createEngine(options)
    const handled = engine.subscribe('handled')
    await engine.send('once.fails-first', 'f', { id: 'f' })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ deadLettered: 1 })
    await engine.deadLetters.republish(engine.deadLetters.list()[0]!)
    await engine.send('once.fails-first', 'f', { id: 'f' })
    await engine.drain()
    expect(await handled.receiveBatch()).toHaveLength(1)
    expect(engine.stats()).toMatchObject({ deadLettered: 1, droppedBy: { duplicate: 1 }, balanced: true })
  })

  test('as many ids are remembered as the window says; what has left it is new', async () => {
    await using engine = await createEngine({ ...options, lanes: 1, duplicateWindow: 100 })
    const id = (index: number) => `0f3a6c1e-7b42-4c55-9d1e-${String(index).padStart(12, '0')}`
    let n = 0
    const send = (from: number, to: number) =>
      engine.sendBatch(
        // What stands behind the id is different each time.
        Array.from({ length: to - from }, (_, i) => ({
          type: 'once.fast',
          id: id(from + i),
          metadata: { n: n++ },
        })),
      )
    await send(0, 1_000)
    await engine.drain()
    await send(900, 1_000)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 1_000, droppedBy: { duplicate: 100 } })
    await send(0, 100)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 1_100, droppedBy: { duplicate: 100 }, balanced: true })
  })

  test.each<Policy>(['block', 'drop-oldest', 'coalesce', 'spill'])('published with %s', async (onFull) => {
    await using engine = await createEngine({ ...options, handlers: [handlers, gates], store: memoryStore() })
    const handled = engine.subscribe('handled')
    using gate = new Gate(engine)
    await gate.hold()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) engine.publish('once.slow', i, { id: `id-${i}`, onFull })
    }
    gate.open()
    await engine.drain()
    expect((await handled.receiveBatch()).map(({ data }) => data as number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    )
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test('a duplicate behind an event that is left when the engine closes is counted', async () => {
    const engine = await createEngine({ ...options, handlers: [handlers, gates], lanes: 1 })
    const gate = new Gate(engine)
    await gate.hold('k')
    for (let i = 0; i < 3; i++) await engine.send('once.fast', 0, { id: 'a' })
    const { ledger, left } = await engine.close({ timeoutMs: 50 })
    gate.open()
    expect(left).toMatchObject([{ type: 'gate.hold' }])
    expect(ledger).toMatchObject({ pending: 1, dropped: 2, droppedBy: { duplicate: 2 }, balanced: true })
  })
})

test('with at-least-once, ids are nobody’s business', async () => {
  await using engine = await createEngine({ workers: 0, handlers })
  const handled = engine.subscribe('handled')
  for (let i = 0; i < 3; i++) await engine.send('once.slow', 1, { id: 'same' })
  await engine.drain()
  expect(await handled.receiveBatch()).toHaveLength(3)
})

test.each([
  { delivery: 'effectively-once', duplicateWindow: 0 },
  { delivery: 'effectively-once', duplicateWindow: 1.5 },
  { delivery: 'effectively-once', duplicateWindow: null },
  { delivery: 'at-least-once', duplicateWindow: 10 },
  { delivery: 'exactly-once' },
])('refused: %o', async (options) => {
  await expect(createEngine({ workers: 0, ...(options as object) })).rejects.toMatchObject({
    code: 'ERR_MILLRACE_OPTIONS',
  })
})
