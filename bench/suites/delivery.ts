import type { Peer, Variant } from '../peer.ts'
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
import { VARIANTS } from '../variants.ts'
import { expectedOf, KINDS, type Kind, samplesOf } from '../workload.ts'

/** Every compiler tier is reached before the clock starts. */
const WARM_MS = 1_200
const MEASURED_MS = 1_500
const QUICK_MS = 400
const ROUND_MS = 150
const FIRST_ROUND = 1_000
const MIN_ROUNDS = 5

const UNITS = { rate: 'events/s', cpu: 'ns of CPU per event' }
const TITLES: Readonly<Record<Kind, string>> = {
  struct: 'Structs of four fields',
  object: 'Objects of three small fields, as MessagePack',
  order: 'Orders with two lines, as MessagePack',
  'bytes 64': '64 bytes',
  'bytes 1024': '1 KiB',
  'bytes 65536': '64 KiB',
}

const nameOf = (kind: Kind, { name }: Variant): string => `${kind}: ${name}`

function variantOf(name: string): [Kind, Variant] {
  const kind = KINDS.find((candidate) => name.startsWith(`${candidate}: `))!
  return [kind, VARIANTS.find((variant) => nameOf(kind, variant) === name)!]
}

/** Events that were delivered and handled, verified by count and checksum. */
const delivery: Suite = {
  name: 'delivery',
  title: 'Delivered and handled',
  rounds: 3,
  cases: ({ peers }) =>
    KINDS.flatMap((kind) =>
      VARIANTS.filter(({ kinds, from }) => kinds.includes(kind) && (peers || from === undefined)).map(
        (variant) => ({
          name: nameOf(kind, variant),
          units: UNITS,
          isPeer: variant.from !== undefined,
        }),
      ),
    ),
  measure,
  report,
}
export default delivery

async function measure(name: string, { quick }: SuiteOptions): Promise<Measures> {
  const [kind, variant] = variantOf(name)
  const samples = samplesOf(kind)
  const peer = await variant.start(kind)
  const round = (count: number): Promise<number> => verifiedRound(peer, name, kind, samples, count)
  let count = Math.min(FIRST_ROUND, variant.maxEvents)
  const warm = performance.now()
  while (performance.now() - warm < WARM_MS)
    if ((await round(count)) < ROUND_MS) count = Math.min(2 * count, variant.maxEvents)
  const rates: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  while (performance.now() - start < (quick ? QUICK_MS : MEASURED_MS) || rates.length < MIN_ROUNDS)
    rates.push((1_000 * count) / (await round(count)))
  const { user, system } = process.cpuUsage(cpu)
  await peer.close()
  return { rate: median(rates), cpu: (1_000 * (user + system)) / (rates.length * count) }
}

/** Milliseconds for so many events. */
async function verifiedRound(
  peer: Peer,
  name: string,
  kind: Kind,
  samples: readonly unknown[],
  count: number,
): Promise<number> {
  const expected = expectedOf(kind, samples, count)
  const start = performance.now()
  const { count: received, sum } = await peer.round(samples, count)
  const took = performance.now() - start
  if (received !== expected.count || sum !== expected.sum)
    throw new Error(`${name}: ${received} of ${count} events, checksum ${sum}, expected ${expected.sum}`)
  return took
}

function report(measured: readonly Measured[]): { sections: Section[]; goals: Goal[] } {
  const find = (kind: Kind, name: string): Measured | undefined =>
    measured.find((one) => one.case.name === `${kind}: ${name}`)
  const rate = (kind: Kind, name: string): number => median(find(kind, name)!.runs.map((run) => run.rate!))
  const best = (kind: Kind): number =>
    Math.max(rate(kind, 'millrace, topic'), rate(kind, 'millrace, publish'))
  const sections = KINDS.map((kind) => ({
    title: TITLES[kind],
    unit: UNITS.rate,
    rows: measured
      .filter((one) => one.case.name.startsWith(`${kind}: `))
      .map((one) => resultOf('delivery', one, 'rate', find(kind, 'postMessage'))),
  }))
  const goal = (name: string, kind: Kind, to: string, least: number): Goal => {
    const bare = find(kind, 'bare ring')
    const bound = bare && { bound: rate(kind, 'bare ring') / rate(kind, to) }
    return {
      name: `${TITLES[kind]}, ${name}`,
      value: best(kind) / rate(kind, to),
      goal: least,
      isLimit: false,
      ...bound,
    }
  }
  const goals = [
    goal('× postMessage', 'struct', 'postMessage', 60),
    goal('× its arrays of 256', 'struct', 'postMessage, arrays of 256', 15),
    goal('of the bare ring', 'struct', 'bare ring', 0.5),
    goal('× postMessage', 'object', 'postMessage', 20),
    goal('× its arrays of 256', 'object', 'postMessage, arrays of 256', 6),
    goal('× postMessage', 'order', 'postMessage', 8),
    goal('× postMessage', 'bytes 64', 'postMessage', 50),
    goal('× postMessage', 'bytes 1024', 'postMessage', 30),
    goal('× postMessage', 'bytes 65536', 'postMessage', 5),
  ]
  return { sections, goals }
}
