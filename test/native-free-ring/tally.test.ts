import { expect, test } from 'vitest'
import { allocateRing, RingGauge, RingReader, RingWriter } from '../../native-free-ring/src/index.ts'
import { readTally, Tally } from '../../native-free-ring/src/tally.ts'

const CURSOR = 0
const BASE = 1

function newTally(): { words: Int32Array; tally: Tally; read: () => number[] } {
  const words = new Int32Array(new SharedArrayBuffer(128))
  return {
    words,
    tally: new Tally(words, BASE, 2),
    read: () => {
      const counts = new Float64Array(2)
      readTally(words, CURSOR, BASE, counts)
      return [...counts]
    },
  }
}

test('counts become visible with the cursor, not before', () => {
  const { words, tally, read } = newTally()
  tally.counts.set([1, 10])
  tally.publish(8)
  expect(read()).toEqual([0, 0])
  Atomics.store(words, CURSOR, 8)
  expect(read()).toEqual([1, 10])
})

test('an owner that dies between any two words of a block has changed nothing', () => {
  const { words, tally, read } = newTally()
  for (let round = 1; round <= 4; round++) {
    const before = words.slice()
    tally.counts.set([round, round * 10])
    tally.publish(8 * round)
    const after = words.slice()
    // Every prefix of what it wrote, in the order of the words.
    for (let written = 0; written <= words.length; written++) {
      words.set(before)
      words.set(after.subarray(0, written))
      expect(read()).toEqual([round - 1, (round - 1) * 10])
    }
    Atomics.store(words, CURSOR, 8 * round)
    expect(read()).toEqual([round, round * 10])
  }
})

test('a new owner goes on from what belongs to the cursor, and overwrites the other block', () => {
  const { words, tally, read } = newTally()
  tally.counts.set([5, 6])
  tally.publish(8)
  Atomics.store(words, CURSOR, 8)
  tally.counts.set([99, 99])
  tally.publish(16)

  const next = new Tally(words, BASE, 2)
  next.resume(8)
  expect([...next.counts]).toEqual([5, 6])
  next.counts[0]!++
  next.publish(24)
  expect(read()).toEqual([5, 6])
  Atomics.store(words, CURSOR, 24)
  expect(read()).toEqual([6, 6])
})

test('counts beyond 32 bits', () => {
  const { words, tally, read } = newTally()
  const counts = [2 ** 32 - 1, 2 ** 52 + 3]
  tally.counts.set(counts)
  tally.publish(-8)
  Atomics.store(words, CURSOR, -8)
  expect(read()).toEqual(counts)
})

test('a record that is passed over uncounted shows: counts no longer agree with cursors', () => {
  const place = allocateRing(1_024)
  const writer = new RingWriter(place)
  const reader = new RingReader(place, 1)
  const gauge = new RingGauge(place, 1)
  const agrees = () => {
    const [released] = gauge.released()
    gauge.committed()
    return gauge.agrees(released!)
  }
  expect(agrees()).toBe(true)
  for (let i = 0; i < 3; i++) writer.claim(8)
  writer.commit()
  expect(agrees()).toBe(true)
  reader.prefetch()
  for (let i = 0; i < 3; i++) reader.next()
  reader.counts[0]! += 2
  reader.release(reader.position)
  expect(agrees()).toBe(false)
})
