import { setTimeout, setImmediate as turn } from 'node:timers/promises'
import { setEnvironmentData, Worker } from 'node:worker_threads'
import { createEngine, type Engine, type MillraceError } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { check, type Promises } from './check.ts'
import { type Failpoint, PUBLISH_STEPS, SHARED, type Shared, WAYS, WORKER_STEPS } from './failpoint.ts'
import type { KillEvents } from './handlers.ts'
import { type Entry, History } from './history.ts'
import type { PublisherPlan } from './publisher.ts'
import type { Random } from './random.ts'

/** How full rings are when somebody dies. */
export const FILLS = ['empty', 'full', 'wrapping'] as const
export type Fill = (typeof FILLS)[number]

export type EpisodeResult = {
  readonly kills: number
  readonly violations: readonly string[]
  readonly plan: string
}

const KEYS = 6
const handlers = new URL('./handlers.ts', import.meta.url)
/** Small generations: what survives at once when the heap is full must fit into what Node allows beyond. */
const HEAP = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 4 }

const MAX_PENDING = 300
const STALL_MS = 20_000

/** The events of the engine's own thread. */
const MAIN = 1

/** Runs an engine whose threads die, one after the other, wherever chance has it; then checks all that happened. */
export async function episode(random: Random, attempts: number, file: string): Promise<EpisodeResult> {
  const fill = random.of(FILLS)
  const delivery = random.of(['at-least-once', 'at-least-once', 'effectively-once', 'at-most-once'] as const)
  const affinity = random.of(['sticky', 'balanced'] as const)
  const onFull = random.of(['block', 'block', 'spill'] as const)
  const workers = random.integer(1, 3)
  const ringBytes = fill === 'wrapping' ? 1_024 : random.of([2_048, 8_192])
  const plan = `fill ${fill}, ${onFull}, ${delivery}, ${affinity}, workers ${workers}, ringBytes ${ringBytes}`
  const history = new History()
  const shared: Shared = { history: history.buffer, requests: new SharedArrayBuffer(8), deaths: file, fill }
  setEnvironmentData(SHARED, shared)
  let died = 0
  const engine = await createEngine<KillEvents>({
    workers,
    handlers,
    delivery,
    affinity,
    onFull,
    store: memoryStore(),
    ringBytes,
    lanes: 4,
    redeliveries: 8,
    deadLetters: 10_000,
    resourceLimits: HEAP,
    onError: (error: MillraceError) => {
      if (error.code === 'ERR_MILLRACE_WORKER_DIED') died++
    },
  })
  const requests = watchRequests(engine, shared)
  try {
    const main = new MainPublisher(engine, history, random, fill, delivery)
    for (let kill = 0; kill < attempts; kill++) {
      if (random.integer(0, 4) === 0) {
        await publisherThatDies(engine, shared, random, MAIN + 1 + kill, fill)
        continue
      }
      const before = died
      await main.publish(random.integer(0, 40))
      await engine.send('kill.arm', failpointOf(random, WORKER_STEPS))
      const armed = performance.now()
      while (died === before) {
        if (performance.now() - armed > STALL_MS)
          throw new Error(`No thread has come to its death for ${STALL_MS} ms`)
        await main.publish(random.integer(1, 10))
      }
    }
    await engine.drain({ timeoutMs: 60_000 }).catch(() => {})
    const { accepted, completed, dropped, deadLettered, expired, unmatched, pending, balanced } =
      engine.stats()
    const letters = engine.deadLetters
      .list()
      .map(({ event }) => event.data as { publisher: number; number: number })
    const rest = {
      accepted,
      completed,
      dropped,
      deadLettered,
      expired,
      unmatched,
      pending,
      balanced,
      letters,
    }
    const promises: Promises = { delivery, affinity }
    const entries = history.entries()
    const deaths = entries.filter(({ kind }) => kind === 'death').length
    return { kills: deaths, violations: check(entries, rest, promises), plan }
  } finally {
    clearInterval(requests)
    await engine.close({ timeoutMs: 5_000 })
  }
}

