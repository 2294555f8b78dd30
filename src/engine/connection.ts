import {
  MessageChannel,
  type MessagePort,
  postMessageToThread,
  threadId,
  type Worker,
} from 'node:worker_threads'
import {
  giveBackLease,
  Parking,
  revokeLease,
  takeLease,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import { CapabilityError, OptionsError } from '../errors.ts'
import type { Policy } from '../event/policy.ts'
import type { EventMap, Publishing } from '../event/publishing.ts'
import { ThreadBlocks } from '../lane/blocks.ts'
import { countDeath } from '../lane/lane-lease.ts'
import { CLOSING, committingWord, ownerWord, parkedWord, type SharedMap, threadCount } from '../lane/map.ts'
import { Waits } from '../lane/waits.ts'
import { PoolRoutes } from '../publish/pool-routes.ts'
import { Publisher } from '../publish/publisher.ts'
import { Requests } from '../publish/requests.ts'
import { TopicTable } from '../topic/topic-table.ts'

/** Lets another thread of this process publish; travels in `workerData` or a message. */
export type ConnectionHandle = {
  readonly kind: 'millrace-connection'
  readonly map: SharedMap
  readonly onFull: Policy
  readonly engineThreadId: number
}

/** What an attached thread tells the engine's: which slot ends when this port closes. */
type AttachNotice = { millrace: string; thread: number; holder: number; port: MessagePort }

/** Publishing from an attached thread, until `close`. */
export interface AttachedPublisher<Events = EventMap> extends Publishing<Events> {
  /** Gives the thread's place back. What it published is handled; sends that wait end with a ClosedError. */
  close(): void
  [Symbol.dispose](): void
}

/**
 * Attaches this thread to an engine of another one, to publish into it.
 *
 * A thread that ends without `close` gives its place back too, once its engine's thread has noticed.
 *
 * @throws OptionsError if it is no handle; CapabilityError if all places for attached threads are taken.
 * @example
 * const publisher = attach(workerData.handle)
 * publisher.publish('tick', { at: Date.now() })
 */
export function attach<Events = EventMap>(handle: ConnectionHandle): AttachedPublisher<Events> {
  if (handle?.kind !== 'millrace-connection' || !(handle.map?.control instanceof SharedArrayBuffer))
    throw new OptionsError('attach takes what engine.connect() answered')
  const { map, onFull, engineThreadId } = handle
  const control = wordsOf(map.control)
  const holder = holderOf(threadId, attachments++)
  const thread = takeSlot(map, control, holder)
  const parking = new Parking(control, parkedWord(thread))
  const waits = new Waits(parking, { drive: true })
  const topics = new TopicTable(map.topics, map.shape.maxTopics)
  const blocks = new ThreadBlocks(map, thread)
  const requests = new Requests(map, thread, waits, blocks)
  const routes = new PoolRoutes(map)
  const parts = { map, topics, routes, waits, blocks, requests }
  const publisher = new Publisher(parts, { thread, depth: 0 }, { onFull, closedFrom: CLOSING })
  const port = announce(engineThreadId, map.engineId, thread, holder)
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    publisher.close()
    requests.close()
    // What was answered meanwhile is passed over.
    requests.advance()
    parking.close()
    port?.close()
    blocks.bury(thread)
    giveBackLease(control, ownerWord(thread))
  }
  const attached: Publishing & Pick<AttachedPublisher, 'close' | typeof Symbol.dispose> = {
    publish: publisher.publish.bind(publisher),
    publishBatch: publisher.publishBatch.bind(publisher),
    send: publisher.send.bind(publisher),
    sendBatch: publisher.sendBatch.bind(publisher),
    request: publisher.request.bind(publisher),
    requestMany: publisher.requestMany.bind(publisher),
    allocate: publisher.allocate.bind(publisher),
    topic: publisher.topic.bind(publisher),
    close,
    [Symbol.dispose]: close,
  }
  return attached as AttachedPublisher<Events>
}

