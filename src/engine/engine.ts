import { randomBytes } from 'node:crypto'
import { threadId } from 'node:worker_threads'
import { PAGE_BYTES, Parking, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import type { HandlerName } from '../dispatch/task.ts'
import { allocateThreadMemory, type ThreadMemory } from '../dispatch/thread-memory.ts'
import type { MillraceError } from '../errors.ts'
import type { MillraceEvent } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { EventMap, Publishing } from '../event/publishing.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { Bulletin } from '../lane/bulletin.ts'
import { checkWait, type WaitOptions } from '../lane/deadline.ts'
import { InboxWriter } from '../lane/inbox.ts'
import {
  CLOSING,
  type MapShape,
  ownerWord,
  parkedWord,
  REGISTRY_VERSION,
  type SharedMap,
  STATE,
  STOPPED,
} from '../lane/map.ts'
import { LOW_WATER_TOPIC } from '../lane/notices.ts'
import { allocateMap } from '../lane/places.ts'
import { dispatching, presentIn } from '../lane/roster.ts'
import { Waits } from '../lane/waits.ts'
import { handlerPublishers } from '../publish/handler-publishers.ts'
import type { PatternPool } from '../publish/pool-routes.ts'
import { Publisher } from '../publish/publisher.ts'
import { type PublisherParts, publisherParts } from '../publish/publisher-parts.ts'
import type { Requests } from '../publish/requests.ts'
import type { Runs } from '../publish/runs.ts'
import { Storekeeper } from '../store/storekeeper.ts'
import type { SubscribeOptions, Subscription, SubscriptionStats } from '../subscribe/subscription.ts'
import { TopicTable } from '../topic/topic-table.ts'
import { isAttachedCommitting, wakeAttached, watchAttached } from './attached-threads.ts'
import { ChangeQueue } from './change-queue.ts'
import type { ConnectionHandle } from './connection.ts'
import { type Crew, InlineCrew, WorkerCrew } from './crew.ts'
import { DeadLetters } from './dead-letters.ts'
import { Drains } from './drains.ts'
import { ErrorReports } from './error-reports.ts'
import { HandlerStatistics, type HandlerStats } from './handler-stats.ts'
import { type Ledger, LedgerReader, withSettled } from './ledger.ts'
import { leftovers } from './leftovers.ts'
import { type HandlerModules, Modules, type NumberedHandler } from './modules.ts'
import { NoticeInterest } from './notice-interest.ts'
import { type CheckedOptions, checkOptions, type EngineOptions } from './options.ts'
import { poolShapes } from './pools.ts'
import { Replays } from './replays.ts'
import type { ReceivedEvent, SensiblePattern } from './subscribing.ts'
import { type DeliveryStats, Subscriptions } from './subscriptions.ts'
import { EngineWorkers, type Workers } from './workers.ts'

export type EngineStats = Ledger & {
  handlers: HandlerStats[]
  subscriptions: SubscriptionStats[]
  /** What all subscriptions have received, those that have ended included. */
  delivery: DeliveryStats
  /** Events that each worker has dispatched. */
  workers: { workerId: number; dispatched: number }[]
  /** The pools, with the workers of each, and how many events wait in its lanes or are being handled. */
  pools: { name: string; workers: number[]; pending: number }[]
  topics: number
  /** What lies in blocks: pages of 64 KiB that are used, of all there are (`blockBytes`). */
  blocks: { bytes: number; usedBytes: number }
}

export type CloseReport = {
  /** Whether everything that was accepted had been dealt with. */
  drained: boolean
  /** The events that had not; `attempt` says how often their handling was begun. */
  left: readonly MillraceEvent[]
  ledger: Ledger
  /** What the subscriptions had received, and what they left unread. */
  delivery: DeliveryStats
}

/** After which `close` stops waiting for handlers, in milliseconds, if not told otherwise. */
const CLOSE_TIMEOUT_MS = 30_000

/**
 * An event engine: publishes from this thread, dispatches to handlers on workers, delivers to subscriptions.
 *
 * Made by `createEngine`. For the thread that made it; others publish through `connect`.
 */
export class Engine<Events = EventMap> implements AsyncDisposable {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly options: CheckedOptions
  private readonly parking: Parking
  private readonly waits: Waits
  private readonly topics: TopicTable
  private readonly origins: EventOrigins
  private readonly blocks: ThreadBlocks
  private readonly requests: Requests
  private readonly runs: Runs
  private readonly publishing: PublisherParts
  private readonly publisher: Publisher
  private readonly ledger: LedgerReader
  private readonly memories: readonly ThreadMemory[]
  private readonly statistics: HandlerStatistics
  private readonly interest: NoticeInterest
  private readonly registry: Subscriptions
  private readonly errors: ErrorReports
  private readonly storekeeper: Storekeeper | undefined
  private readonly drains: Drains
  private readonly crew: Crew
  private readonly changes = new ChangeQueue()
  private readonly ownModules: Modules
  private readonly ownWorkers: EngineWorkers
  private readonly stopWatching: () => void
  /** Of handlers that ask for it, and their patterns. */
  private readonly replays: Replays[] = []
  private readonly replayed = new Set<string>()
  /** Those there are. */
  private handlers: readonly NumberedHandler[] = []
  private closing: Promise<CloseReport> | undefined

  /** The modules of handlers, to be changed while the engine runs. */
  readonly modules: HandlerModules
  /** The threads that run them, to be added and removed. */
  readonly workers: Workers
  /** The events that were given up last. */
  readonly deadLetters: DeadLetters
  readonly publish: Publishing<Events>['publish']
  readonly publishBatch: Publishing<Events>['publishBatch']
  readonly send: Publishing<Events>['send']
  readonly sendBatch: Publishing<Events>['sendBatch']
  readonly request: Publishing<Events>['request']
  readonly requestMany: Publishing<Events>['requestMany']
  readonly topic: Publishing<Events>['topic']
  readonly allocate: Publishing<Events>['allocate']

  /** @internal Use `createEngine`. */
  constructor(options: CheckedOptions) {
    this.options = options
    const shape = shapeOf(options)
    this.map = allocateMap(
      shape,
      randomBytes(6).toString('hex'),
      TopicTable.allocate(options.maxTopics),
      options.structs,
    )
    this.control = wordsOf(this.map.control)
    Atomics.store(this.control, ownerWord(0), threadId + 1)
    this.parking = new Parking(this.control, parkedWord(0))
    this.waits = new Waits(this.parking, { drive: options.maxWorkers > 0 })
    this.publishing = publisherParts(this.map, 0, this.waits)
    this.topics = this.publishing.topics
    this.origins = this.publishing.origins
    this.blocks = this.publishing.blocks
    this.requests = this.publishing.requests
    this.runs = this.publishing.runs
    const own = { thread: 0, depth: 0 }
    this.publisher = new Publisher(this.publishing, own, { onFull: options.onFull, closedFrom: CLOSING })
    this.ledger = new LedgerReader(this.map)
    this.drains = new Drains(this.control, this.waits, () => this.isQuiet())
    this.memories = Array.from({ length: 1 + options.maxWorkers }, () =>
      allocateThreadMemory(options.deadLetters, options.ringBytes),
    )
    this.statistics = new HandlerStatistics(this.memories)
    this.interest = new NoticeInterest(this.control)
    this.errors = new ErrorReports(options.onError)
    this.storekeeper = this.makeStorekeeper()
    const { map, origins, waits, blocks, interest, storekeeper } = this
    this.registry = new Subscriptions({
      map,
      origins,
      waits,
      blocks,
      interest,
      storekeeper,
      announce: (change) => this.crew.announce(change),
      onLowWater: (notice) => this.publisher.notify(LOW_WATER_TOPIC, notice),
    })
    this.ownModules = this.makeModules()
    this.modules = this.ownModules
    this.crew = this.makeCrew()
    this.ownWorkers = this.makeWorkers()
    this.workers = this.ownWorkers
    this.stopWatching = watchAttached(this.map, this.waits, this.blocks, this.registry)
    const { publisher } = this
    const letters = this.memories.flatMap((memory) => memory.letters ?? [])
    this.deadLetters = new DeadLetters(letters, options.deadLetters, origins, publisher, this.blocks)
    this.publish = publisher.publish.bind(publisher) as Publishing<Events>['publish']
    this.publishBatch = publisher.publishBatch.bind(publisher) as Publishing<Events>['publishBatch']
    this.send = publisher.send.bind(publisher) as Publishing<Events>['send']
    this.sendBatch = publisher.sendBatch.bind(publisher) as Publishing<Events>['sendBatch']
    this.request = publisher.request.bind(publisher) as Publishing<Events>['request']
    this.requestMany = publisher.requestMany.bind(publisher) as Publishing<Events>['requestMany']
    this.allocate = publisher.allocate.bind(publisher)
    this.topic = publisher.topic.bind(publisher) as Publishing<Events>['topic']
  }

  /** @internal */
  async start(): Promise<void> {
    try {
      await this.ownWorkers.start(this.options.pools.map(({ workers }) => workers))
    } catch (error) {
      await this.close({ timeoutMs: 0 })
      throw error
    }
  }

  /**
   * Subscribes to one pattern or several; events come once, however many of them match.
   *
   * Every event that is published after this call, from this thread, is seen.
   *
   * @throws PatternError, OptionsError, ClosedError, CapabilityError for `spill` without a store.
   */
  subscribe<const Pattern extends string>(
    pattern: SensiblePattern<Events, Pattern> | readonly SensiblePattern<Events, Pattern>[],
    options: SubscribeOptions<ReceivedEvent<Events, Pattern>> = {},
  ): Subscription<ReceivedEvent<Events, Pattern>> {
    return this.registry.subscribe(pattern, options)
  }

  /** The subscriptions there are. */
  subscriptions(): SubscriptionStats[] {
    return this.registry.stats()
  }

  /** Ends all subscriptions that have exactly this pattern, and no other; answers how many. */
  unsubscribe(pattern: string): number {
    return this.registry.unsubscribe(pattern)
  }

  /** A handle with which another thread of this process attaches itself as a publisher. */
  connect(): ConnectionHandle {
    return {
      kind: 'millrace-connection',
      map: this.map,
      onFull: this.options.onFull,
      engineThreadId: threadId,
    }
  }

  /**
   * Resolves once nothing is pending: all that was accepted, by handlers too, has been dealt with.
   *
   * What lies unread in subscriptions does not count. `onError` has been told of what failed by then.
   *
   * @throws TimeoutError after `timeoutMs`, the signal's reason if it aborts, ClosedError if the engine is closed and
   * has left something.
   */
  drain(options: WaitOptions = {}): Promise<void> {
    this.runs.flush()
    return this.drains.wait(options)
  }

  /**
   * Makes visible at once what this thread has published. What it publishes one after the other is committed together, at the latest when the synchronous run
   * ends: only if it goes on computing for long after that, or blocks, this is of use.
   */
  flush(): void {
    this.runs.flush()
  }

  /** The ledger, and what handlers, subscriptions and workers have done. */
  stats(): EngineStats {
    this.runs.flush()
    return {
      ...this.ledger.read(),
      handlers: this.statistics.read(),
      subscriptions: this.subscriptions(),
      delivery: this.registry.delivery(),
      workers: this.ownWorkers.stats(),
      pools: this.map.shape.pools.map((pool) => ({
        name: pool.name,
        workers: presentIn(this.control, pool),
        pending: this.ledger.pendingIn(pool),
      })),
      topics: this.topics.size,
      blocks: { bytes: this.blocks.bytes, usedBytes: this.blocks.usedBytes },
    }
  }

  /**
   * Publishes nothing more, lets handlers finish for up to `timeoutMs` (30,000 if not given), stops the workers and
   * ends the subscriptions. Closing again answers the same report.
   */
  close(options: { timeoutMs?: number } = {}): Promise<CloseReport> {
    checkWait(options, ['timeoutMs'])
    this.closing ??= this.shutDown(options.timeoutMs ?? CLOSE_TIMEOUT_MS)
    return this.closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async shutDown(timeoutMs: number): Promise<CloseReport> {
    this.runs.flush()
    this.publisher.close()
    this.changes.close()
    this.ownModules.close()
    Atomics.store(this.control, STATE, CLOSING)
    // Their sends that wait for room end now.
    wakeAttached(this.map)
    await this.drain({ timeoutMs }).catch(() => {})
    Atomics.store(this.control, STATE, STOPPED)
    await this.crew.stop()
    // Ends the drains and requests that still wait.
    this.waits.poll()
    for (const replays of this.replays) this.waits.remove(replays)
    this.requests.close()
    await this.registry.close()
    const kept = await this.closeStore()
    const { left, settled } = leftovers(this.map, this.origins, kept, this.blocks)
    const ledger = withSettled(this.ledger.read(), settled)
    this.stopWatching()
    this.parking.close()
    return { drained: ledger.pending === 0, left, ledger, delivery: this.registry.delivery() }
  }

  /** What spilled, and has not come back. */
  private async closeStore(): Promise<(publisher: number, lane: number) => readonly Uint8Array[]> {
    if (this.storekeeper === undefined) return () => []
    this.waits.remove(this.storekeeper)
    return this.storekeeper.close()
  }

  private isQuiet(): boolean {
    return (
      !this.runs.isOpen && !this.publisher.sending && !isAttachedCommitting(this.map) && this.ledger.isQuiet()
    )
  }

  private makeStorekeeper(): Storekeeper | undefined {
    const { map, options, waits, parking, errors } = this
    if (options.store === undefined) return undefined
    const storekeeper = new Storekeeper(map, options.store.overflow, {
      onError: (error) => errors.tell(error),
      onProgress: () => parking.unpark(),
    })
    waits.add(storekeeper)
    return storekeeper
  }

  private makeModules(): Modules {
    return new Modules(this.options.modules, {
      changes: this.changes,
      threads: () => dispatching(this.control, this.map.shape),
      announce: (change, thread) => {
        this.crew.announce(change, thread)
        // After the message: a dispatcher that sees the version finds the message.
        this.raiseVersion()
      },
      onHandlers: (handlers) => this.meet(handlers),
    })
  }

  private makeWorkers(): EngineWorkers {
    const { map, changes, crew, blocks } = this
    return new EngineWorkers({
      map,
      changes,
      start: (thread) => crew.start(thread),
      left: (thread) => crew.left(thread),
      announce: () => this.raiseVersion(),
      dispatchedBy: (thread) => this.ledger.dispatchedBy(thread),
      onJoined: (thread) => {
        new InboxWriter(map, thread, threadId + 1, blocks).open()
        for (const replays of this.replays) replays.start(thread)
      },
    })
  }

  /** Has all dispatchers look at what there is. */
  private raiseVersion(): void {
    Atomics.add(this.control, REGISTRY_VERSION, 1)
    for (const thread of dispatching(this.control, this.map.shape)) wake(this.control, parkedWord(thread))
  }

  private makeCrew(): Crew {
    const { map, options, memories, statistics, registry, origins, waits, blocks, parking, errors } = this
    const events = {
      onError: (error: MillraceError) => errors.tell(error),
      onReady: (thread: number, handlers: readonly (readonly HandlerName[])[]) =>
        this.ownModules.onReady(thread, handlers),
      onPrepared: (thread: number, id: number, handlers: readonly HandlerName[]) =>
        this.ownModules.onPrepared(thread, id, handlers),
      onRefused: (id: number, error: unknown) => this.ownModules.onRefused(id, error),
      onDied: (thread: number) => this.ownModules.onDied(thread),
      onLeft: (thread: number) => {
        this.ownWorkers.onLeft(thread)
        this.ownModules.onLeft(thread)
        statistics.left(thread)
      },
      onReplace: (thread: number) => {
        for (const replays of this.replays) replays.start(thread)
      },
    }
    const modules = () => this.ownModules.specs
    if (options.maxWorkers > 0)
      return new WorkerCrew(map, options, memories, statistics, registry, modules, origins, blocks, events)
    const publishers = handlerPublishers(this.publishing, 0, options.onFull)
    const memory = memories[0]!
    return new InlineCrew(
      { map, memory, options, statistics, origins, modules, publishers, waits, blocks, parking },
      events,
    )
  }

  /** These are the handlers from now on. */
  private meet(handlers: readonly NumberedHandler[]): void {
    this.statistics.setHandlers(handlers)
    for (const { pattern } of this.handlers) this.interest.remove([pattern])
    for (const { pattern } of handlers) this.interest.add([pattern])
    this.handlers = handlers
    const names = this.map.shape.pools.map(({ name }) => name)
    const routes: PatternPool[] = handlers
      .filter(({ scope }) => scope === 'one')
      .map(({ pattern, pool = names[0]! }) => [pattern, Math.max(0, names.indexOf(pool))])
    new Bulletin(this.map.routes).post(JSON.stringify(routes))
    const patterns = handlers.filter(({ replayLast }) => replayLast).map(({ pattern }) => pattern)
    const missing = patterns.filter((pattern) => !this.replayed.has(pattern))
    if (missing.length === 0 || this.options.maxWorkers === 0) return
    for (const pattern of missing) this.replayed.add(pattern)
    const replays = new Replays(this.map, this.origins, this.blocks, this.registry.openOwn(missing))
    this.replays.push(replays)
    this.waits.add(replays)
  }
}

/**
 * Starts an engine; resolves when every worker has loaded its handlers.
 *
 * @throws OptionsError, HandlerLoadError with the module's own error as cause; nothing is left running.
 * @example
 * await using engine = await createEngine({ workers: 4, handlers: new URL('./handlers.ts', import.meta.url) })
 * engine.publish('image.uploaded', { path: '/tmp/a.png' })
 */
export async function createEngine<Events = EventMap>(options: EngineOptions = {}): Promise<Engine<Events>> {
  const engine = new Engine<Events>(checkOptions(options))
  await engine.start()
  return engine
}

function shapeOf(options: CheckedOptions): MapShape {
  const pools = poolShapes(options.pools, options.maxWorkers === 0)
  return {
    workers: options.maxWorkers,
    pools,
    attachable: options.attachable,
    ringBytes: options.ringBytes,
    // Even: half of them are for what comes from outside.
    blockPages: 2 * Math.ceil(options.blockBytes / (2 * PAGE_BYTES)),
    maxTopics: options.maxTopics,
    rememberedIds: Math.ceil(
      options.duplicateWindow / Math.min(...pools.map(({ keyedLanes }) => keyedLanes)),
    ),
    spills: options.store !== undefined,
  }
}
