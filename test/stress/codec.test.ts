import { Decoder, Encoder } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { decode, encode } from '../../src/event/msgpack/codec.ts'
import { ValueDecoder } from '../../src/event/msgpack/value-decoder.ts'
import { ValueEncoder } from '../../src/event/msgpack/value-encoder.ts'
import { randomFrom } from '../fixtures/random-from.ts'

const VALUES = 1_000_000
const WORDS = [
  '',
  'a',
  'web-1',
  'Zürich',
  'x'.repeat(16),
  'x'.repeat(17),
  'y'.repeat(48),
  'z'.repeat(300),
  '\u{1F600}',
]

/** What topics carry: mostly alike, now and then something else. */
function topics(random: (below: number) => number): (() => unknown)[] {
  const pick = <Value>(...values: Value[]): Value => values[random(values.length)]!
  // The reference writes -0 as 0.
  const integer = (): number =>
    pick(1, -1) * random(pick(2, 2 ** 7, 2 ** 16, 2 ** 31)) * pick(1, 1, 2 ** 21) + 0
  const number = (): number =>
    pick(integer(), integer() / 8 + 0, 0.1, Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY)
  const word = (): string => pick(...WORDS) + pick('', String(random(1_000)))
  const line = (): object => ({ sku: word(), quantity: random(9), price: number() })
  const lines = (): object[] => Array.from({ length: random(20) }, line)
  return [
    () => ({ value: number(), host: word(), ok: random(2) === 0 }),
    () => ({
      id: word(),
      customer: { name: word(), tags: [word(), word()] },
      total: number(),
      lines: lines(),
    }),
    () =>
      pick<unknown>(
        { a: integer(), b: null },
        { b: word(), a: integer() },
        { a: word() },
        [integer()],
        word(),
        null,
        true,
      ),
    () => ({ labels: { [`l${random(5_000)}`]: word() }, at: { x: number(), y: number() } }),
    () =>
      Object.fromEntries(Array.from({ length: 1 + random(40) }, (_, index) => [`field-${index}`, integer()])),
  ]
}

test('a million values: the same bytes as the complete codec writes, and read the same, whoever wrote them', () => {
  const reference = { encoder: new Encoder(), decoder: new Decoder() }
  const random = randomFrom(20_261_122)
  const makers = topics(random).map((make) => ({
    make,
    encoder: new ValueEncoder(),
    decoder: new ValueDecoder(),
  }))
  for (let n = 0; n < VALUES; n++) {
    const { make, encoder, decoder } = makers[n % makers.length]!
    const value = make()
    const theirs = reference.encoder.encodeSharedRef(value)
    const { bytes, length } = encode(value, undefined, encoder)
    if (Buffer.compare(bytes.subarray(0, length), theirs) !== 0)
      expect([...bytes.subarray(0, length)]).toEqual([...theirs])
    const read = decode(bytes, 0, length, decoder)
    // Deep comparison costs more than all the rest: a sample of it, and of all the bytes that it would be written as.
    if (n % 50 === 0) expect(read).toEqual(reference.decoder.decode(theirs))
    const again = reference.encoder.encodeSharedRef(read)
    if (Buffer.compare(again, bytes.subarray(0, length)) !== 0) expect(read).toEqual(value)
  }
})