function failpointOf(random: Random, steps: readonly string[]): Failpoint {
  // Running out of memory takes ten times as long as the others.
  const way = random.integer(0, 9) === 0 ? 'memory' : random.of(WAYS.filter((other) => other !== 'memory'))
  return { way, step: random.of(steps), time: random.integer(0, 5) }
}

/** Terminates worker threads that have come to where they want to be. */
function watchRequests(engine: Engine<KillEvents>, shared: Shared): NodeJS.Timeout {
  const requests = new Int32Array(shared.requests, 0, 2)
  const { slots } = (engine as any).crew.supervisor
  return setInterval(() => {
    const thread = Atomics.exchange(requests, 0, 0)
    for (const { worker } of slots) if (worker?.holder === thread + 1) worker.kill(new Error('terminated'))
    attached.get(thread)?.terminate()
  }, 1)
}

const attached = new Map<number, Worker>()

/** A thread of its own that publishes, and dies while it does. */
async function publisherThatDies(
  engine: Engine<KillEvents>,
  shared: Shared,
  random: Random,
  publisher: number,
  fill: Fill,
): Promise<void> {
  const workerData: PublisherPlan = {
    handle: engine.connect(),
    shared,
    publisher,
    events: 200,
    keys: KEYS,
    padding: paddingOf(random, fill),
    failpoint: failpointOf(random, PUBLISH_STEPS),
  }
  const worker = new Worker(new URL('./publisher.ts', import.meta.url), {
    workerData,
    resourceLimits: HEAP,
  })
  attached.set(worker.threadId, worker)
  const { threadId } = worker
  await new Promise<void>((resolve) => {
    worker.on('error', () => {})
    worker.once('exit', () => resolve())
  })
  attached.delete(threadId)
}

function paddingOf(random: Random, fill: Fill): number {
  return fill === 'wrapping' ? random.integer(100, 350) : random.integer(0, 60)
}

/** Publishes from the engine's thread, as the fill says, and writes down what it was told. */
class MainPublisher {
  private readonly engine: Engine<KillEvents>
  private readonly history: History
  private readonly random: Random
  private readonly fill: Fill
  private readonly twice: boolean
  private number = 0

  constructor(
    engine: Engine<KillEvents>,
    history: History,
    random: Random,
    fill: Fill,
    delivery: Promises['delivery'],
  ) {
    this.engine = engine
    this.history = history
    this.random = random
    this.fill = fill
    this.twice = delivery === 'effectively-once'
  }

  async publish(events: number): Promise<void> {
    // The store would take any number.
    for (const from = performance.now(); this.engine.stats().pending > MAX_PENDING; await setTimeout(1)) {
      if (performance.now() - from > STALL_MS) throw new Error(`No event was dealt with for ${STALL_MS} ms`)
    }
    for (let i = 0; i < events; i++) await this.publishOne()
    if (this.fill !== 'empty') {
      await turn()
      return
    }
    await this.engine.drain({ timeoutMs: 100 }).catch(() => {})
    // Long enough to park, now and then.
    if (this.random.integer(0, 3) === 0) await setTimeout(10)
  }

  private async publishOne(): Promise<void> {
    const { engine, random } = this
    const number = this.number++
    // Some without a key.
    const key = random.integer(-2, KEYS - 1)
    const data = {
      publisher: MAIN,
      key: Math.max(-1, key),
      number,
      turns: random.integer(0, 3),
      echo: random.integer(0, 3) === 0,
      padding: 'x'.repeat(paddingOf(random, this.fill)),
    }
    const options = { ...(key >= 0 && { key: `key-${key}` }), id: `main-${number}` }
    this.write('publish', data)
    if (random.integer(0, 1) === 0) {
      this.write(engine.publish('kill.event', data, options) ? 'accept' : 'refuse', data)
    } else {
      await engine.send('kill.event', data, options)
      this.write('accept', data)
    }
    // As one who got no answer would. Whether it was refused is of no interest.
    if (this.twice && random.integer(0, 3) === 0) engine.publish('kill.event', data, options)
  }

  private write(
    kind: Entry['kind'],
    { publisher, key, number }: { publisher: number; key: number; number: number },
  ): void {
    this.history.write({ kind, publisher, key, number, attempt: 0, thread: 0 })
  }
}
