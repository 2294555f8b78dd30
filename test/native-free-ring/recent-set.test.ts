import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CONTROL_BYTES,
  type RecentPlace,
  RecentSet,
  recentEntryBytes,
  recentSetBytes,
} from '../../native-free-ring/src/index.ts'
import { dyingAt } from './steps.ts'

const SIZE = { logBytes: 4_096, buckets: 4 }
const LONGEST = recentEntryBytes(2_047)

/** In its own memory; the log starts at `position`. */
function allocate(position = 0, size = SIZE): RecentPlace {
  const buffer = new SharedArrayBuffer(recentSetBytes(size))
  new Int32Array(buffer, 0, 1)[0] = position
  return { buffer, offset: 0, ...size }
}

function setOf(place: RecentPlace) {
  const set = new RecentSet(place)
  const bytesOf = (text: string) => Buffer.from(`--${text}-`)
  // A poor hash: many share one, and a bucket; so do many that begin with others.
  const hashOf = (text: string) => (text.length % 3) * 7
  return {
    has: (text: string) => set.has(bytesOf(text), 2, 2 + text.length, hashOf(text)),
    add: (text: string) => set.add(bytesOf(text), 2, 2 + text.length, hashOf(text)),
    resume: () => set.resume(),
  }
}

test.each([0, 2 ** 31 - 2_048, -2_048])(
  'against a list: what fits is remembered, from position %d',
  (position) => {
    const text = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'b') }),
      fc.integer({ min: 1, max: 600 }).map((length) => 'x'.repeat(length)),
    )
    fc.assert(
      fc.property(fc.array(text, { maxLength: 300 }), (texts) => {
        const place = allocate(position)
        const set = setOf(place)
        const added: string[] = []
        for (const next of texts) {
          // Each that is younger than so many bytes is there, each that is older than the whole log is not.
          let bytes = 0
          const young = new Set<string>()
          const seen = new Set<string>()
          for (const earlier of added.toReversed()) {
            bytes += recentEntryBytes(earlier.length)
            if (bytes <= SIZE.logBytes - LONGEST) young.add(earlier)
            if (bytes <= SIZE.logBytes) seen.add(earlier)
          }
          for (const earlier of young) expect(set.has(earlier)).toBe(true)
          if (!seen.has(next)) expect(set.has(next)).toBe(false)
          if (set.has(next)) expect(seen.has(next)).toBe(true)
          set.add(next)
          added.push(next)
        }
      }),
      { numRuns: 100 },
    )
  },
)

test('whoever takes it over finds what was added; who dies in the middle has added nothing, and spoilt nothing', () => {
  const place = allocate()
  const first = setOf(place)
  const second = setOf(place)
  const texts = Array.from({ length: 100 }, (_, index) => `id-${index}`)
  for (const [index, text] of texts.entries()) {
    first.resume()
    // The entry is written, and its place is not taken.
    expect(dyingAt(0, () => first.add('y'.repeat(2_047)))).toBe(1)
    second.resume()
    expect(second.has('y'.repeat(2_047))).toBe(false)
    for (const earlier of texts.slice(Math.max(0, index - 10), index)) expect(second.has(earlier)).toBe(true)
    second.add(text)
  }
})

test('who dies after it took the place, and before it can be found, has added nothing', () => {
  const place = allocate()
  const set = setOf(place)
  set.add('a')
  const heads = new Int32Array(place.buffer, CONTROL_BYTES, SIZE.buckets)
  const before = heads.slice()
  set.add('b')
  heads.set(before)
  set.resume()
  expect([set.has('a'), set.has('b')]).toEqual([true, false])
  set.add('c')
  expect([set.has('a'), set.has('b'), set.has('c')]).toEqual([true, false, true])
})

test('an entry that left long ago is not taken for what lies there now, once the positions have gone round', () => {
  const place = allocate()
  const set = setOf(place)
  const heads = new Int32Array(place.buffer, CONTROL_BYTES, SIZE.buckets)
  // 2³¹ bytes are too many for a test: the bucket's head is as it would be.
  set.add('a'.repeat(2))
  for (let i = 0; i < 400; i++) set.add('b')
  const bucket = (2 * 7) & (SIZE.buckets - 1)
  expect(heads[bucket]).not.toBe(0)
})

test('what it can not hold is refused', () => {
  expect(() => setOf(allocate()).add('x'.repeat(2_048))).toThrow(RangeError)
  expect(() => setOf(allocate(0, { logBytes: 1_000, buckets: 4 }))).toThrow(RangeError)
  expect(() => setOf(allocate(0, { logBytes: 2_048, buckets: 4 }))).toThrow(RangeError)
  expect(() => setOf(allocate(0, { logBytes: 4_096, buckets: 3 }))).toThrow(RangeError)
})
