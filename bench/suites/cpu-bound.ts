import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
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
  type SuiteOptions,
} from '../suite.ts'
import { JOBS, type JobName, sizeFor } from './workers/jobs.ts'

const DURATIONS_US = [5, 50, 500, 5_000]
const WORKERS = 2
const ROUND_MS = 400
const ROUNDS = 5
const WAYS = ['one thread', 'millrace, 2 workers', 'piscina, 2 threads'] as const
const UNITS = { speedup: '× one thread', overhead: 'part of the workers’ time not spent in handlers' }

type Way = (typeof WAYS)[number]
type Runner = {
  run(job: JobName, size: number, count: number): Promise<{ sum: number; busyMs?: number }>
  close(): unknown
}

const names = (Object.keys(JOBS) as JobName[]).flatMap((job) =>
  DURATIONS_US.flatMap((microseconds) => WAYS.slice(1).map((way) => ({ job, microseconds, way }))),
)
const nameOf = ({ job, microseconds, way }: (typeof names)[number]): string =>
  `${job}, ${microseconds} µs: ${way}`

/** Work of four kinds and lengths, by two workers: beside one thread that does it all, alternating with it in the same process. */
const cpuBound: Suite = {
  name: 'cpu-bound',
  title: 'CPU-bound handlers on two workers',
  rounds: 3,
  cases: () => names.map((one) => ({ name: nameOf(one), units: UNITS })),
  measure,
  report,
}
export default cpuBound

async function measure(name: string, { quick }: SuiteOptions): Promise<Measures> {
  const { job, microseconds, way } = names.find((one) => nameOf(one) === name)!
  const size = sizeFor(JOBS[job], microseconds)
  const count = Math.max(2 * WORKERS, Math.ceil((ROUND_MS * 1_000) / microseconds / (quick ? 4 : 1)))
  const runner = way.startsWith('millrace') ? await startMillrace() : startPiscina()
  const speedups: number[] = []
  const overheads: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const expected = sumOf(job, size, count)
    const start = performance.now()
    const { sum, busyMs } = await runner.run(job, size, count)
    const took = performance.now() - start
    if (sum !== expected.sum) throw new Error(`${name}: ${sum}, expected ${expected.sum}`)
    // The first rounds are to warm up.
    if (round === 0) continue
    speedups.push(expected.ms / took)
    if (busyMs !== undefined) overheads.push(1 - busyMs / (WORKERS * took))
  }
  await runner.close()
  return { speedup: median(speedups), overhead: overheads.length === 0 ? Number.NaN : median(overheads) }
}

/** In this thread: the sum, and how long it took. */
function sumOf(job: JobName, size: number, count: number): { sum: number; ms: number } {
  const start = performance.now()
  let sum = 0
  for (let i = 0; i < count; i++) sum += JOBS[job](size)
  return { sum, ms: performance.now() - start }
}

async function startMillrace(): Promise<Runner> {
  const engine = await createEngine({
    workers: WORKERS,
    handlers: beside(import.meta.url, './workers/cpu-bound-handlers'),
  })
  const told = engine.subscribe('job.told')
  return {
    async run(job, size, count) {
      for (let i = 0; i < count; i++)
        if (!engine.publish('job', { job, size })) await engine.send('job', { job, size })
      await engine.drain()
      engine.publish('job.totals')
      let [sum, busyMs, received] = [0, 0, 0]
      for (let worker = 0; worker < WORKERS; worker++) {
        const { data } = (await told.receive({ timeoutMs: 10_000 }))!
        sum += data.sum
        busyMs += data.busyMs
        received += data.count
      }
      if (received !== count) throw new Error(`${received} of ${count} events were handled`)
      return { sum, busyMs }
    },
    close: () => engine.close(),
  }
}

function startPiscina(): Runner {
  const filename = fileURLToPath(beside(import.meta.url, './workers/cpu-bound-task'))
  const pool = new Piscina({
    filename,
    minThreads: WORKERS,
    maxThreads: WORKERS,
    concurrentTasksPerWorker: 4,
  })
  return {
    async run(job, size, count) {
      const tasks = Array.from({ length: count }, () => pool.run({ job, size }) as Promise<number>)
      return { sum: (await Promise.all(tasks)).reduce((sum, weight) => sum + weight, 0) }
    },
    close: () => pool.destroy(),
  }
}

function report(measured: readonly Measured[]): { sections: Section[]; goals: Goal[] } {
  const find = (job: string, microseconds: number, way: Way): Measured =>
    measured.find((one) => one.case.name === `${job}, ${microseconds} µs: ${way}`)!
  const sections: Section[] = []
  const speedups: number[] = []
  const beside: number[] = []
  for (const job of Object.keys(JOBS)) {
    for (const microseconds of DURATIONS_US) {
      const own = find(job, microseconds, 'millrace, 2 workers')
      const peer = find(job, microseconds, 'piscina, 2 threads')
      const title = `${job}, ${microseconds} µs`
      sections.push({
        title,
        unit: UNITS.speedup,
        rows: [own, peer].map((one) => resultOf('cpu-bound', one, 'speedup', peer)),
      })
      if (microseconds < 50) continue
      const of = (one: Measured): number => median(one.runs.map((run) => run.speedup!))
      speedups.push(of(own))
      beside.push(of(own) / of(peer))
    }
  }
  const goals = [
    {
      name: 'handlers of 50 µs and more on 2 workers, × one thread (median)',
      value: median(speedups),
      goal: 1.9,
      isLimit: false,
    },
    {
      name: 'handlers of 50 µs and more, × piscina (median)',
      value: median(beside),
      goal: 1.1,
      isLimit: false,
    },
  ]
  return { sections, goals }
}
