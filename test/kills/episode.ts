import { setEnvironmentData } from 'node:worker_threads'
import { createEngine, type MillraceError, type Policy } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { check, restOf } from './check.ts'
import { SHARED, type Shared, WORKER_STEPS } from './failpoint.ts'
import type { KillEvents } from './handlers.ts'
import { History } from './history.ts'
import { FILLS, MAIN, MainPublisher, STALL_MS } from './main-publisher.ts'
import type { Random } from './random.ts'
import { failpointOf, HEAP, publisherThatDies, watchRequests } from './victims.ts'
import { MAX_WORKERS, POOL, WorkerChanges } from './worker-changes.ts'

export type EpisodeResult = {
  readonly kills: number
  readonly violations: readonly string[]
  readonly plan: string
}

const handlers = new URL('./handlers.ts', import.meta.url)
const DROPPING: readonly Policy[] = ['drop-newest', 'drop-oldest', 'coalesce', { sample: 2 }]
const POLICIES: readonly Policy[] = ['block', 'block', 'reject', 'spill', 'spill', ...DROPPING]

/** Runs an engine whose threads die, one after the other, wherever chance has it; then checks all that happened. */
export async function episode(random: Random, attempts: number, file: string): Promise<EpisodeResult> {
  const fill = random.of(FILLS)
  const delivery = random.of(['at-least-once', 'at-least-once', 'effectively-once', 'at-most-once'] as const)
  const affinity = random.of(['sticky', 'balanced'] as const)
  const onFull: Policy = random.of(POLICIES)
  const drops = DROPPING.includes(onFull)
  const workers = random.integer(1, 3)
  const ringBytes = fill === 'wrapping' ? 1_024 : random.of([2_048, 8_192])
  const plan = `fill ${fill}, ${JSON.stringify(onFull)}, ${delivery}, ${affinity}, workers ${workers}, ringBytes ${ringBytes}`
  const history = new History()
  const shared: Shared = { history: history.buffer, requests: new SharedArrayBuffer(8), deaths: file, fill }
  setEnvironmentData(SHARED, shared)
  let died = 0
  const engine = await createEngine<KillEvents>({
    pools: { [POOL]: { workers, maxWorkers: MAX_WORKERS, lanes: 4 }, aside: { workers: 1, lanes: 2 } },
    handlers,
    delivery,
    affinity,
    onFull,
    store: memoryStore(),
    ringBytes,
    // A few large events fill them.
    blockBytes: random.of([2 ** 20, 2 ** 26]),
    redeliveries: 8,
    deadLetters: 10_000,
    resourceLimits: HEAP,
    onError: (error: MillraceError) => {
      if (error.code === 'ERR_MILLRACE_WORKER_DIED') died++
    },
  })
  const requests = watchRequests(engine, shared)
  try {
    const changes = new WorkerChanges(engine, history, random)
    const main = new MainPublisher(engine, history, random, fill, { delivery, drops, onFull })
    for (let kill = 0; kill < attempts; kill++) {
      if (random.integer(0, 4) === 0) {
        await publisherThatDies(engine, shared, random, MAIN + 1 + kill, fill)
        continue
      }
      const before = died
      if (random.integer(0, 2) === 0) changes.begin()
      await main.publish(random.integer(0, 40))
      const { left } = changes
      await engine.send('kill.arm', failpointOf(random, WORKER_STEPS), { onFull: 'block' })
      const armed = performance.now()
      // One that leaves may have been the one that is armed.
      while (died === before && changes.left === left) {
        if (performance.now() - armed > STALL_MS)
          throw new Error(`No thread has come to its death for ${STALL_MS} ms`)
        await main.publish(random.integer(1, 10))
      }
    }
    await main.answered()
    await changes.settled()
    const drained = await engine.drain({ timeoutMs: 60_000 }).then(
      () => [],
      (error: Error) => [error.message],
    )
    const entries = history.entries()
    const deaths = entries.filter(({ kind }) => kind === 'death').length
    return {
      kills: deaths,
      violations: [
        ...drained,
        ...check(entries, restOf(engine), { delivery, affinity, drops, mailboxes: false }),
      ],
      plan,
    }
  } finally {
    clearInterval(requests)
    await engine.close({ timeoutMs: 5_000 })
  }
}
