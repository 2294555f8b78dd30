/**
 * Runs one engine for as long as one likes, while its threads die, pause, are overloaded and replaced:
 * `npm run soak -- --minutes 60 [--seed 7]`.
 *
 * Every fifteen seconds all comes to rest, and the whole history is checked. Ends with 1 if something was not as promised, if nothing went on
 * for five seconds, or, after an hour or more, if the engine's memory grows by more than 1 MB an hour. The same seed
 * does the same again.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { setEnvironmentData } from 'node:worker_threads'
import {
  createEngine,
  type Engine,
  type MillraceError,
  type Policy,
  type Subscription,
} from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { check, type Promises, restOf } from '../kills/check.ts'
import { SHARED, type Shared, WORKER_STEPS } from '../kills/failpoint.ts'
import type { KillEvents } from '../kills/handlers.ts'
import { History } from '../kills/history.ts'
import { FILLS, MAIN, MainPublisher } from '../kills/main-publisher.ts'
import { Random } from '../kills/random.ts'
import { failpointOf, HEAP, publisherThatDies, watchRequests } from '../kills/victims.ts'
import { MAX_WORKERS, POOL, WorkerChanges } from '../kills/worker-changes.ts'
import { Memory } from './memory.ts'
import { Stalls } from './stalls.ts'

const EPOCH_MS = 15_000
const MAX_STALL_MS = 5_000
const MAX_MB_PER_HOUR = 1
/** Before, the samples say little about hours: each is as exact as a collection of garbage. */
const MIN_MINUTES = 60
const POLICIES: readonly Policy[] = [
  'drop-oldest',
  'drop-newest',
  'coalesce',
  'reject',
  'spill',
  { sample: 3 },
]

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 1)
const seed = Number(values.seed ?? Date.now() % 1_000_000)

const random = new Random(seed)
const fill = random.of(FILLS)
const promises: Promises = {
  delivery: random.of(['at-least-once', 'effectively-once'] as const),
  affinity: random.of(['sticky', 'balanced'] as const),
  drops: false,
  mailboxes: random.of([true, false]),
}
const history = new History()
/** Each death is written down here, and the history of the epoch in which something was not as promised. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-soak-'))
const deaths = join(folder, 'deaths.txt')
process.stderr.write(`soak: ${minutes} minutes, seed ${seed}, ${folder}\n`)
const shared: Shared = { history: history.buffer, requests: new SharedArrayBuffer(8), deaths, fill }
setEnvironmentData(SHARED, shared)

const handlers = new URL('../kills/handlers.ts', import.meta.url)
const onFull = random.of(['block', 'spill'] as const)
let died = 0
const engine: Engine<KillEvents> = await createEngine<KillEvents>({
  delivery: promises.delivery,
  affinity: promises.affinity,
  pools: { [POOL]: { workers: 2, maxWorkers: MAX_WORKERS, lanes: 4 }, aside: { workers: 1, lanes: 2 } },
  handlers,
  onFull,
  store: memoryStore(),
  ringBytes: fill === 'wrapping' ? 1_024 : 8_192,
  redeliveries: 8,
  resourceLimits: HEAP,
  onError: (error: MillraceError) => {
    if (error.code === 'ERR_MILLRACE_WORKER_DIED') died++
  },
})
const requests = watchRequests(engine, shared)
const changes = new WorkerChanges(engine, history, random)
const main = new MainPublisher(engine, history, random, fill, { ...promises, onFull })
const subscriptions: Subscription<any>[] = []
let publishers = MAIN

async function untilDied(before: number): Promise<void> {
  const { left } = changes
  while (died === before && changes.left === left) await main.publish(random.integer(1, 10))
}

const ACTIONS: readonly (() => Promise<void>)[] = [
  () => main.publish(random.integer(1, 60)),
  () => main.publish(random.integer(1, 60)),
  async function kill() {
    const before = died
    await engine.send('kill.arm', failpointOf(random, WORKER_STEPS))
    await untilDied(before)
  },
  () => publisherThatDies(engine, shared, random, ++publishers, fill),
  async function pause() {
    await setTimeout(random.integer(10, 1_000))
  },
  async function block() {
    await engine.send('kill.block', random.integer(10, 500))
  },
  async function overload() {
    const events = Array.from({ length: 3_000 }, (_, number) => ({
      type: 'kill.echo' as const,
      data: { number },
    }))
    await engine.sendBatch(events)
  },
  /** A new thread takes over from one that nothing was wrong with. */
  async function replace() {
    const before = died
    const { slots } = (engine as any).crew.supervisor
    const { worker } = slots[random.of(engine.workers.list()).workerId - 1]
    if (worker === undefined) return
    history.write({ kind: 'death', publisher: 0, key: -1, number: 0, attempt: 0, thread: worker.holder - 1 })
    worker.kill(new Error('replaced'))
    await untilDied(before)
  },
  async function resize() {
    changes.begin()
  },
  /** Each costs what the version before it has left behind. */
  async function reload() {
    if (random.integer(0, 9) === 0) await engine.modules.replace(handlers)
  },
  async function subscribe() {
    if (subscriptions.length > 4) subscriptions.shift()!.unsubscribe()
    const onFull = random.of(POLICIES)
    // What a mailbox rejects was not completed, and would be handled again if it came again.
    const isOpen = promises.mailboxes && onFull !== 'reject'
    const pattern = isOpen ? random.of(['kill.*', 'kill.echo', '**'] as const) : 'kill.echo'
    subscriptions.push(engine.subscribe(pattern, { capacity: random.integer(1, 2_000), onFull }))
  },
  async function receive() {
    for (const subscription of subscriptions) await subscription.receiveBatch({ max: 500, timeoutMs: 0 })
  },
]

