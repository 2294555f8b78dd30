import { expect, test } from 'vitest'
import { allocateRing, RingGauge, RingWriter } from '../../native-free-ring/src/index.ts'
import type { CompletedIds } from '../../src/dispatch/completed-ids.ts'
import type { Executor } from '../../src/dispatch/executor.ts'
import { RingDrain, type RingHost } from '../../src/dispatch/ring-drain.ts'
import { begin, outcomeOf } from '../../src/lane/mark.ts'
import { COMPLETED, DUPLICATE, LANE_COUNTERS, type Outcome } from '../../src/lane/outcome.ts'

/** Drains one record that has this mark, whose handlers end so; answers the counts, and what was asked of the memory. */
function drainOne(mark: number, isKnown: boolean, outcome: Outcome) {
  const place = allocateRing(1_024)
  const writer = new RingWriter(place)
  const at = writer.claim(32)
  writer.words[(at >> 2) - 1] = mark
  writer.commit()
  const added: number[] = []
  const runs: number[] = []
  const completed = {
    has: () => isKnown,
    add: ({ words }: { words: Int32Array }, at: number) => added.push(outcomeOf(words[(at >> 2) - 1]!)),
  } as unknown as CompletedIds
  const host = {
    completed,
    synchronise() {},
    mayBegin: () => true,
    hasBusyKeys: false,
    mayStart: () => true,
    mayStartSuspect: () => true,
    flight: { began: () => 0, ended() {} },
  } as unknown as RingHost
  const executor = {
    directOf: () => undefined,
    aftermath: {
      ofDeath: () => undefined,
      ofDuplicate: (_source: unknown, _at: number, outcome: Outcome) => outcome,
    },
    hold: () => undefined,
    blocks: { release() {} },
    run: (_source: unknown, at: number) => {
      runs.push(at)
      return outcome
    },
  } as unknown as Executor
  const drain = new RingDrain(place, 0, host, executor, {} as never, 64, () => {})
  expect(drain.drain(10)).toBe(1)
  return { counts: new RingGauge(place, LANE_COUNTERS).released(), added, runs }
}

const IN_FLIGHT = markOfBegun()

function markOfBegun(): number {
  const words = new Int32Array(2)
  begin(words, 4, 1)
  return words[0]!
}

test('an event whose id was completed is a duplicate, and is not handled', () => {
  const { counts, added, runs } = drainOne(0, true, COMPLETED)
  expect(counts[DUPLICATE]).toBe(1)
  expect([added, runs]).toEqual([[], []])
})

test('one that was in flight when its worker died, with its completion recorded, was completed', () => {
  const { counts, runs } = drainOne(IN_FLIGHT, true, COMPLETED)
  expect([counts[COMPLETED], counts[DUPLICATE]]).toEqual([1, 0])
  expect(runs).toEqual([])
})

test('one that was in flight without is handled again', () => {
  const { counts, runs } = drainOne(IN_FLIGHT, false, COMPLETED)
  expect(counts[COMPLETED]).toBe(1)
  expect(runs).toHaveLength(1)
})

test('a completion is recorded before it is marked, and nothing else is', () => {
  expect(drainOne(0, false, COMPLETED).added).toEqual([0])
  for (const outcome of [2, 3, 4, 5] as const) expect(drainOne(0, false, outcome).added).toEqual([])
})
