import { Worker } from 'node:worker_threads'
import type { Engine } from '../../src/index.ts'
import { type Failpoint, PUBLISH_STEPS, type Shared, WAYS } from './failpoint.ts'
import type { KillEvents } from './handlers.ts'
import { type Fill, KEYS, paddingOf } from './main-publisher.ts'
import type { PublisherPlan } from './publisher.ts'
import type { Random } from './random.ts'

/** Small generations: what survives at once when the heap is full must fit into what Node allows beyond. */
export const HEAP = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 4 }

export function failpointOf(random: Random, steps: readonly string[]): Failpoint {
  // Running out of memory takes ten times as long as the others.
  const way = random.integer(0, 9) === 0 ? 'memory' : random.of(WAYS.filter((other) => other !== 'memory'))
  return { way, step: random.of(steps), time: random.integer(0, 5) }
}

/** Terminates worker threads that have come to where they want to be. */
export function watchRequests(engine: Engine<KillEvents>, shared: Shared): NodeJS.Timeout {
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
export async function publisherThatDies(
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
