import { execFileSync } from 'node:child_process'
import { Decoder, Encoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PlainReader, UNREAD } from '../../../src/event/msgpack/plain-reader.ts'
import { NOT_PLAIN, putPlain } from '../../../src/event/msgpack/plain-writer.ts'
import { NO_ROOM, Scratch } from '../../../src/event/msgpack/scratch.ts'
import {
  compose as composeDecoder,
  generate as generateDecoder,
  ValueDecoder,
} from '../../../src/event/msgpack/value-decoder.ts'
import {
  compose as composeEncoder,
  generate as generateEncoder,
  ValueEncoder,
} from '../../../src/event/msgpack/value-encoder.ts'

/** As often as a shape must be met before it has a function of its own, and then some. */
const TIMES = 30

const reference = { encoder: new Encoder(), decoder: new Decoder() }
const scratch = new Scratch()
const other = new Scratch()
const reader = new PlainReader()

/** Into the scratch, whatever room that takes. */
function encodeBy(encoder: ValueEncoder, data: unknown): number {
  for (;;) {
    const end = encoder.put(scratch, 0, data)
    if (end !== NO_ROOM) return end
    scratch.grow()
  }
}

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('value', 'host', '0', '17', 'constructor', 'toString', '', '"', '\\', '$x', '\u2028'),
)
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.integer({ min: -200, max: 70_000 }),
  // The reference writes -0 as 0.
  fc.double().filter((value) => !Object.is(value, -0)),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 10, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 18, noNullPrototype: true },
    ),
  ),
}))
/** What one topic carries: a few kinds of objects, each often enough to be learned, with values that vary. */
const carried = fc
  .uniqueArray(
    fc.uniqueArray(
      text.filter((name) => name !== '__proto__'),
      { minLength: 1, maxLength: 6 },
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .chain((shapes) =>
    fc.tuple(
      ...shapes.map((keys) =>
        fc
          .array(fc.tuple(...keys.map(() => value)), { minLength: TIMES, maxLength: TIMES + 2 })
          .map((rows) => rows.map((row) => Object.fromEntries(keys.map((key, index) => [key, row[index]])))),
      ),
    ),
  )
  .map((kinds) => kinds.flat())

describe.each([
  ['generated', generateEncoder, generateDecoder],
  ['composed', composeEncoder, composeDecoder],
])('%s', (_name, makeEncoder, makeDecoder) => {
  test('gives the same bytes as the complete codec, and reads them the same', () => {
    fc.assert(
      fc.property(carried, (objects) => {
        const encoder = new ValueEncoder(makeEncoder)
        const decoder = new ValueDecoder(makeDecoder)
        for (const object of objects) {
          const length = encodeBy(encoder, object)
          const bytes = reference.encoder.encode(object)
          expect(Buffer.compare(scratch.bytes.subarray(0, length), bytes)).toBe(0)
          expect(reader.read(bytes, 0, bytes.length, decoder)).toEqual(reference.decoder.decode(bytes))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('reads bytes that are no longer what was learned as the plain reader does', () => {
    const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(carried, changes, fc.nat(3), (objects, changed, cut) => {
        const decoder = new ValueDecoder(makeDecoder)
        for (const object of objects) {
          const bytes = reference.encoder.encode(object)
          reader.read(bytes, 0, bytes.length, decoder)
          const damaged = bytes.slice()
          for (const [at, byte] of changed) damaged[at % damaged.length] = byte
          const end = damaged.length - cut
          // Behind the end lies what another record might be.
          const read = reader.read(damaged, 0, end, decoder)
          expect(read).toEqual(reader.read(damaged.slice(0, end), 0, end))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('leaves to others what it must not take', () => {
    const encoder = new ValueEncoder(makeEncoder)
    const put = (data: unknown): number => encoder.put(other, 0, data)
    const learn = (make: () => object): void => {
      for (let i = 0; i < TIMES; i++) put(make())
      expect(put(make())).toBeGreaterThan(0)
    }
    learn(() => ({ a: 1, b: { c: 'x' } }))
    class Point {
      a = 1
      b = { c: 'x' }
    }
    expect(put(new Point())).toBe(NOT_PLAIN)
    expect(put(Object.create({ a: 1, b: { c: 'x' } }))).toBe(NOT_PLAIN)
    expect(put(Object.assign(Object.create({ a: 1 }), { b: { c: 'x' } }))).toBe(NOT_PLAIN)
    expect(put({ a: 1, b: { c: new Date() } })).toBe(NOT_PLAIN)
    expect(put({ a: 1n, b: { c: 'x' } })).toBe(NOT_PLAIN)
    expect(put({ a: () => 1, b: { c: 'x' } })).toBe(NOT_PLAIN)
    expect(put({ a: new Uint8Array(3), b: { c: 'x' } })).toBe(NOT_PLAIN)
    expect(put({ a: [1, new Map()], b: { c: 'x' } })).toBe(NOT_PLAIN)
    const cycle: Record<string, unknown> = { a: 1 }
    cycle.b = { c: cycle }
    for (let i = 0; i < 200; i++) expect(put(cycle)).toBe(NOT_PLAIN)
    expect(() => put({ a: '\ud800', b: { c: 'x' } })).toThrow(/lone surrogate/)
    // Of any kind, as long as it is plain.
    expect(put({ a: 'one', b: null })).toBe(putPlain(other, 0, { a: 'one', b: null }, 1))
    expect(put(Object.assign(Object.create(null), { a: 1, b: undefined }))).toBe(
      putPlain(other, 0, { a: 1, b: null }, 1),
    )
    expect(put({ a: 'x'.repeat(2 ** 20), b: { c: 'x' } })).toBe(NO_ROOM)
  })

  test('learns what is worth it, and no more', () => {
    let made = 0
    const counted =
      <Given extends unknown[], Made>(make: (...given: Given) => Made) =>
      (...given: Given): Made => {
        made++
        return make(...given)
      }
    const encoder = new ValueEncoder(counted(makeEncoder))
    const decoder = new ValueDecoder(counted(makeDecoder))
    const carry = (object: object): void => {
      const bytes = reference.encoder.encode(object)
      expect(encodeBy(encoder, object)).toBe(bytes.length)
      expect(reader.read(bytes, 0, bytes.length, decoder)).toEqual(object)
    }
    for (let i = 0; i < TIMES; i++) carry({ often: i, labels: { [`l${i}`]: i } })
    expect(made).toBe(2)
    // Where keys are data, they are no shape; and nothing more is learned after too many.
    for (let i = 0; i < 3_000; i++) carry({ [`key-${i}`]: i })
    for (let i = 0; i < TIMES; i++) carry({ late: i })
    expect(made).toBe(2)
  })
})

test('nothing is generated where that is not allowed', () => {
  const values = new URL('../../../src/event/msgpack/', import.meta.url)
  const program = `
    import { ValueEncoder } from '${values}value-encoder.ts'
    import { ValueDecoder } from '${values}value-decoder.ts'
    import { decode, encode } from '${values}codec.ts'
    import { MAY_GENERATE } from '${values}generate.ts'
    const encoder = new ValueEncoder()
    const decoder = new ValueDecoder()
    const data = { value: 1.5, host: 'web-1', lines: [{ sku: 'a' }, { sku: 'b' }] }
    let read
    for (let i = 0; i < 100; i++) {
      const { bytes, length } = encode(data, 1000, encoder)
      read = decode(bytes, 0, length, decoder)
    }
    console.log(JSON.stringify([MAY_GENERATE, read]))`
  const run = (...flags: string[]): unknown =>
    JSON.parse(
      execFileSync(process.execPath, [...flags, '--input-type=module-typescript', '-e', program], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    )
  const data = { value: 1.5, host: 'web-1', lines: [{ sku: 'a' }, { sku: 'b' }] }
  expect(run('--disallow-code-generation-from-strings')).toEqual([false, data])
  expect(run()).toEqual([true, data])
})

test('what is no plain data at all is not read', () => {
  expect(reader.read(new Uint8Array([0xc1]), 0, 1, new ValueDecoder())).toBe(UNREAD)
  expect(reader.read(new Uint8Array([0x81]), 0, 1, new ValueDecoder())).toBe(UNREAD)
  expect(reader.read(new Uint8Array([0x93, 1, 2]), 0, 3, new ValueDecoder())).toBe(UNREAD)
})
