import { expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'

const handlers = new URL('../fixtures/pipeline.ts', import.meta.url)

/** Events that a job makes, itself included. */
function eventsOf([count = 0, ...fanOut]: number[]): number {
  return count === 0 ? 1 : 1 + count * eventsOf(fanOut)
}

const JOBS = [
  [300, 3],
  [40, 1, 20],
  [6, 6, 6, 6],
]

for (const workers of [0, 1, 2]) {
  for (const keyed of [{}, { key: 'k' }]) {
    test(`stages that send more than a lane holds go through: ${workers} workers, ${'key' in keyed ? 'with' : 'without'} keys`, async () => {
      const options = { workers, handlers, lanes: 1, ringBytes: 1_024, maxInFlight: 8 }
      await using engine = await createEngine(options)
      let events = 0
      for (const fanOut of [...JOBS, ...JOBS]) {
        await engine.send('stage.1', { fanOut, ...keyed }, keyed)
        events += eventsOf(fanOut)
      }
      await engine.drain({ timeoutMs: 10_000 })
      expect(engine.stats()).toMatchObject({
        accepted: events,
        completed: events,
        pending: 0,
        balanced: true,
      })
    })
  }
}
