import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createEngine, f64, struct } from '../../src/index.ts'
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
import { nowNs } from './workers/percentiles.ts'

const UNITS = { p50: 'ns', p99: 'ns', p999: 'ns' }
/** Events per second that are offered, whatever becomes of them. */
const RATES = [10_000, 100_000]
const HOT_MS = 1_500
const WARM_ROUNDS = 4
/** Long enough for whoever waits to have gone to sleep. */
const PARK_MS = 5
const PARKED_EVENTS = 200
const WAYS = ['millrace', 'postMessage']

type Totals = { readonly count: number; readonly p50: number; readonly p99: number; readonly p999: number }
type Link = { post(due: number): boolean; totals(): Promise<Totals>; close(): unknown }

/**
 * From the moment when an event is due to the start of its handler. Events are due at a fixed rate, and their latency counts from then even if the sender is late:
 * what waits behind a slow one is not left out.
 */
const latency: Suite = {
  name: 'latency',
  title: 'Latency, from publishing to the start of the handler',
  rounds: 5,
  cases: () => [
    ...RATES.flatMap((rate) => WAYS.map((way) => ({ name: `${rate} events/s: ${way}`, units: UNITS }))),
    ...WAYS.map((way) => ({ name: `into a parked thread: ${way}`, units: UNITS })),
  ],
  measure,
  report,
}
export default latency

async function measure(name: string, { quick }: SuiteOptions): Promise<Measures> {
  const [what, way] = name.split(': ') as [string, string]
  const link = way === 'millrace' ? await startMillrace() : await startPort()
  const rate = Number.parseInt(what, 10)
  const round = Number.isNaN(rate) ? () => parked(link) : () => hot(link, rate, quick ? HOT_MS / 4 : HOT_MS)
  for (let i = 0; i < (Number.isNaN(rate) ? 1 : WARM_ROUNDS); i++) await round()
  const { p50, p99, p999 } = await round()
  await link.close()
  return { p50, p99, p999 }
}

/** At this rate, without ever awaiting anything: a thread that only publishes. */
async function hot(link: Link, rate: number, ms: number): Promise<Totals> {
  const gap = 1e9 / rate
  const count = Math.floor((rate * ms) / 1_000)
  const start = nowNs()
  for (let i = 0; i < count; i++) {
    const due = start + i * gap
    while (nowNs() < due);
    if (!link.post(due)) throw new Error('no room: the rate is too high')
  }
  return verified(link, count)
}

async function parked(link: Link): Promise<Totals> {
  for (let i = 0; i < PARKED_EVENTS; i++) {
    await sleep(PARK_MS)
    link.post(nowNs())
  }
  return verified(link, PARKED_EVENTS)
}

async function verified(link: Link, count: number): Promise<Totals> {
  const totals = await link.totals()
  if (totals.count !== count) throw new Error(`${totals.count} of ${count} events arrived`)
  return totals
}

async function startMillrace(): Promise<Link> {
  const engine = await createEngine({
    workers: 1,
    handlers: beside(import.meta.url, './workers/latency-handlers'),
    structs: { 'latency.tick': struct({ due: f64 }) },
  })
  const topic = engine.topic('latency.tick')
  const tick = { due: 0 }
  return {
    post: (due) => {
      tick.due = due
      return topic.publish(tick)
    },
    totals: async () => {
      await engine.drain()
      return (await engine.request('latency.totals')) as Totals
    },
    close: () => engine.close(),
  }
}

async function startPort(): Promise<Link> {
  const worker = new Worker(beside(import.meta.url, './workers/latency-receiver'))
  await once(worker, 'message')
  return {
    post: (due) => {
      worker.postMessage({ due })
      return true
    },
    totals: async () => {
      const totals = once(worker, 'message')
      worker.postMessage('end')
      return (await totals)[0] as Totals
    },
    close: () => worker.terminate(),
  }
}

function report(measured: readonly Measured[]): { sections: Section[]; goals: Goal[] } {
  const find = (name: string): Measured => measured.find((one) => one.case.name === name)!
  const groups = [...RATES.map((rate) => `${rate} events/s`), 'into a parked thread']
  const sections = groups.flatMap((group) =>
    (['p50', 'p99', 'p999'] as const).map((measure) => ({
      title: `${group}, ${measure}`,
      unit: 'ns',
      rows: WAYS.map((way) =>
        resultOf('latency', find(`${group}: ${way}`), measure, find(`${group}: postMessage`)),
      ),
    })),
  )
  const ratio = (group: string, measure: string): number => {
    const of = (way: string): number => median(find(`${group}: ${way}`).runs.map((run) => run[measure]!))
    return of('millrace') / of('postMessage')
  }
  const goal = (group: string, measure: string, most: number): Goal => ({
    name: `${group}, ${measure} of postMessage`,
    value: ratio(group, measure),
    goal: most,
    isLimit: true,
  })
  const hottest = `${RATES.at(-1)} events/s`
  return {
    sections,
    goals: [goal(hottest, 'p50', 0.05), goal(hottest, 'p99', 0.1), goal('into a parked thread', 'p50', 1)],
  }
}
