import { appendFileSync } from 'node:fs'
import { setImmediate as later } from 'node:timers'
import { History } from './history.ts'

/** How a thread ends. */
export const WAYS = ['exit', 'throw', 'terminate', 'memory'] as const
export type Way = (typeof WAYS)[number]

/**
 * The engine's operations on shared memory, by the method that does them and in which thread: each is a step before which that may die.
 */
export const PUBLISH_STEPS = [
  'RingWriter.fits.load',
  'RingWriter.want.store',
  'Runs.enter.store',
  'Runs.enter.load',
  'Runs.commit.store',
  'RingWriter.commit.store',
  'homeOf.load',
  'wake.load',
  'wake.compareExchange',
  'Blocks.take.store',
  'Blocks.isFree.load',
  'Blocks.pass.compareExchange',
] as const
export const WORKER_STEPS = [
  ...PUBLISH_STEPS.filter((step) => !step.startsWith('Runs')),
  'Lanes.lookAround.load',
  'Dispatcher.synchronise.load',
  'isEmpty.load',
  'isParked.load',
  'leaseHolder.load',
  'takeLease.compareExchange',
  'RingReader.resume.load',
  'readBlock.load',
  'RingReader.prefetch.load',
  'RecentSet.add.store',
  'RingReader.release.store',
  'RingReader.release.load',
  'storeCounter.store',
  'giveBackLease.store',
  'Parking.block.store',
] as const

export type Failpoint = {
  readonly way: Way
  /** Which of them, and the how manieth time from now on. */
  readonly step: string
  readonly time: number
}

/** If the step does not come within so many operations, or so long, any other will do. */
const PATIENCE = 8_000
const PATIENCE_MS = 2_000

/** What the threads of one test share: passed as environment data of the process. */
export const SHARED = 'millrace-kills'
export type Shared = {
  readonly history: SharedArrayBuffer
  /** Word 0: the thread that asks to be terminated. */
  readonly requests: SharedArrayBuffer
  /** Where each death is written down. */
  readonly deaths: string
  /** What the rings are like, for that. */
  readonly fill: string
}

const OPERATIONS = ['load', 'store', 'add', 'or', 'exchange', 'compareExchange', 'notify', 'wait'] as const
const { store, wait } = Atomics

/** Lets this thread die before a step of the engine. */
export function arm({ step, time, way }: Failpoint, shared: Shared, thread: number): void {
  Error.stackTraceLimit = 8
  const atomics = Atomics as any
  const originals = OPERATIONS.map((name) => atomics[name])
  let times = 0
  let operations = 0
  const end = performance.now() + PATIENCE_MS
  OPERATIONS.forEach((name, index) => {
    atomics[name] = (...operands: unknown[]) => {
      const here = `${callingMethod()}.${name}`
      if ((here === step && times++ === time) || operations++ === PATIENCE || performance.now() > end) {
        OPERATIONS.forEach((other, at) => {
          atomics[other] = originals[at]
        })
        die(way, here, shared, thread)
      }
      return originals[index](...operands)
    }
  })
}

function die(way: Way, step: string, shared: Shared, thread: number): void {
  appendFileSync(
    shared.deaths,
    `${way} ${shared.fill} ${step}
`,
  )
  new History(shared.history).write({ kind: 'death', publisher: 0, key: -1, number: 0, attempt: 0, thread })
  if (way === 'exit') process.exit(7)
  if (way === 'terminate') {
    const requests = new Int32Array(shared.requests, 0, 2)
    store(requests, 0, thread)
    // Until it is.
    wait(requests, 1, 0)
  }
  // In small pieces: past its limit by a large one, Node may end the process instead (nodejs/node#47224).
  if (way === 'memory') for (let hoard: unknown; ; ) hoard = { hoard }
  // Nobody catches it; the thread goes on until its event loop comes to it.
  later(() => {
    throw new Error('killed')
  })
}

/** The method of the engine that calls: the innermost frame that is neither of the tests nor of the runtime. */
function callingMethod(): string {
  const { prepareStackTrace } = Error
  Error.prepareStackTrace = nameOf
  const name = new Error().stack!
  Error.prepareStackTrace = prepareStackTrace
  return name
}

function nameOf(_error: Error, sites: NodeJS.CallSite[]): string {
  for (const site of sites) {
    if (!/\/(?:src|workers)\//.test(site.getFileName() ?? '')) continue
    // As in `Blocks.take (file:///src/block/blocks.ts:70:5)`.
    const found = /^(.+?) \(/.exec(`${site}`)?.[1]
    if (found !== undefined) return found.replace(/ \[as .*\]|\b(async|get|new) /g, '')
  }
  return 'unknown'
}
