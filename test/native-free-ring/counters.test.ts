import { expect, test } from 'vitest'
import { COUNTER_WORDS, Counters, readCounter, storeCounter } from '../../native-free-ring/src/index.ts'

const STEPS = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 3 * 2 ** 31, 2 ** 40 + 5]

test('what was stored is what is read, about each change of a high bit', () => {
  const words = new Int32Array(new SharedArrayBuffer(64))
  for (const count of STEPS) {
    storeCounter(words, 2, 1, count)
    expect(readCounter(words, 2, 1)).toBe(count)
    expect(readCounter(words, 2, 0)).toBe(0)
  }
})

test('a reader that catches the writer, or its corpse, between its two stores gets the count before', () => {
  for (const step of [2 ** 31, 2 ** 32, 3 * 2 ** 31, 2 ** 33]) {
    for (const [before, after] of [
      [step - 1, step],
      [step - 1_000, step + 1_000],
    ] as const) {
      const words = new Int32Array(new SharedArrayBuffer(8))
      storeCounter(words, 0, 0, before)
      const low = words[0]!
      storeCounter(words, 0, 0, after)
      words[0] = low
      // The low word is the old one; what the high word alone can say is the largest count below the change.
      const read = readCounter(words, 0, 0)
      expect(read).toBe(before)
    }
  }
})

test('a new owner goes on from the values that it finds', () => {
  const words = new Int32Array(new SharedArrayBuffer(8 * COUNTER_WORDS * 4))
  const first = new Counters(words, 4, 2)
  first.add(0, 7)
  first.add(1, 2 ** 31 - 1)
  const second = new Counters(words, 4, 2)
  second.add(1, 2)
  expect([second.get(0), second.get(1)]).toEqual([7, 2 ** 31 + 1])
  expect(readCounter(words, 4, 1)).toBe(2 ** 31 + 1)
})
