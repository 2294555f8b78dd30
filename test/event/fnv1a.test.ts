import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fnv1a, fnv1aBytes } from '../../src/fnv1a.ts'

/** The definition, byte by byte, in arithmetic without a word size. */
function byDefinition(bytes: Uint8Array): number {
  let hash = 0x811c9dc5n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n
  return Number(hash)
}

test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['b', 0xe70c2de5],
  ['fo', 0x6222e842],
  ['foo', 0xa9f37ed7],
  ['foobar', 0xbf9cf968],
])('the published vector of %j', (text, hash) => {
  expect(fnv1a(text)).toBe(hash)
})

test.each(['é', 'käse', 'Страница', '日本語', '🐎', 'a🐎z', 'ascii until the very end €'])(
  'of the UTF-8 bytes of %j',
  (text) => {
    expect(fnv1a(text)).toBe(byDefinition(Buffer.from(text, 'utf8')))
  },
)

test('any text hashes as its bytes do', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      expect(fnv1a(text)).toBe(byDefinition(Buffer.from(text, 'utf8')))
    }),
  )
})

test('any bytes hash by the definition, to an unsigned number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(fnv1aBytes(bytes)).toBe(byDefinition(bytes))
    }),
  )
})
