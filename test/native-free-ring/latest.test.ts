import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  allocateLatest,
  EMPTY,
  LatestGauge,
  type LatestPlace,
  LatestReader,
  LatestWriter,
} from '../../native-free-ring/src/index.ts'

/** Values are a key, a number, and bytes that follow from both. Keys of one remainder by 4 have the same hash. */
function put(writer: LatestWriter, key: number, number: number, length = 8 + (number % 5)): void {
  const at = writer.claim(key % 4, length, (other) => writer.bytes[other] === key)
  writer.bytes[at] = key
  writer.bytes.fill((key * 31 + number) & 0xff, at + 1, at + length)
  writer.bytes[at + 1] = number
  writer.commit()
}

type Taken = [key: number, number: number]

function takeOne(reader: LatestReader): Taken | undefined {
  for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
    const copy = reader.bytes.slice(at, at + reader.length)
    if (!reader.confirm()) continue
    const [key, number] = copy as unknown as Taken
    expect(copy.length).toBe(8 + (number % 5))
    expect(copy.slice(2).every((byte) => byte === ((key * 31 + number) & 0xff))).toBe(true)
    return [key, number]
  }
  return undefined
}

function takeAll(reader: LatestReader): Taken[] {
  const taken: Taken[] = []
  for (let each = takeOne(reader); each !== undefined; each = takeOne(reader)) taken.push(each)
  return taken
}

function table(slots: number) {
  const place = allocateLatest(slots, 16)
  const gauge = new LatestGauge(place)
  return {
    place,
    writer: new LatestWriter(place),
    reader: new LatestReader(place),
    pending: () => gauge.counts().pending,
  }
}

test('what a commit has replaced is known to the next writer, unless it was dealt with', () => {
  const { place, writer } = table(8)
  const next = () => new LatestWriter(place)
  put(writer, 1, 1)
  expect(next().hasReplaced()).toBe(false)
  writer.claim(1, 8, (other) => writer.bytes[other] === 1)
  // Who dies before the commit, or in it, has replaced nothing.
  expect(next().hasReplaced()).toBe(false)
  const store = vi.spyOn(Atomics, 'store').mockImplementation(() => {
    throw new Error('dies')
  })
  expect(() => put(writer, 1, 3)).toThrow('dies')
  store.mockRestore()
  expect(next().hasReplaced()).toBe(false)
  put(writer, 1, 2, 9)
  const successor = next()
  expect(successor.hasReplaced()).toBe(true)
  const { lostAt, lostEnd } = successor
  expect([...successor.bytes.slice(lostAt, lostAt + 2), lostEnd - lostAt]).toEqual([1, 1, 9])
  successor.forget()
  expect(next().hasReplaced()).toBe(false)
  // Of another key.
  put(next(), 2, 1)
  expect(next().hasReplaced()).toBe(false)
})

test('of each key the latest value is left, in the place of the first that was not read', () => {
  const { writer, reader, pending } = table(8)
  for (let number = 0; number < 30; number++) put(writer, number % 3, number)
  expect(pending()).toBe(3)
  expect(takeAll(reader)).toEqual([
    [0, 27],
    [1, 28],
    [2, 29],
  ])
  expect([pending(), reader.hasValues]).toEqual([0, false])
})

test('what comes after the last one was taken waits again, behind the others', () => {
  const { writer, reader } = table(8)
  put(writer, 1, 1)
  put(writer, 2, 2)
  expect(takeOne(reader)).toEqual([1, 1])
  put(writer, 1, 3)
  put(writer, 2, 4)
  expect(takeAll(reader)).toEqual([
    [2, 4],
    [1, 3],
  ])
})

test('keys of one hash are told apart', () => {
  const { writer, reader } = table(8)
  for (const key of [1, 5, 9, 5]) put(writer, key, key + 1)
  expect(takeAll(reader)).toEqual([
    [1, 2],
    [5, 6],
    [9, 10],
  ])
})

test('with more keys than slots, the one that waits longest gives up its value', () => {
  const { writer, reader } = table(3)
  for (const key of [4, 1, 2, 3]) put(writer, key, key)
  expect(takeAll(reader)).toEqual([
    [3, 3],
    [1, 1],
    [2, 2],
  ])
})

