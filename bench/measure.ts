/**
 * Measures one variant, in a process of its own: `node bench/measure.ts <variant> <kind> <seconds>`. Each round is verified by count and checksum.
 * Writes `{ eventsPerSecond, cpuPerEvent, rounds }` to standard output.
 */
import type { Peer } from './peer.ts'
import { VARIANTS } from './variants.ts'
import { expectedOf, type Kind, samplesOf } from './workload.ts'

/** Every compiler tier is reached before the clock starts. */
const WARM_MS = 1_200
const ROUND_MS = 150
const FIRST_ROUND = 1_000

const [name, kind, seconds] = process.argv.slice(2) as [string, Kind, string]
const variant = VARIANTS.find((candidate) => candidate.name === name)
if (variant === undefined) throw new Error(`no variant ${name}`)

const samples = samplesOf(kind)
const peer = await variant.start(kind)

/** Milliseconds for so many events. */
async function round(peer: Peer, count: number): Promise<number> {
  const expected = expectedOf(kind, samples, count)
  const start = performance.now()
  const { count: received, sum } = await peer.round(samples, count)
  const took = performance.now() - start
  if (received !== expected.count || sum !== expected.sum)
    throw new Error(`${name}: ${received} of ${count} events, checksum ${sum}, expected ${expected.sum}`)
  return took
}

let count = Math.min(FIRST_ROUND, variant.maxEvents)
const warm = performance.now()
while (performance.now() - warm < WARM_MS) {
  const took = await round(peer, count)
  if (took < ROUND_MS) count = Math.min(2 * count, variant.maxEvents)
}

const rates: number[] = []
const cpu = process.cpuUsage()
const start = performance.now()
while (performance.now() - start < 1_000 * Number(seconds) || rates.length < 5)
  rates.push((1_000 * count) / (await round(peer, count)))
const { user, system } = process.cpuUsage(cpu)
await peer.close()

const eventsPerSecond = rates.toSorted((a, b) => a - b)[rates.length >> 1]!
const cpuPerEvent = (1_000 * (user + system)) / (rates.length * count)
console.log(JSON.stringify({ eventsPerSecond, cpuPerEvent, rounds: rates.length }))
process.exit()
