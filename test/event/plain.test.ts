import { Decoder, Encoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NOT_PLAIN, PlainReader } from '../../src/event/plain-reader.ts'
import { PlainWriter } from '../../src/event/plain-writer.ts'

/** Two codecs for one format (decision 7): they must agree byte for byte. */
const LIMIT = 2 ** 20
const reference = { encoder: new Encoder(), decoder: new Decoder() }
const writer = new PlainWriter()
const reader = new PlainReader()

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', minLength: 20, maxLength: 400 }),
)
const number = fc
  .oneof(
    fc.maxSafeInteger(),
    fc.integer(),
    fc.integer({ min: -300, max: 70_000 }),
    fc.double(),
    fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 64, -(2 ** 63)),
    // The reference writes -0 as 0.
  )
  .filter((given) => !Object.is(given, -0))
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
}))

test('plain data gives the same bytes as the complete codec', () => {
  fc.assert(
    fc.property(value, (data) => {
      expect(writer.write(data, LIMIT)).toBe(true)
      expect(writer.bytes.slice(0, writer.length)).toEqual(reference.encoder.encode(data))
    }),
    { numRuns: 600 },
  )
})

test('and is read the same, from the middle of other bytes too', () => {
  fc.assert(
    fc.property(value, fc.uint8Array({ maxLength: 9 }), (data, around) => {
      const bytes = reference.encoder.encode(data)
      const inside = new Uint8Array([...around, ...bytes, ...around])
      const read = reader.read(inside, around.length, around.length + bytes.length)
      expect(read).toEqual(reference.decoder.decode(bytes))
    }),
    { numRuns: 600 },
  )
})

test('bytes that are not plain, or nothing at all, are left to the complete codec', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const read = reader.read(bytes, 0, bytes.length)
      // Text that is not UTF-8 is repaired by each in its own way.
      if (read === NOT_PLAIN || JSON.stringify(read).includes('\ufffd')) return
      expect(read).toEqual(reference.decoder.decode(bytes))
    }),
    { numRuns: 3_000 },
  )
})

test.each<[string, unknown]>([
  ['a bigint', 1n],
  ['a date', new Date()],
  ['bytes', new Uint8Array(3)],
  ['an instance of a class', new (class Point {})()],
  ['a function', () => {}],
  ['a symbol', Symbol('s')],
])('%s is not plain, however deep it lies', (_name, data) => {
  expect(writer.write(data, LIMIT)).toBe(false)
  expect(writer.write({ a: [1, { data }] }, LIMIT)).toBe(false)
  expect(writer.write({ b: 1 }, LIMIT)).toBe(true)
  expect(writer.length).toBe(4)
})

test('short texts that were read before come back as they are, and others of the same slot do not', () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `name-${index}`)
  for (const name of [...names, ...names]) {
    writer.write(name, LIMIT)
    expect(reader.read(writer.bytes, 0, writer.length)).toBe(name)
  }
})
