import { createHistogram } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { allocateThreadMemory } from '../../src/dispatch/thread-memory.ts'
import { HandlerStatistics } from '../../src/engine/handler-stats.ts'

const MS = 1_000_000

/** As a worker has it: `calls` of so many milliseconds. */
function durations(calls: number, ms: number) {
  const histogram = createHistogram({ figures: 2 })
  for (let i = 0; i < calls; i++) histogram.record(ms * MS)
  return histogram
}

test('durations of a worker that was replaced count on, and its histogram is let go', () => {
  const statistics = new HandlerStatistics([allocateThreadMemory(0, 1_024)])
  statistics.setHandlers([
    { name: 'h', pattern: 'h', scope: 'one', pool: undefined, replayLast: false, number: 0 },
  ])
  const p50 = () => Math.round(statistics.read()[0]!.p50Ms)
  expect(p50()).toBe(0)
  const first = durations(10, 1)
  statistics.addHistogram(1, 0, first)
  statistics.addHistogram(2, 0, durations(3, 5))
  expect(p50()).toBe(1)
  const second = durations(4, 5)
  statistics.addHistogram(1, 0, second)
  expect(p50()).toBe(1)
  for (let i = 0; i < 10; i++) second.record(5 * MS)
  expect(p50()).toBe(5)
  // What was added up is not looked at again.
  for (let i = 0; i < 1_000; i++) first.record(MS)
  expect(p50()).toBe(5)
})
