import { createEngine } from '../../src/index.ts'
import { beside } from '../beside.ts'
import {
  type Goal,
  type Measured,
  type Measures,
  median,
  resultOf,
  type Section,
  type Suite,
} from '../suite.ts'
import { expectedOf, samplesOf, Tick } from '../workload.ts'

/** With 32 bytes more, powers of two: nothing of a ring is left over. */
const SIZES = [32, 96, 224, 992]
const RING_BYTES = 2 ** 20
const FREE_LANES = 2
const EVENTS = 10_000_000
const WARM_EVENTS = 1_000_000

/** What a queued event takes, and what publishing and handling leave behind in the heaps. */
const memory: Suite = {
  name: 'memory',
  title: 'Memory',
  rounds: 3,
  cases: () => [
    ...SIZES.map((size) => ({ name: `queued: ${size} bytes`, units: { bytes: 'bytes beyond the payload' } })),
    { name: 'heap: structs', units: { publisher: 'bytes per 10 M events', worker: 'bytes per 10 M events' } },
  ],
  measure: (name) => (name === 'heap: structs' ? heap() : queued(Number(/\d+/.exec(name)![0]))),
  report,
}
export default memory

/** How many events a lane takes, while nobody reads. */
async function queued(size: number): Promise<Measures> {
  // Without workers nothing is read as long as this thread does not yield.
  const engine = await createEngine({ workers: 0, ringBytes: RING_BYTES })
  const data = new Uint8Array(size)
  let count = 0
  while (engine.publish('memory.bytes', data)) count++
  await engine.drain()
  await engine.close()
  return { bytes: (FREE_LANES * RING_BYTES) / count - size }
}

/** How much the heaps have grown, what is garbage not counted. */
async function heap(): Promise<Measures> {
  const engine = await createEngine({
    workers: 1,
    handlers: beside(import.meta.url, './workers/memory-handlers'),
    structs: { 'memory.struct': Tick },
  })
  const topic = engine.topic('memory.struct')
  const samples = samplesOf('struct') as Tick[]
  const publishFrom = (from: number, count: number): number => {
    for (let i = from; i < count; i++) if (!topic.publish(samples[i & (samples.length - 1)]!)) return i
    return count
  }
  const go = async (count: number): Promise<{ heap: number }> => {
    for (let i = publishFrom(0, count); i < count; i = publishFrom(i + 1, count))
      await topic.send(samples[i & (samples.length - 1)]!)
    await engine.drain()
    const { heap: used, ...received } = await engine.request('memory.heap')
    const expected = expectedOf('struct', samples, count)
    if (received.count !== expected.count || received.sum !== expected.sum)
      throw new Error('events are missing')
    return { heap: used }
  }
  const own = (): number => {
    ;(globalThis as unknown as { gc(): void }).gc()
    return process.memoryUsage().heapUsed
  }
  await go(WARM_EVENTS)
  const { heap: workerBefore } = await go(WARM_EVENTS)
  const before = own()
  const { heap: workerAfter } = await go(EVENTS)
  const after = own()
  await engine.close()
  return { publisher: after - before, worker: workerAfter - workerBefore }
}

function report(measured: readonly Measured[]): { sections: Section[]; goals: Goal[] } {
  const queues = measured.filter((one) => one.case.name.startsWith('queued'))
  const heaps = measured.filter((one) => one.case.name.startsWith('heap'))
  const sections = [
    {
      title: 'A queued event',
      unit: 'bytes beyond the payload',
      rows: queues.map((one) => resultOf('memory', one, 'bytes')),
    },
    {
      title: 'Growth of the heaps, publishing and handling structs',
      unit: 'bytes per 10 M events',
      rows: heaps.flatMap((one) =>
        ['publisher', 'worker'].map((measure) => resultOf('memory', one, measure)),
      ),
    },
  ]
  const most = Math.max(...queues.map((one) => median(one.runs.map((run) => run.bytes!))))
  const growth = Math.max(
    ...heaps.flatMap((one) =>
      ['publisher', 'worker'].map((measure) => median(one.runs.map((run) => run[measure]!))),
    ),
  )
  return {
    sections,
    goals: [
      { name: 'bytes beyond the payload of a queued event', value: most, goal: 32, isLimit: true },
      { name: 'bytes of heap growth per 10 M structs', value: growth, goal: 2 ** 20, isLimit: true },
    ],
  }
}
