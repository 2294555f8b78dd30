import { describe, expect, test } from 'vitest'
import { createEngine, DecodeError, EncodeError, type Engine, f64, struct } from '../../src/index.ts'
import { attached } from '../fixtures/attached.ts'
import { Load, type Loads, STRUCTS } from '../fixtures/structs.ts'

const handlers = new URL('../fixtures/structs.ts', import.meta.url)

const load = (value: number): Loads['load.cpu'] => ({
  value,
  host: `wéb-${value}`,
  ok: value % 2 === 0,
  ...(value % 3 === 0 && { level: 'high' as const }),
  place: { row: value, ...(value % 2 === 0 && { note: `note ${value}` }) },
})

const seenOf = (value: number, key?: string) => {
  const { place, level, ...rest } = load(value)
  return { type: 'load.cpu', key, ...rest, level, row: place.row, note: place.note }
}

describe.each([0, 1])('workers: %d', (workers) => {
  const start = (options = {}): Promise<Engine<Loads>> =>
    createEngine<Loads>({ workers, handlers, structs: STRUCTS, onError: () => {}, ...options })

  test('however it is published, a handler and a subscription read every field', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    const own = engine.subscribe('load.*')
    engine.publish('load.cpu', load(1))
    engine.publish('load.cpu', load(2), { key: 'k' })
    engine.publish({ type: 'load.cpu', data: load(3), metadata: { a: 1 } })
    engine.publishBatch([4, 5].map((value) => ({ type: 'load.cpu', data: load(value) })))
    await engine.send('load.cpu', load(6))
    const topic = engine.topic('load.cpu')
    topic.publish(load(7))
    await topic.send(load(8), { key: 'k' })
    await engine.drain()
    const expected = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => seenOf(n, n === 2 || n === 8 ? 'k' : undefined))
    const received = (await seen.receiveBatch()).map(({ data }) => data as { value: number })
    expect(received.sort((a, b) => a.value - b.value)).toEqual(
      expected.map((data) => JSON.parse(JSON.stringify(data, (_, v) => v ?? null))),
    )
    const copies = await own.receiveBatch()
    expect(copies.map(({ data }) => data.value).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const third = copies.find(({ data }) => data.value === 3)!
    expect(third.toJSON()).toMatchObject({ event_type: 'load.cpu', data: load(3), metadata: { a: 1 } })
    expect(third.toCloudEvent()).toMatchObject({ datacontenttype: 'application/json', data: load(3) })
    expect(third.copy().data.place.row).toBe(3)
    expect(engine.stats()).toMatchObject({ completed: 16, deadLettered: 0, balanced: true })
  })

  test('an attached thread, and a handler, publish them too', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    const { thread, ask } = await attached(engine as unknown as Engine)
    expect(await ask('publish', 'load.cpu', load(4))).toEqual({ result: true })
    expect(await ask('publish', 'load.cpu', { value: 'no number' })).toEqual({ code: 'ERR_MILLRACE_ENCODE' })
    engine.publish('load.passed', load(6))
    const said = engine.subscribe('said')
    await engine.drain()
    const events = (await seen.receiveBatch({ max: 2 })).map(({ data }) => data as { value: number })
    expect(events.map(({ value }) => value).sort()).toEqual([4, 6])
    // Where it is no struct, it is an object with the same fields.
    expect((await said.receive())!.data).toEqual({ data: load(6), place: load(6).place })
    await thread.terminate()
  })

  test('what does not fit is an EncodeError, and nothing was accepted', async () => {
    await using engine = await start()
    const wrong = { ...load(1), host: 'a host that is too long' } as never
    expect(() => engine.publish('load.cpu', wrong)).toThrow(EncodeError)
    expect(() => engine.publish('load.cpu', wrong, { key: 'k' })).toThrow('Field host of a struct is str(16)')
    expect(() =>
      engine.publishBatch([
        { type: 'load.cpu', data: load(1) },
        { type: 'load.cpu', data: wrong },
      ]),
    ).toThrow(EncodeError)
    await expect(engine.send('load.cpu', wrong)).rejects.toThrow(EncodeError)
    await expect(engine.request('load.cpu', wrong)).rejects.toThrow(EncodeError)
    expect(() => engine.publish('load.cpu', undefined as never)).toThrow('A struct is written from an object')
    expect(() => engine.publish('load.cpu', engine.allocate(8) as never)).toThrow(EncodeError)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 0, balanced: true })
  })

  test('a getter that publishes, and one that throws, leave nothing half-written', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    for (const options of [undefined, { key: 'k' }]) {
      for (let n = 0; n < 40; n += 2) {
        const nosy = {
          ...load(n),
          get value() {
            engine.publish('load.cpu', load(n + 1), options)
            return n
          },
        }
        engine.publish('load.cpu', nosy, options)
        const thrown = {
          ...load(n),
          get place(): never {
            throw new RangeError('mine')
          },
        }
        expect(() => engine.publish('load.cpu', thrown, options)).toThrow('mine')
      }
    }
    await engine.drain()
    const values = (await seen.receiveBatch({ max: 100 })).map(
      ({ data }) => (data as { value: number }).value,
    )
    const expected = Array.from({ length: 40 }, (_, n) => [n, n]).flat()
    expect(values.sort((a, b) => a - b)).toEqual(expected)
    expect(engine.stats()).toMatchObject({ deadLettered: 0, balanced: true })
  })

  test('handlers that go on keep their own, while others are handled', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    for (let n = 0; n < 50; n++) engine.publish('load.async', load(n))
    for (let n = 0; n < 50; n++) engine.publish('load.floating', load(n))
    await engine.drain()
    const all = (await seen.receiveBatch({ max: 200 })).map(({ data }) => data as number[])
    const async = all.filter((data) => data.length === 4).sort((a, b) => a[0]! - b[0]!)
    expect(async).toEqual(Array.from({ length: 50 }, (_, n) => [n, n, `wéb-${n}`, n]))
    const floating = all.filter((data) => data.length === 3).sort((a, b) => a[0]! - b[0]!)
    expect(floating).toEqual(Array.from({ length: 50 }, (_, n) => [n, 1, false]))
  })

  test('a context is used again, but for what has been asked of it', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    const said = engine.subscribe('said')
    const publish = async (...values: number[]): Promise<unknown> => {
      engine.publishBatch(values.map((value) => ({ type: 'load.contexts', data: load(value) })))
      await engine.drain()
      return (await seen.receiveBatch({ max: values.length })).map(({ data }) => data)
    }
    expect(await publish(0, 3, 1, 4, 2)).toEqual([0, 1, 1, 3, 3])
    expect((await said.receive({ timeoutMs: 5_000 }))!.data).toBe(false)
    expect(await publish(5, 6)).toEqual([5, 5])
  })

  test('one that is kept throws a DecodeError afterwards, and does not show what others have', async () => {
    await using engine = await start()
    const seen = engine.subscribe('seen')
    engine.publish('load.kept', load(1))
    engine.publish('load.kept', load(0))
    const codes = (await seen.receive({ timeoutMs: 5_000 }))!.data as unknown[]
    expect(codes.slice(-2)).toEqual(['ERR_MILLRACE_DECODE', 'ERR_MILLRACE_DECODE'])
  })

  test('requests are answered by structs, small and large', async () => {
    await using engine = await start()
    for (const size of [0, 10, 100_000, 1_000_000]) {
      const answer = await engine.request('ask', { n: 4, bytes: size })
      expect([answer.n, answer.text.length, answer.raw]).toEqual([8, size, new Uint8Array(3).fill(4)])
    }
    // A view that is not of the answer's struct lacks its fields; what is no answer at all is an error, too.
    await expect(engine.request('ask.back', { n: 1, bytes: 0 })).rejects.toThrow(
      'Field text of a struct is str, not undefined',
    )
    await expect(engine.request('ask.wrong', { n: 1, bytes: 0 })).rejects.toMatchObject({
      code: 'ERR_MILLRACE_ENCODE',
    })
    await engine.drain()
    expect(engine.stats().balanced).toBe(true)
  })

  test('a handler that is written for another struct fails, and the event is kept as it was', async () => {
    await using engine = await start()
    engine.publish('load.misread', load(3))
    engine.publish('plain', { value: 1 })
    engine.publish('load.failing', load(5))
    await engine.drain()
    const letters = engine.deadLetters.list().toSorted((a, b) => (a.handler < b.handler ? -1 : 1))
    expect(letters.map(({ handler, error }) => [handler, error.name, error.message])).toMatchObject([
      ['load.failing', 'RangeError', 'no'],
      ['load.misread', 'DecodeError', expect.stringContaining(`are the struct ${Load.fingerprint}`)],
      ['plain', 'DecodeError', expect.stringContaining('the data of plain are no structs')],
    ])
    expect(letters[1]!.event.data.place.row).toBe(3)
    expect(letters[1]!.event.toJSON().data).toEqual(load(3))
    await engine.deadLetters.republish(letters[0]!)
    await engine.drain()
    expect(engine.deadLetters.list().at(-1)!.event.toJSON().data).toEqual(load(5))
  })

  test('what the engine says itself is no struct, whatever the patterns', async () => {
    await using engine = await start({ structs: { '**': Load } })
    const notices = engine.subscribe('millrace.dead-letter')
    engine.publish('load.failing', load(1))
    await engine.drain()
    expect((await notices.receive({ timeoutMs: 5_000 }))!.data).toMatchObject({ handler: 'load.failing' })
  })

  test('of several patterns the first counts; data larger than a ring go to a block', async () => {
    const Text = struct({ text: (await import('../../src/index.ts')).str() })
    await using engine = await createEngine({
      workers,
      structs: { 'a.b': { answer: Load }, 'a.*': Text, 'a.**': Load },
    })
    const subscription = engine.subscribe('a.**')
    engine.publish('a.b', { text: 'é'.repeat(500_000) })
    engine.publish('a.b.c', load(1))
    const [first, second] = [await subscription.receive(), await subscription.receive()]
    expect(first!.data.text).toBe('é'.repeat(500_000))
    expect(second!.data.place.row).toBe(1)
  })

  test('what is left at the end can be read', async () => {
    const engine = await start({ handlers: [] })
    await engine.send('load.cpu', load(2))
    const { left } = await engine.close({ timeoutMs: 0 })
    // Without a handler it is unmatched, if it was looked at.
    for (const event of left) expect(event.data.place.row).toBe(2)
  })
})

test('structs that are none, and patterns that are none, are refused', async () => {
  const refused = async (structs: unknown): Promise<string> =>
    createEngine({ workers: 0, structs: structs as never }).then(
      () => 'started',
      (error: { code: string }) => error.code,
    )
  expect(await refused({ a: {} })).toBe('ERR_MILLRACE_OPTIONS')
  expect(await refused({ a: f64 })).toBe('ERR_MILLRACE_OPTIONS')
  expect(await refused({ a: null })).toBe('ERR_MILLRACE_OPTIONS')
  expect(await refused(5)).toBe('ERR_MILLRACE_OPTIONS')
  expect(await refused({ 'a.': Load })).toBe('ERR_MILLRACE_PATTERN')
  expect(new DecodeError('x').code).toBe('ERR_MILLRACE_DECODE')
})
