import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allocateLossy,
  EMPTY,
  FULL,
  LossyGauge,
  type LossyPlace,
  LossyReader,
  LossyWriter,
  recordBytes,
  resetLossy,
} from '../../native-free-ring/src/index.ts'

/** Writes numbered records: the number in each of its bytes, modulo 251. */
class Source {
  readonly writer: LossyWriter
  private next = 0
  constructor(place: LossyPlace) {
    this.writer = new LossyWriter(place)
  }
  write(length: number, overwrite = true): boolean {
    const at = this.writer.claim(length, overwrite)
    if (at === FULL) return false
    this.writer.bytes.fill(this.next++ % 251, at, at + length)
    this.writer.commit()
    return true
  }
}

function takeAll(reader: LossyReader): number[] {
  const taken: number[] = []
  for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
    const copy = reader.bytes.slice(at, at + reader.length)
    if (reader.confirm()) taken.push(copy[0]!)
  }
  return taken
}

test('a writer with a reader that does not read keeps the newest, as many as the capacity says', () => {
  const place = allocateLossy(4_096, 5)
  const source = new Source(place)
  for (let i = 0; i < 12; i++) expect(source.write(8)).toBe(true)
  const gauge = new LossyGauge(place)
  expect(gauge.counts()).toEqual({ written: 12, taken: 0, dropped: 7, pending: 5 })
  const reader = new LossyReader(place)
  expect(takeAll(reader)).toEqual([7, 8, 9, 10, 11])
  expect([reader.taken, reader.missed]).toEqual([5, 7])
  reader.release()
  expect(gauge.counts()).toEqual({ written: 12, taken: 5, dropped: 7, pending: 0 })
})

test('bytes, too, make the oldest go: as many as the new record needs', () => {
  const place = allocateLossy(128, 100)
  const source = new Source(place)
  for (let i = 0; i < 8; i++) source.write(8)
  source.write(40)
  expect(takeAll(new LossyReader(place))).toEqual([3, 4, 5, 6, 7, 8])
})

test('what was taken and released is no loss, what was taken and not released neither', () => {
  const place = allocateLossy(4_096, 4)
  const source = new Source(place)
  const reader = new LossyReader(place)
  for (let i = 0; i < 4; i++) source.write(8)
  expect(takeAll(reader)).toEqual([0, 1, 2, 3])
  for (let i = 0; i < 3; i++) source.write(8)
  expect(takeAll(reader)).toEqual([4, 5, 6])
  reader.release()
  for (let i = 0; i < 4; i++) source.write(8)
  expect(takeAll(reader)).toEqual([7, 8, 9, 10])
  reader.release()
  expect(new LossyGauge(place).counts()).toEqual({ written: 11, taken: 11, dropped: 0, pending: 0 })
})

test('a record that is overwritten while it is copied is not taken', () => {
  const place = allocateLossy(4_096, 2)
  const source = new Source(place)
  const reader = new LossyReader(place)
  source.write(8)
  source.write(8)
  expect(reader.next()).not.toBe(EMPTY)
  source.write(8)
  expect(reader.confirm()).toBe(false)
  expect(takeAll(reader)).toEqual([1, 2])
  expect(reader.missed).toBe(1)
})

test('a length that is overwritten while it is read is not believed', () => {
  const place = allocateLossy(4_096, 2)
  const source = new Source(place)
  const reader = new LossyReader(place)
  source.write(8)
  source.write(8)
  // The writer comes between the reader's look at OLDEST and its look at the record.
  const { views } = reader as any
  let writes = 0
  const slots = new Proxy(views.slots, {
    get(target, key) {
      if (writes++ === 0) for (let i = 0; i < 2; i++) source.write(16)
      return target[key]
    },
  })
  ;(reader as any).views = { ...views, slots }
  reader.next()
  expect(reader.length).toBe(16)
  expect(takeAll(reader)).toEqual([2, 3])
})

