import { expect, test } from 'vitest'
import {
  attemptsOf,
  begin,
  deathsOf,
  isSuspect,
  MAX_ATTEMPTS,
  MAX_DEATHS,
  offer,
  outcomeOf,
  rest,
  withDeath,
  withOutcome,
} from '../../src/lane/mark.ts'

/** A record at byte 4, whose mark is the first word. */
function record() {
  const words = new Int32Array(2)
  const parts = () => {
    const mark = words[0]!
    return [outcomeOf(mark), isSuspect(mark), deathsOf(mark), attemptsOf(mark)]
  }
  return { words, parts }
}

test('outcome, deaths and attempts lie beside each other', () => {
  const { words, parts } = record()
  begin(words, 4, 3)
  expect(parts()).toEqual([0, true, 0, 3])
  words[0] = withDeath(words[0]!)
  expect(parts()).toEqual([0, false, 1, 3])
  offer(words, 4)
  begin(words, 4, 4)
  expect(parts()).toEqual([0, true, 1, 4])
  rest(words, 4)
  expect(parts()).toEqual([0, false, 1, 4])
  begin(words, 4, 2)
  expect(parts()).toEqual([0, true, 1, 4])
  words[0] = withOutcome(words[0]!, 6)
  expect(parts()).toEqual([6, false, 1, 4])
})

test('what is offered is touched, and not suspect', () => {
  const { words } = record()
  offer(words, 4)
  expect(words[0]).not.toBe(0)
  expect(isSuspect(words[0]!)).toBe(false)
})

test('counts that are full stay so', () => {
  const { words, parts } = record()
  begin(words, 4, MAX_ATTEMPTS + 10)
  expect(parts()).toEqual([0, true, 0, MAX_ATTEMPTS])
  for (let i = 0; i < MAX_DEATHS + 10; i++) {
    words[0] = withDeath(words[0]!)
    begin(words, 4, 1)
  }
  expect(parts()).toEqual([0, true, MAX_DEATHS, MAX_ATTEMPTS])
})