test('keys that fill half of the slots find a place, however they are hashed', () => {
  for (let round = 0; round < 40; round++) {
    const { writer, pending } = table(2_048)
    for (let key = 1; key <= 1_024; key++) {
      writer.claim(randomInt(2 ** 32), 8, () => false)
      writer.commit()
    }
    expect(pending()).toBe(1_024)
  }
})

test('a value that its reader had found when it died is found again by the next', () => {
  const { place, writer, reader } = table(4)
  for (const key of [1, 2, 3]) put(writer, key, key)
  reader.next()
  const next = new LatestReader(place)
  expect(takeAll(next).sort()).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ])
  expect(next.hasValues).toBe(false)
  put(writer, 1, 4)
  expect(takeAll(next)).toEqual([[1, 4]])
})

describe('a value that is written while its slot is being taken', () => {
  test('before the reader has looked at it: is what is taken, once', () => {
    const { writer, reader, pending } = table(4)
    put(writer, 1, 1)
    // Between the reader's store of HEAD and its load of SEQ: as if the entry had been passed by a slow reader.
    const { sequences } = (reader as any).views
    const original = Atomics.load
    let written = false
    Atomics.load = ((words: Int32Array, index: number) => {
      if (words === sequences && !written) {
        written = true
        put(writer, 1, 2)
      }
      return original(words, index)
    }) as typeof Atomics.load
    try {
      expect(takeOne(reader)).toEqual([1, 2])
    } finally {
      Atomics.load = original
    }
    // The writer saw that the entry was passed, and announced the slot again; there is nothing new in it.
    expect(reader.hasValues).toBe(true)
    expect(takeAll(reader)).toEqual([])
    expect(pending()).toBe(0)
  })

  test('after that: the copy is whole, if it is the next one', () => {
    const { writer, reader } = table(4)
    put(writer, 1, 1)
    const at = reader.next()
    put(writer, 1, 2)
    const copy = reader.bytes.slice(at, at + reader.length)
    expect([copy[0], copy[1]]).toEqual([1, 1])
    // It might have been the next but one: the newer one comes anyway.
    expect(reader.confirm()).toBe(false)
    expect(takeAll(reader)).toEqual([[1, 2]])
  })

  test('and the next but one, into the cell that is being copied: the newest comes, once', () => {
    const { writer, reader } = table(4)
    put(writer, 1, 1)
    reader.next()
    put(writer, 1, 2)
    put(writer, 1, 3)
    expect(reader.confirm()).toBe(false)
    expect(takeAll(reader)).toEqual([[1, 3]])
  })
})

describe('a writer that dies', () => {
  test('before its commit has written nothing, and not harmed what was there', () => {
    const { place, writer, reader } = table(4)
    put(writer, 1, 1)
    writer.bytes.fill(
      0xee,
      writer.claim(1, 16, () => true),
      16,
    )
    const next = new LatestWriter(place)
    next.repair()
    expect(takeAll(reader)).toEqual([[1, 1]])
    put(next, 1, 2)
    expect(takeAll(reader)).toEqual([[1, 2]])
  })

  test('in commit, having marked a slot for another key: the key that has it is found all the same', () => {
    const { place, writer, reader } = table(1)
    put(writer, 1, 1)
    writer.claim(2, 8, () => false)
    const { hashes } = (writer as any).views
    hashes[0] = 2
    const next = new LatestWriter(place)
    next.repair()
    const at = next.claim(1, 8, () => true)
    expect(hashes[0]).toBe(1)
    next.bytes[at] = 1
    next.commit()
    expect(reader.next()).not.toBe(EMPTY)
    expect(reader.confirm()).toBe(true)
    expect(reader.next()).toBe(EMPTY)
  })

  test('before its commit of another key’s slot leaves that key findable', () => {
    const { place, writer, reader } = table(1)
    put(writer, 1, 1)
    writer.claim(2, 8, () => false)
    const next = new LatestWriter(place)
    next.repair()
    put(next, 1, 3)
    expect(takeAll(reader)).toEqual([[1, 3]])
  })

  test.each(['SEQ', 'the queue’s entry'])(
    'in commit, after %s: the next one announces the value',
    (after) => {
      const { place, writer, reader, pending } = table(4)
      put(writer, 3, 1)
      const { control } = (writer as any).views
      const original = Atomics.store
      const at = writer.claim(1, 8, () => false)
      writer.bytes.fill(0, at, at + 8)
      writer.bytes[at] = 1
      Atomics.store = ((words: Int32Array, index: number, value: number) => {
        if (words === control && index === 0) {
          // The tail is never stored. With the first kind of death, the entry was not written either.
          if (after === 'SEQ') (writer as any).views.queued[(writer as any).slot] = 0
          throw new Error('dead')
        }
        return original(words, index, value)
      }) as typeof Atomics.store
      try {
        expect(() => writer.commit()).toThrow('dead')
      } finally {
        Atomics.store = original
      }
      expect(pending()).toBe(2)
      const next = new LatestWriter(place)
      // Another slot gets the entry that was meant for the dead writer's.
      put(next, 2, 5)
      next.repair()
      next.repair()
      const keys: number[] = []
      for (let each = reader.next(); each !== EMPTY; each = reader.next()) {
        const key = reader.bytes[each]!
        if (reader.confirm()) keys.push(key)
      }
      expect(keys.sort()).toEqual([1, 2, 3])
      expect(reader.hasValues).toBe(false)
    },
  )
})