test('without leave to overwrite it is full, by records and by bytes, and loses nothing', () => {
  const byRecords = new Source(allocateLossy(4_096, 2))
  expect([1, 2, 3].map(() => byRecords.write(8, false))).toEqual([true, true, false])
  const place = allocateLossy(64, 100)
  const byBytes = new Source(place)
  expect([1, 2, 3, 4, 5].map(() => byBytes.write(8, false))).toEqual([true, true, true, true, false])
  const reader = new LossyReader(place)
  expect(takeAll(reader)).toEqual([0, 1, 2, 3])
  expect(byBytes.write(8, false)).toBe(false)
  reader.release()
  expect(byBytes.write(24, false)).toBe(true)
  expect(new LossyGauge(place).counts()).toEqual({ written: 5, taken: 4, dropped: 0, pending: 1 })
})

test('several claims are seen with one commit; they never give each other up', () => {
  const place = allocateLossy(4_096, 3)
  const writer = new LossyWriter(place)
  const gauge = new LossyGauge(place)
  const reader = new LossyReader(place)
  for (let i = 0; i < 3; i++) writer.bytes.fill(i, writer.claim(8), 8)
  expect(reader.next()).toBe(EMPTY)
  expect(gauge.isEmpty).toBe(true)
  expect(writer.claim(8)).toBe(FULL)
  writer.commit()
  expect(gauge.isEmpty).toBe(false)
  expect(writer.claim(8)).not.toBe(FULL)
  writer.commit()
  expect(gauge.counts()).toEqual({ written: 4, taken: 0, dropped: 1, pending: 3 })
})

test('a commit of nothing changes nothing', () => {
  const place = allocateLossy(128, 4)
  const source = new Source(place)
  source.write(8)
  const before = new Uint8Array(place.buffer).slice()
  source.writer.commit()
  source.writer.commit()
  expect(new Uint8Array(place.buffer)).toEqual(before)
})

test('what a dead writer had claimed does not exist; what it gave up for it is dropped', () => {
  const place = allocateLossy(4_096, 3)
  const dead = new Source(place)
  for (let i = 0; i < 3; i++) dead.write(8)
  dead.writer.claim(8)
  const gauge = new LossyGauge(place)
  expect(gauge.counts()).toEqual({ written: 3, taken: 0, dropped: 1, pending: 2 })
  const next = new LossyWriter(place)
  next.bytes[next.claim(8)] = 77
  next.commit()
  expect(takeAll(new LossyReader(place))).toEqual([1, 2, 77])
})

test('a reader that takes over goes on after the last release, with the counts of that moment', () => {
  const place = allocateLossy(4_096, 8)
  const source = new Source(place)
  for (let i = 0; i < 12; i++) source.write(8)
  const dead = new LossyReader(place)
  expect(takeAll(dead).length).toBe(8)
  const next = new LossyReader(place)
  expect([next.taken, next.missed]).toEqual([0, 0])
  expect(takeAll(next)).toEqual([4, 5, 6, 7, 8, 9, 10, 11])
  next.release()
  const after = new LossyReader(place)
  expect([after.taken, after.missed, after.hasRecords]).toEqual([8, 4, false])
})

describe('a place that is none', () => {
  const place = allocateLossy(1_024, 10)
  test.each<[string, Partial<LossyPlace>, RegExp]>([
    ['no power of two', { dataBytes: 1_000 }, /1000/],
    ['no records', { capacity: 0 }, /not 0/],
    ['half a record', { capacity: 1.5 }, /1.5/],
    ['beyond the end', { offset: 128 }, /does not fit/],
    ['more than there is', { capacity: 100_000 }, /does not fit/],
    ['on a line that others use', { offset: 8 }, /does not fit/],
    ['before the start', { offset: -128 }, /does not fit/],
  ])('%s', (_, wrong, message) => {
    for (const open of [LossyWriter, LossyReader, LossyGauge]) {
      expect(() => new open({ ...place, ...wrong })).toThrow(RangeError)
      expect(() => new open({ ...place, ...wrong })).toThrow(message)
    }
  })
  test('a record that would never fit', () => {
    const writer = new LossyWriter(place)
    expect(() => writer.claim(505)).toThrow(/0 to 504 bytes, not 505/)
    expect(() => writer.claim(-1)).toThrow(RangeError)
    expect(writer.claim(504)).not.toBe(FULL)
  })
})