const violations: string[] = []
const memory = new Memory()
const stalls = new Stalls(engine)
let epochs = 0
try {
  for (
    const end = performance.now() + minutes * 60_000;
    performance.now() < end && violations.length === 0;
    epochs++
  ) {
    const epochEnd = Math.min(end, performance.now() + EPOCH_MS)
    while (performance.now() < epochEnd) await random.of(ACTIONS)()
    await main.answered()
    await changes.settled()
    await engine.drain({ timeoutMs: 30_000 })
    const entries = history.entries()
    // What lies unread may be in blocks, of which then none may be left.
    for (const subscription of subscriptions)
      while ((await subscription.receiveBatch({ max: 500, timeoutMs: 0 })).length > 0);
    const broken = check(entries, restOf(engine), promises)
    if (broken.length > 0) writeFileSync(join(folder, 'history.json'), JSON.stringify(entries))
    violations.push(...broken)
    for (const subscription of subscriptions) {
      const { matched, received, filtered, dropped, deadLettered, queued, pattern } = subscription.stats()
      const sum = received + filtered + dropped + deadLettered + queued
      if (matched !== sum) violations.push(`subscription ${pattern}: ${matched} matched, ${sum} dealt with`)
    }
    history.clear()
    engine.deadLetters.discard()
    await memory.sample()
  }
} catch (error) {
  violations.push(String(error))
}
const worstStallMs = stalls.stop()
if (worstStallMs > MAX_STALL_MS) violations.push(`nothing went on for ${worstStallMs} ms`)
const growth = memory.growth()
if (minutes >= MIN_MINUTES && growth.heapMbPerHour > MAX_MB_PER_HOUR) {
  violations.push(`memory grows by ${growth.heapMbPerHour} MB an hour`)
}
clearInterval(requests)
const { accepted } = engine.stats()
await engine.close({ timeoutMs: 5_000 })
process.stdout.write(
  `${JSON.stringify({ minutes, seed, fill, ...promises, epochs, accepted, died, publishers: publishers - MAIN, worstStallMs, ...growth, violations })}\n`,
)
process.exitCode = violations.length > 0 ? 1 : 0
