/**
 * Measures one variant, in a process of its own: `node bench/measure.ts <variant> <kind> <seconds>`.
 * Writes `{ eventsPerSecond }` to standard output.
 */
import benny from 'benny'
import { type PayloadKind, payloads, weigh } from './payload.ts'
import { VARIANTS } from './variants.ts'

const [name, kind, seconds] = process.argv.slice(2) as [string, PayloadKind, string]
const variant = VARIANTS.find((candidate) => candidate.name === name)
if (variant === undefined) throw new Error(`no variant ${name}`)

const events = payloads(kind, variant.events)
const expected = events.reduce((sum, event) => sum + weigh(event), 0)
const peer = await variant.start(kind)

async function runRound(): Promise<void> {
  const { count, sum } = await peer.round(events)
  if (count !== events.length || sum !== expected) {
    throw new Error(
      `${name}: ${count} of ${events.length} events arrived, checksum ${sum}, expected ${expected}`,
    )
  }
}

/** One after the other: benny calls a case once to see what it is, and does not wait for it. */
let last: Promise<void> = Promise.resolve()
function round(): Promise<void> {
  last = last.then(runRound)
  return last
}

// Every compiler tier is reached before the clock starts.
const warm = performance.now()
while (performance.now() - warm < 1_000) await round()

const summary = await benny.suite(
  name,
  benny.add(name, () => round(), { minSamples: 5, maxTime: Number(seconds) }),
)
await peer.close()
console.log(JSON.stringify({ eventsPerSecond: events.length / summary.results[0]!.details.median }))
