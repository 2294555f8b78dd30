/**
 * What a handler of 500 ms costs others: `npm run bench:pools -- [--check]`.
 *
 * Requests to a fast handler, one at a time, while nothing else runs; while a handler that computes for 500 ms runs all the time in another pool; while a thread outside of
 * the engine computes the same (what the machine makes of it); and while the slow handler runs in the fast one's own pool. In turn, in one process. Each answer is verified.
 */
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import Table from 'cli-table3'
import { createEngine } from '../src/index.ts'
import type { PoolEvents } from './pools-handlers.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const ROUNDS = 9
const ROUND_MS = 1_500
const SLOW_MS = 500
/** Some 500 requests per second. */
const PAUSE_MS = 2

const engine = await createEngine<PoolEvents>({
  handlers: new URL('./pools-handlers.ts', import.meta.url),
  pools: { fast: { workers: 1 }, slow: { workers: 1 } },
})
const done = engine.subscribe('done')
const burner = new Worker(new URL('./pools-burner.ts', import.meta.url))

let next = 0
async function micros(): Promise<number> {
  const number = next++
  const start = process.hrtime.bigint()
  const answer = await engine.request('fast', number)
  const end = process.hrtime.bigint()
  if (answer !== number + 1) throw new Error(`${number} was answered with ${answer}`)
  return Number(end - start) / 1_000
}

type Slow = {
  readonly name: string
  start?(): Promise<unknown>
  readonly p50s: number[]
  readonly p99s: number[]
}
const inPool = (topic: 'slow' | 'slow.shared') => async () => {
  await engine.send(topic, SLOW_MS)
  await done.receive()
}
const outside = () =>
  new Promise((resolve) => {
    burner.once('message', resolve)
    burner.postMessage(SLOW_MS)
  })
const cases: Slow[] = [
  { name: 'nothing else', p50s: [], p99s: [] },
  { name: 'a slow handler in another pool', start: inPool('slow'), p50s: [], p99s: [] },
  { name: 'a slow thread outside of the engine', start: outside, p50s: [], p99s: [] },
  { name: 'a slow handler in the same pool', start: inPool('slow.shared'), p50s: [], p99s: [] },
]

async function round({ start, p50s, p99s }: Slow): Promise<void> {
  let stopped = false
  const slow = (async () => {
    while (start !== undefined && !stopped) await start()
  })()
  const end = performance.now() + ROUND_MS
  const times: number[] = []
  while (performance.now() < end) {
    times.push(await micros())
    await setTimeout(PAUSE_MS)
  }
  stopped = true
  await slow
  times.sort((a, b) => a - b)
  p50s.push(times[times.length >> 1]!)
  p99s.push(times[Math.floor(0.99 * times.length)]!)
}

function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1]!
}

for (let warm = 0; warm < 20_000; warm++) await micros()
for (let n = 0; n < ROUNDS; n++) for (const one of n % 2 === 0 ? cases : cases.toReversed()) await round(one)
await engine.close()
await burner.terminate()

const table = new Table({
  head: ['while there runs', 'p50 µs', 'p99 µs', 'p99, × nothing else'],
  colAligns: ['left', 'right', 'right', 'right'],
  style: { head: [], border: [] },
})
const [nothing, other, machine] = cases as [Slow, Slow, Slow]
for (const { name, p50s, p99s } of cases)
  table.push([
    name,
    median(p50s).toFixed(0),
    median(p99s).toFixed(0),
    (median(p99s) / median(nothing.p99s)).toFixed(2),
  ])
console.log(table.toString())
const ratio = median(other.p99s) / median(nothing.p99s)
const ofMachine = median(machine.p99s) / median(nothing.p99s)
console.log(
  `${ratio < 1.1 ? 'reached' : 'MISSED '} p99 with a slow handler in another pool: ${ratio.toFixed(2)} × without, goal 1.10; a thread outside of the engine: ${ofMachine.toFixed(2)}`,
)
if (values.check && ratio >= 1.1) process.exitCode = 1