describe('a place that is none', () => {
  const place = allocateLatest(4, 16)
  test.each<[string, Partial<LatestPlace>]>([
    ['no slots', { slots: 0 }],
    ['half a slot', { slots: 1.5 }],
    ['more than there are', { slots: 5_000 }],
    ['longer than there is room', { maxValueBytes: 4_000 }],
    ['less than nothing', { maxValueBytes: -1 }],
    ['on a line that others use', { offset: 8 }],
    ['before the start', { offset: -128 }],
  ])('%s', (_, wrong) => {
    expect(() => new LatestWriter({ ...place, ...wrong })).toThrow(RangeError)
    expect(() => new LatestReader({ ...place, ...wrong })).toThrow(RangeError)
  })
  test('a value that would never fit', () => {
    const writer = new LatestWriter(place)
    expect(() => writer.claim(0, 17, () => true)).toThrow(/0 to 16 bytes, not 17/)
    expect(() => writer.claim(0, -1, () => true)).toThrow(RangeError)
    expect(writer.claim(0, 16, () => true)).toBeGreaterThan(0)
  })
})

test('it does what its model says: a list of keys that wait, each with its latest value', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ put: fc.integer({ min: 0, max: 11 }) }) },
    { weight: 2, arbitrary: fc.constant('take' as const) },
    { weight: 1, arbitrary: fc.constant('replace' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 14 }), (steps, slots) => {
      const { place, reader, pending, ...rest } = table(slots)
      let { writer } = rest
      const waiting: Taken[] = []
      let number = 0
      for (const each of steps) {
        if (each === 'take') {
          expect(takeOne(reader)).toEqual(waiting.shift())
        } else if (each === 'replace') {
          writer = new LatestWriter(place)
          writer.repair()
        } else {
          number = (number + 1) % 200
          put(writer, each.put, number)
          const known = waiting.findIndex(([key]) => key === each.put)
          if (known >= 0) waiting[known] = [each.put, number]
          else if (waiting.length < slots) waiting.push([each.put, number])
          else waiting[0] = [each.put, number]
        }
        expect(pending()).toBe(waiting.length)
      }
      expect(takeAll(reader)).toEqual(waiting)
    }),
    { numRuns: 500 },
  )
})

test.each([1, 4, 64, 4_096])(
  'keys that share the low bits of their hashes find room like others: one of %d',
  (lanes) => {
    const slots = 1_024
    const writer = new LatestWriter(allocateLatest(slots, 8))
    let keys = 0
    for (; keys < slots; keys++) {
      writer.claim((keys * lanes + (lanes >> 1)) | 0, 8, () => false)
      if (writer.lost > 0) break
      writer.commit()
    }
    expect(keys).toBeGreaterThan(0.75 * slots)
  },
)
