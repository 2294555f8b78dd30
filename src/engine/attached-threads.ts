import type { MessagePort, Worker } from 'node:worker_threads'
import { revokeLease, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { countDeath } from '../lane/lane-lease.ts'
import { committingWord, ownerWord, parkedWord, type SharedMap, threadCount } from '../lane/map.ts'
import { freeReplacedBy } from '../lane/replaced.ts'
import { TopicStructs } from '../lane/topic-structs.ts'
import type { Waits } from '../lane/waits.ts'
import { Requests } from '../publish/requests.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { ThreadReply, ThreadRequest } from './thread-subscriptions.ts'

/** Whether an attached thread is in the middle of a commit, which it may have begun before the engine was closing. */
export function isAttachedCommitting(map: SharedMap): boolean {
  const control = wordsOf(map.control)
  for (let thread = 1 + map.shape.workers; thread < threadCount(map.shape); thread++) {
    // A thread that died there has committed or has not; it will not do so any more.
    if (Atomics.load(control, committingWord(thread)) === 1 && Atomics.load(control, ownerWord(thread)) !== 0)
      return true
  }
  return false
}

export function wakeAttached(map: SharedMap): void {
  const control = wordsOf(map.control)
  for (let thread = 1 + map.shape.workers; thread < threadCount(map.shape); thread++)
    wake(control, parkedWord(thread))
}

/** Names a thread in the leases of the places that it has attached itself to: those of others are never taken for its own. */
export function holderOf(threadId: number): number {
  return threadId + 1
}

/** What an attached thread tells the engine's: which place it has, until it says `LEFT` through this port, or that closes. */
export type AttachNotice = { millrace: string; thread: number; holder: number; port: MessagePort }

/** The thread has given its place back by itself, and it may have it again by now. */
export const LEFT = 'left'

/**
 * The engine's side: gives back the places of attached threads that have ended. Answers how to stop watching.
 *
 * It learns of an end by the port that such a thread has announced, and, of threads that this one has started, by their
 * exit: what a thread has announced is lost if it ends before the main thread has passed it on.
 */
export function watchAttached(
  map: SharedMap,
  waits: Waits,
  blocks: ThreadBlocks,
  subscriptions: Subscriptions,
): () => void {
  const control = wordsOf(map.control)
  const ports = new Set<MessagePort>()
  /** Of a thread that has ended, perhaps in the middle of a commit. */
  const giveBack = (thread: number, holder: number): void => {
    countDeath(map)
    if (Atomics.load(control, ownerWord(thread)) !== holder) return
    blocks.bury(thread)
    freeReplacedBy(map, thread, blocks)
    // In its place: nobody waits for what it has asked, and what is answered is passed over.
    new Requests(map, thread, waits, blocks, new TopicStructs([])).advance()
    revokeLease(control, ownerWord(thread), holder)
  }
  const onExit = (ended: number): void => {
    for (let thread = 1 + map.shape.workers; thread < threadCount(map.shape); thread++)
      if (Atomics.load(control, ownerWord(thread)) === holderOf(ended)) giveBack(thread, holderOf(ended))
  }
  const onNotice = ({ port, thread, holder }: AttachNotice): void => {
    ports.add(port)
    const subscribed = new Set<number>()
    let hasLeft = false
    const tell = (message: ThreadReply): void => port.postMessage(message)
    port.on('message', (request: ThreadRequest | typeof LEFT) => {
      if (request === LEFT) {
        hasLeft = true
      } else if ('unsubscribe' in request) {
        subscribed.delete(request.unsubscribe)
        subscriptions.disown(request.unsubscribe, false)
      } else {
        const id = subscriptions.adopt(request.place, (ended) => tell({ ended }))
        if (id !== undefined) subscribed.add(id)
        tell({ to: request.subscribe, id })
      }
    })
    port.on('close', () => {
      ports.delete(port)
      for (const id of subscribed) subscriptions.disown(id, true)
      if (!hasLeft) giveBack(thread, holder)
    })
    port.unref()
  }
  if (watchers.size === 0) {
    process.on('workerMessage', receiveNotice)
    process.on('worker', watchExit)
  }
  watchers.set(map.engineId, { onNotice, onExit })
  return () => {
    watchers.delete(map.engineId)
    if (watchers.size === 0) {
      process.off('workerMessage', receiveNotice)
      process.off('worker', watchExit)
    }
    for (const port of ports) port.close()
  }
}

/** The engines of this thread, by id: one listener serves them all. */
const watchers = new Map<string, { onNotice(notice: AttachNotice): void; onExit(thread: number): void }>()

function receiveNotice(value: unknown): void {
  if (typeof value === 'object' && value !== null) takeNotice(value as AttachNotice)
}

/** From a thread that has attached itself, to an engine of this one. */
export function takeNotice(notice: AttachNotice): void {
  watchers.get(notice.millrace)?.onNotice(notice)
}

/** Of a thread that was started by this one. */
function watchExit(worker: Worker): void {
  const { threadId } = worker
  worker.once('exit', () => {
    for (const { onExit } of watchers.values()) onExit(threadId)
  })
}
