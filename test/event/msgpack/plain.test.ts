import { Decoder, Encoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PlainReader, UNREAD } from '../../../src/event/msgpack/plain-reader.ts'
import { NOT_PLAIN, putPlain } from '../../../src/event/msgpack/plain-writer.ts'
import { NO_ROOM, Scratch } from '../../../src/event/msgpack/scratch.ts'

/** Two codecs for one format (decision 7): they must agree byte for byte. */
const reference = { encoder: new Encoder(), decoder: new Decoder() }
const scratch = new Scratch()
const reader = new PlainReader()

/** Into the scratch, whatever room that takes. */
function write(data: unknown): number {
  for (;;) {
    const end = putPlain(scratch, 0, data, 1)
    if (end !== NO_ROOM) return end
    scratch.grow()
  }
}

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
      const length = write(data)
      expect(scratch.bytes.slice(0, length)).toEqual(reference.encoder.encode(data))
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
      if (read === UNREAD || JSON.stringify(read).includes('\ufffd')) return
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
  expect(write(data)).toBe(NOT_PLAIN)
  expect(write({ a: [1, { data }] })).toBe(NOT_PLAIN)
  expect(write({ b: 1 })).toBe(4)
})

test('text of every length is read as it was written', () => {
  for (let length = 0; length < 70; length++) {
    for (const text of ['x'.repeat(length), `${'x'.repeat(length)}\u00e9`, '\u{1F600}'.repeat(length)]) {
      expect(reader.read(scratch.bytes, 0, write(text))).toBe(text)
    }
  }
})