function takeSlot(map: SharedMap, control: Int32Array, holder: number): number {
  const { shape } = map
  for (let thread = 1 + shape.workers; thread < threadCount(shape); thread++) {
    if (!takeLease(control, ownerWord(thread), holder)) continue
    // The last one here may have died in the middle of a commit.
    Atomics.store(control, committingWord(thread), 0)
    return thread
  }
  throw new CapabilityError(`All ${shape.attachable} places for attached threads are taken: raise attachable`)
}

/** A port that closes with this thread, so that the engine's thread learns of its end. */
function announce(
  engineThreadId: number,
  engineId: string,
  thread: number,
  holder: number,
): MessagePort | undefined {
  if (engineThreadId === threadId) return undefined
  const { port1, port2 } = new MessageChannel()
  const notice: AttachNotice = { millrace: engineId, thread, holder, port: port2 }
  port1.unref()
  // Refused only if the engine's thread is gone, and its engine with it.
  postMessageToThread(engineThreadId, notice, [port2]).catch(() => {})
  return port1
}

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

/** How often this thread has attached itself. */
let attachments = 0
const ATTACHMENT_BITS = 8

/** Names an attachment in the lease of its place: its thread, and which of that thread's it is. */
function holderOf(thread: number, attachment: number): number {
  const count = attachment & ((1 << ATTACHMENT_BITS) - 1)
  return (((thread + 1) << ATTACHMENT_BITS) | count) & 0x7fff_ffff
}

/**
 * The engine's side: gives back the places of attached threads that have ended. Answers how to stop watching.
 *
 * It learns of an end by the port that such a thread has announced, and, of threads that this one has started, by their
 * exit: what a thread has announced is lost if it ends before the main thread has passed it on.
 */
export function watchAttached(map: SharedMap, waits: Waits, blocks: ThreadBlocks): () => void {
  const control = wordsOf(map.control)
  const ports = new Set<MessagePort>()
  /** Of a thread that has ended, perhaps in the middle of a commit. */
  const giveBack = (thread: number, holder: number): void => {
    countDeath(map)
    if (Atomics.load(control, ownerWord(thread)) !== holder) return
    blocks.bury(thread)
    // In its place: nobody waits for what it has asked, and what is answered is passed over.
    new Requests(map, thread, waits, blocks).advance()
    revokeLease(control, ownerWord(thread), holder)
  }
  const onExit = (ended: number): void => {
    for (let thread = 1 + map.shape.workers; thread < threadCount(map.shape); thread++) {
      const holder = Atomics.load(control, ownerWord(thread))
      if (holder === 0 || holder >> ATTACHMENT_BITS !== holderOf(ended, 0) >> ATTACHMENT_BITS) continue
      giveBack(thread, holder)
    }
  }
  const onNotice = ({ port, thread, holder }: AttachNotice): void => {
    ports.add(port)
    port.on('close', () => {
      ports.delete(port)
      giveBack(thread, holder)
    })
    port.unref()
  }
  if (watchers.size === 0) {
    process.on('workerMessage', dispatchNotice)
    process.on('worker', watchExit)
  }
  watchers.set(map.engineId, { onNotice, onExit })
  return () => {
    watchers.delete(map.engineId)
    if (watchers.size === 0) {
      process.off('workerMessage', dispatchNotice)
      process.off('worker', watchExit)
    }
    for (const port of ports) port.close()
  }
}

/** The engines of this thread, by id: one listener serves them all. */
const watchers = new Map<string, { onNotice(notice: AttachNotice): void; onExit(thread: number): void }>()

function dispatchNotice(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const notice = value as AttachNotice
  watchers.get(notice.millrace)?.onNotice(notice)
}

/** Of a thread that was started by this one. */
function watchExit(worker: Worker): void {
  const { threadId } = worker
  worker.once('exit', () => {
    for (const { onExit } of watchers.values()) onExit(threadId)
  })
}