/** What a lossy ring is, said with an array: what lies unread, and three counts. */
class Model {
  unread: { number: number; length: number }[] = []
  written = 0
  taken = 0
  dropped = 0
}

type Step = { write: number } | { take: number } | 'release' | 'replace'

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 56 }) }) },
  { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant('release' as const) },
  { weight: 1, arbitrary: fc.constant('replace' as const) },
)

describe('it does what its model says', () => {
  test.each([0, 0x7fff_ffe0, -32])('from position %d', (position) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 9 }), (steps, capacity) => {
        const place = allocateLossy(128, capacity)
        resetLossy(place, position)
        const source = new Source(place)
        const gauge = new LossyGauge(place)
        const model = new Model()
        let reader = new LossyReader(place)
        for (const each of steps) {
          if (each === 'release') reader.release()
          else if (each === 'replace') {
            reader.release()
            reader = new LossyReader(place)
          } else if ('write' in each) {
            source.write(each.write)
            model.unread.push({ number: model.written++ % 251, length: each.write })
          } else {
            for (let i = 0; i < each.take; i++) {
              const at = reader.next()
              if (at === EMPTY) {
                expect(model.unread).toEqual([])
                break
              }
              const copy = reader.bytes.slice(at, at + reader.length)
              expect(reader.confirm()).toBe(true)
              // The oldest ones may have gone; what is left keeps its order.
              while (model.unread[0]!.number !== copy[0]) {
                model.unread.shift()
                model.dropped++
              }
              const { number, length } = model.unread.shift()!
              expect([...copy]).toEqual(new Array(length).fill(number))
              model.taken++
            }
          }
          const { written, taken, dropped, pending } = gauge.counts()
          expect(written).toBe(model.written)
          expect(taken + dropped + pending).toBe(written)
          expect(pending).toBeLessThanOrEqual(capacity)
        }
        // No more is dropped than must be: at the end what is kept fills half the bytes, or the capacity.
        reader.release()
        const left = gauge.counts().pending
        const kept = model.unread.slice(model.unread.length - left)
        if (left < model.unread.length && left < capacity) {
          const used = kept.reduce((sum, record) => sum + recordBytes(record.length), 0)
          const next = recordBytes(model.unread[model.unread.length - left - 1]!.length)
          expect(used + next).toBeGreaterThan(64)
        }
        const rest = takeAll(reader)
        expect(rest).toEqual(kept.map((record) => record.number))
      }),
      { numRuns: 400 },
    )
  })
})

test('the oldest records can be given up although there is room, and counted before', () => {
  const lost: number[] = []
  const place = allocateLossy(1_024, 16)
  const writer: LossyWriter = new LossyWriter(place, (at, end) => lost.push(writer.words[at >> 2]!, end - at))
  for (let n = 1; n <= 5; n++) {
    writer.words[writer.claim(8) >> 2] = n
    writer.commit()
  }
  const reader = new LossyReader(place)
  reader.next()
  reader.confirm()
  reader.release()
  expect(writer.count((at) => writer.words[at >> 2]! % 2 === 1)).toBe(2)
  expect(writer.drop()).toBe(true)
  expect(writer.drop()).toBe(true)
  expect(lost).toEqual([2, 8, 3, 8])
  expect(reader.bytes[reader.next()]).toBe(4)
  expect(new LossyGauge(place).counts()).toEqual({ written: 5, taken: 1, dropped: 2, pending: 2 })
  writer.drop()
  writer.drop()
  expect(writer.drop()).toBe(false)
  expect(writer.lost).toBe(0)
})
