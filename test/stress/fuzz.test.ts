import { expect, test } from 'vitest'
import { MillraceEvent } from '../../src/event/event.ts'
import { decode, encode } from '../../src/event/msgpack/codec.ts'
import { ANY_DATA } from '../../src/event/payload.ts'
import { OwnSpace } from '../../src/event/space.ts'
import { DecodeError } from '../../src/index.ts'
import { eventOf } from '../event/event-of.ts'
import { randomFrom } from '../fixtures/random-from.ts'

const VALUES: unknown[] = [
  { sensor: 'a', value: 21.5, ok: true, list: [1, 2, 3], nested: { deep: { deeper: [null] } } },
  [1, -1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32, -(2 ** 31), 2 ** 53, 0.1, Number.NaN],
  new Map<unknown, unknown>([
    ['k', new Set([1, new Map([['x', [1, 2]]])])],
    [{ a: 1 }, 7n],
  ]),
  {
    when: new Date(1_700_000_000_123),
    bytes: new Uint8Array(40),
    floats: new Float64Array([1, 2, 3]),
    big: 12n ** 30n,
  },
  'a text of some length, with more than the thirty-one characters of the shortest form, and \u{1F600}',
  Array.from({ length: 40 }, (_, index) => ({ index })),
]

const SEEDS = VALUES.map((value) => {
  const { bytes, length } = encode(value)
  return bytes.slice(0, length)
})

/** Heads that declare much: texts, bytes, lists, maps and extensions of up to 4 GB. */
const BOMBS = [0xc6, 0xc9, 0xdb, 0xdd, 0xdf, 0xc5, 0xc8, 0xda, 0xdc, 0xde]

function mutate(seed: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = seed.slice()
  for (let change = random(4); change >= 0; change--) {
    const at = random(bytes.length + 1)
    switch (random(6)) {
      case 0:
        bytes[at] = random(256)
        break
      case 1:
        bytes[at] = bytes[at]! ^ (1 << random(8))
        break
      case 2:
        bytes = bytes.slice(0, at)
        break
      case 3:
        bytes.set([BOMBS[random(BOMBS.length)]!, 0xff, 0xff, 0xff, 0xff].slice(0, bytes.length - at), at)
        break
      case 4:
        bytes.set(bytes.slice(0, Math.min(8, bytes.length - at)), at)
        break
      default:
        // A key that must not become a prototype.
        bytes.set([0x81, 0xa9, ...Buffer.from('__proto__'), 0x80].slice(0, bytes.length - at), at)
    }
  }
  return bytes
}

test('5 million mutated values: data or a DecodeError, in bounded memory', { timeout: 300_000 }, () => {
  const random = randomFrom(20_261_121)
  let decoded = 0
  let refused = 0
  let grown = 0
  const before = process.memoryUsage()
  for (let round = 0; round < 5_000_000; round++) {
    const bytes = mutate(SEEDS[round % SEEDS.length]!, random)
    try {
      decode(bytes)
      decoded++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
    }
    if (round % 100_000 !== 0) continue
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    grown = Math.max(grown, heapUsed - before.heapUsed + arrayBuffers - before.arrayBuffers)
  }
  expect(decoded).toBeGreaterThan(100_000)
  expect(refused).toBeGreaterThan(1_000_000)
  expect(grown).toBeLessThan(300 * 2 ** 20)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test.each([
  ['a list of 10 million', [0xdd, 0x00, 0x98, 0x96, 0x80]],
  ['a map of 10 million', [0xdf, 0x00, 0x98, 0x96, 0x80]],
  ['a text of 4 GB', [0xdb, 0xff, 0xff, 0xff, 0xff]],
  ['bytes of 4 GB', [0xc6, 0xff, 0xff, 0xff, 0xff]],
  ['an extension of 4 GB', [0xc9, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['a set that holds a list of 10 million', [0xc7, 5, 2, 0xdd, 0x00, 0x98, 0x96, 0x80]],
  ['100,000 lists in each other', new Array(100_000).fill(0x91)],
  ['300 sets in each other', nestedSets(300)],
  ['two values', [1, 2]],
  ['none', []],
])('%s is a DecodeError at once', (_, bytes) => {
  const before = process.memoryUsage()
  expect(() => decode(Uint8Array.from(bytes as number[]))).toThrow(DecodeError)
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  expect(heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(20 * 2 ** 20)
})

function nestedSets(depth: number): number[] {
  let bytes: number[] = [0x90]
  for (let i = 0; i < depth; i++) {
    bytes = [0xc8, (bytes.length + 1) >> 8, (bytes.length + 1) & 0xff, 2, 0x91, ...bytes]
    // The list that the set is made of counts too.
    bytes[1] = (bytes.length - 4) >> 8
    bytes[2] = (bytes.length - 4) & 0xff
  }
  return bytes
}

test('a million mutated records: fields, or a DecodeError', { timeout: 300_000 }, () => {
  const random = randomFrom(7)
  const { event } = eventOf({
    data: VALUES[0],
    key: 'the-key',
    id: 'the-id',
    source: { component: 'c', correlationId: 'r' },
    metadata: { a: [1] },
    ttlMs: 5_000,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  })
  const seed = event.recordBytes.slice()
  let read = 0
  let refused = 0
  for (let round = 0; round < 1_000_000; round++) {
    const record = mutate(seed, random)
    const mutated = new MillraceEvent(
      't',
      1,
      { ...ANY_DATA, engineId: 'engine', answer: undefined },
      new OwnSpace(record),
      0,
      record.length,
      true,
    )
    for (const field of [
      'data',
      'id',
      'key',
      'time',
      'source',
      'metadata',
      'ttlMs',
      'traceparent',
    ] as const) {
      try {
        void mutated[field]
        read++
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refused++
      }
    }
  }
  expect(read).toBeGreaterThan(1_000_000)
  expect(refused).toBeGreaterThan(1_000_000)
})
