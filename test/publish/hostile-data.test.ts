import { describe, expect, test } from 'vitest'
import { bytes, createEngine, type Engine, f64, str, struct } from '../../src/index.ts'

const Bytes = struct({ head: bytes(4), tail: bytes(), last: f64 })
const Text = struct({ short: str(8), long: str(300), any: str() })

/** What a subscription has got of it, in order; the ledger balances. */
async function receivedBy(engine: Engine<any>, publish: (engine: Engine<any>) => void): Promise<any[]> {
  const subscription = engine.subscribe('h.**')
  publish(engine)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, deadLettered: 0 })
  return (await subscription.receiveBatch({ max: 1_000, timeoutMs: 0 })).map(({ data }) => data)
}

const start = (): Promise<Engine<any>> =>
  createEngine({ workers: 0, ringBytes: 65_536, structs: { 'h.bytes': Bytes, 'h.text': Text } })

describe.each([
  ['plain', undefined],
  ['with a key', { key: 'k' }],
  ['the long way', { metadata: {} }],
])('%s', (_name, options) => {
  test('bytes that grow while they are read never reach beyond their place', async () => {
    await using engine = await start()
    const received = await receivedBy(engine, () => {
      for (let n = 0; n < 150; n++) engine.publish('h.raw', new Uint8Array(200).fill(n), options)
      for (const size of [3_000, 5_000]) {
        const buffer = new ArrayBuffer(4, { maxByteLength: 2 ** 20 })
        const growing = new Uint8Array(buffer)
        const data = {
          head: growing,
          tail: growing,
          get last() {
            buffer.resize(size)
            return 5
          },
        }
        engine.publish('h.bytes', data, options)
      }
    })
    const small: Uint8Array[] = received.filter((data) => data instanceof Uint8Array)
    expect(small.map((data) => data[199]!).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 150 }, (_, n) => n),
    )
    const structs = received.filter((data) => !(data instanceof Uint8Array))
    for (const { head, last } of structs) expect([head, last]).toEqual([new Uint8Array(4), 5])
    expect(structs.map(({ tail }) => tail.length).sort()).toEqual([3_000, 5_000])
  })

  test('bytes that lie about their length are taken as they are', async () => {
    class Liar extends Uint8Array {
      override get length(): number {
        return 4
      }
    }
    await using engine = await start()
    const received = await receivedBy(engine, () => {
      engine.publish('h.raw', new Liar(3_000).fill(7), options)
      engine.publish('h.raw', new Uint8Array([1]), options)
    })
    expect(received.map((data) => [data.length, data[0]])).toEqual([
      [3_000, 7],
      [1, 1],
    ])
  })

  test('bytes that were transferred are an EncodeError, and nothing was accepted', async () => {
    await using engine = await start()
    const gone = new Uint8Array(10)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    const refused = expect.objectContaining({ code: 'ERR_MILLRACE_ENCODE' })
    expect(() => engine.publish('h.raw', gone, options)).toThrow(refused)
    expect(() => engine.publish('h.bytes', { head: gone, tail: gone, last: 1 }, options)).toThrow(refused)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 0, balanced: true })
    expect(await receivedBy(engine, () => engine.publish('h.raw', new Uint8Array(0), options))).toEqual([
      new Uint8Array(0),
    ])
  })

  test('a lone surrogate in a struct is refused, as in other data', async () => {
    await using engine = await start()
    const fine = { short: 'é', long: '😀'.repeat(75), any: '' }
    for (const name of ['short', 'long', 'any'])
      expect(() => engine.publish('h.text', { ...fine, [name]: 'a\ud800b' }, options)).toThrow(
        expect.objectContaining({ code: 'ERR_MILLRACE_ENCODE' }),
      )
    const [data] = await receivedBy(engine, () => engine.publish('h.text', fine, options))
    expect(data.toJSON()).toEqual(fine)
  })
})

test('a getter in a batch that flushes, or asks for statistics, commits nothing of it', async () => {
  await using engine = await start()
  for (const ask of [() => engine.flush(), () => engine.stats(), () => void engine.drain()]) {
    const nosy = {
      get value() {
        ask()
        return 2
      },
    }
    expect(() =>
      engine.publishBatch([
        { type: 'h.1', data: 1 },
        { type: 'h.2', data: nosy },
        { type: 'h.3', data: () => 1 },
      ]),
    ).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_ENCODE', accepted: 0 }))
  }
  expect(await receivedBy(engine, () => engine.publish('h.4', 4))).toEqual([4])
})

test('nothing of a ring is taken along by a copy of a view’s fields', async () => {
  await using engine = await start()
  const [data] = await receivedBy(engine, () => engine.publish('h.text', { short: 'a', long: 'b', any: 'c' }))
  expect(Reflect.ownKeys(data)).toEqual([])
  expect(Reflect.ownKeys({ ...data })).toEqual([])
})
