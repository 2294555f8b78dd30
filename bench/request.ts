/**
 * Calls answered by a worker: `npm run bench:request -- [--check]`.
 *
 * `engine.request` beside `piscina.run`, one worker each, in turn and in one process; the pool as it is by default, and with
 * 64 tasks at once in its worker. Calls per second with 64 in flight, and the time of one with nothing else under way. Each
 * result is verified.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Piscina } from 'piscina'
import { createEngine } from '../src/index.ts'
import { add, type Sum } from './request-task.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const ROUNDS = 7
const IN_FLIGHT = 64
const ROUND_MS = 700
const WARM_MS = 2_000
const PROBES = 4_000

type Call = (sum: Sum) => Promise<number>
type Variant = { name: string; call: Call; rates: number[]; p50s: number[]; p99s: number[] }

let next = 0

async function verified(call: Call): Promise<void> {
  const sum = { a: next++, b: 7 }
  const result = await call(sum)
  if (result !== add(sum)) throw new Error(`${sum.a} + ${sum.b} was answered with ${result}`)
}

async function callsPerSecond(call: Call, ms: number): Promise<number> {
  const start = performance.now()
  let calls = 0
  const inFlight = Array.from({ length: IN_FLIGHT }, async () => {
    for (; performance.now() - start < ms; calls++) await verified(call)
  })
  await Promise.all(inFlight)
  return (1_000 * calls) / (performance.now() - start)
}

async function latencies(call: Call): Promise<number[]> {
  const micros: number[] = []
  for (let i = 0; i < PROBES; i++) {
    const start = process.hrtime.bigint()
    await verified(call)
    micros.push(Number(process.hrtime.bigint() - start) / 1_000)
  }
  return micros.sort((a, b) => a - b)
}

function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1]!
}

const filename = fileURLToPath(new URL('./request-task.ts', import.meta.url))
const one = new Piscina({ filename, minThreads: 1, maxThreads: 1 })
const many = new Piscina({ filename, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: IN_FLIGHT })
const engine = await createEngine({ workers: 1, handlers: new URL('./request-handlers.ts', import.meta.url) })

const variant = (name: string, call: Call): Variant => ({ name, call, rates: [], p50s: [], p99s: [] })
const ours = variant('engine.request', (sum) => engine.request<number>('bench.add', sum))
const pools = [
  variant('piscina.run', (sum) => one.run(sum)),
  variant(`piscina.run, ${IN_FLIGHT} at once`, (sum) => many.run(sum)),
]
const variants = [ours, ...pools]

for (const { call } of variants) await callsPerSecond(call, WARM_MS)
for (let round = 0; round < ROUNDS; round++) {
  for (const { call, rates, p50s, p99s } of round % 2 === 0 ? variants : variants.toReversed()) {
    rates.push(await callsPerSecond(call, ROUND_MS))
    const micros = await latencies(call)
    p50s.push(micros[micros.length >> 1]!)
    p99s.push(micros[Math.floor(micros.length * 0.99)]!)
  }
}
await engine.close()
await Promise.all([one.destroy(), many.destroy()])

const table = new Table({
  head: ['', `calls/s, ${IN_FLIGHT} in flight`, 'spread', 'one: p50 µs', 'p99 µs'],
  colAligns: ['left', 'right', 'right', 'right', 'right'],
  style: { head: [], border: [] },
})
for (const { name, rates, p50s, p99s } of variants) {
  const rate = median(rates)
  const spread = (Math.max(...rates) - Math.min(...rates)) / rate
  table.push([
    name,
    Math.round(rate).toLocaleString('en-US'),
    `${(100 * spread).toFixed(0)} %`,
    median(p50s).toFixed(1),
    median(p99s).toFixed(1),
  ])
}
console.log(table.toString())

const [pool, busyPool] = pools as [Variant, Variant]
const rateRatio = median(ours.rates) / median(pool.rates)
const busyRatio = median(ours.rates) / median(busyPool.rates)
const timeRatio = median(ours.p50s) / Math.min(median(pool.p50s), median(busyPool.p50s))
const goals = [
  {
    text: `calls per second: ${rateRatio.toFixed(1)} × piscina.run, goal 8 (${busyRatio.toFixed(1)} × the pool with ${IN_FLIGHT} at once)`,
    isReached: rateRatio >= 8,
  },
  {
    text: `p50 of one call: ${timeRatio.toFixed(2)} of the better pool's, goal 0.5`,
    isReached: timeRatio <= 0.5,
  },
]
for (const { text, isReached } of goals) console.log(`${isReached ? 'reached' : 'MISSED '} ${text}`)
if (values.check && goals.some(({ isReached }) => !isReached)) process.exitCode = 1
