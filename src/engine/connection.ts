import { MessageChannel, type MessagePort, postMessageToThread, threadId } from 'node:worker_threads'
import { giveBackLease, Parking, takeLease, wordsOf } from '../../native-free-ring/src/index.ts'
import { CapabilityError, OptionsError } from '../errors.ts'
import type { Policy } from '../event/policy.ts'
import type { EventMap, Publishing } from '../event/publishing.ts'
import { CLOSING, committingWord, ownerWord, parkedWord, type SharedMap, threadCount } from '../lane/map.ts'
import { type LevelNotice, LOW_WATER_TOPIC } from '../lane/notices.ts'
import { Waits } from '../lane/waits.ts'
import { Publisher } from '../publish/publisher.ts'
import { publisherParts } from '../publish/publisher-parts.ts'
import type { SubscribeOptions, Subscription } from '../subscribe/subscription.ts'
import { type AttachNotice, holderOf, LEFT, takeNotice } from './attached-threads.ts'
import type { ReceivedEvent, SensiblePattern } from './subscribing.ts'
import { ThreadSubscriptions } from './thread-subscriptions.ts'

/** Lets another thread of this process publish; travels in `workerData` or a message. */
export type ConnectionHandle = {
  readonly kind: 'millrace-connection'
  readonly map: SharedMap
  readonly onFull: Policy
  readonly engineThreadId: number
}

/** Publishing and subscribing from an attached thread, until `close`. */
export interface AttachedPublisher<Events = EventMap> extends Publishing<Events> {
  /**
   * Subscribes this thread, which receives; resolves when the engine's thread has told the workers: every event that is published after that is seen.
   *
   * The subscription ends with `close`, with this thread, or with the engine.
   *
   * @throws PatternError, OptionsError, ClosedError, CapabilityError for `spill`.
   */
  subscribe<const Pattern extends string>(
    pattern: SensiblePattern<Events, Pattern> | readonly SensiblePattern<Events, Pattern>[],
    options?: SubscribeOptions<ReceivedEvent<Events, Pattern>>,
  ): Promise<Subscription<ReceivedEvent<Events, Pattern>>>
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
  const holder = holderOf(threadId)
  const thread = takeSlot(map, control, holder)
  const parking = new Parking(control, parkedWord(thread))
  const waits = new Waits(parking, { drive: true })
  const parts = publisherParts(map, thread, waits)
  const { origins, blocks, requests } = parts
  const publisher = new Publisher(parts, { thread, depth: 0 }, { onFull, closedFrom: CLOSING })
  const port = announce(engineThreadId, map.engineId, thread, holder)
  const onLowWater = (notice: LevelNotice) => publisher.notify(LOW_WATER_TOPIC, notice)
  const subscriptions = new ThreadSubscriptions({ map, origins, waits, blocks, onLowWater }, thread, port)
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    subscriptions.close()
    publisher.close()
    requests.close()
    // What was answered meanwhile is passed over.
    requests.advance()
    parking.close()
    blocks.bury(thread)
    // Before the place is free: who attaches this thread there again says so after it.
    port.postMessage(LEFT)
    port.close()
    giveBackLease(control, ownerWord(thread))
  }
  // The engine was closed, or its thread has ended.
  port.on('close', close)
  const attached: Publishing &
    Pick<AttachedPublisher<Events>, 'subscribe' | 'close' | typeof Symbol.dispose> = {
    publish: publisher.publish.bind(publisher),
    publishBatch: publisher.publishBatch.bind(publisher),
    send: publisher.send.bind(publisher),
    sendBatch: publisher.sendBatch.bind(publisher),
    request: publisher.request.bind(publisher),
    requestMany: publisher.requestMany.bind(publisher),
    allocate: publisher.allocate.bind(publisher),
    topic: publisher.topic.bind(publisher),
    subscribe: subscriptions.subscribe.bind(subscriptions) as AttachedPublisher<Events>['subscribe'],
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
function announce(engineThreadId: number, engineId: string, thread: number, holder: number): MessagePort {
  const { port1, port2 } = new MessageChannel()
  const notice: AttachNotice = { millrace: engineId, thread, holder, port: port2 }
  if (engineThreadId === threadId) takeNotice(notice)
  // Refused only if the engine's thread is gone, and its engine with it.
  else postMessageToThread(engineThreadId, notice, [port2]).catch(() => port1.close())
  return port1
}
