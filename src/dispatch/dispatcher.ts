import { performance, type RecordableHistogram } from 'node:perf_hooks'
import { type Parking, pause, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { InboxWriter } from '../lane/inbox.ts'
import {
  DRAINING,
  dispatchers,
  homeOf,
  inboxLane,
  isKeyed,
  type PoolShape,
  parkedWord,
  poolOf,
  type SharedMap,
  STATE,
  STOPPED,
} from '../lane/map.ts'
import type { Waits } from '../lane/waits.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { Aftermath, type Delivery } from './aftermath.ts'
import { Answers } from './answers.ts'
import type { WaitingPublisher, WorkerScope } from './context.ts'
import type { EventLoop } from './event-loop.ts'
import { Executor } from './executor.ts'
import type { DeadLetter } from './failure.ts'
import { FailureReports } from './failure-reports.ts'
import { Failures } from './failures.ts'
import { FlightRecorder } from './flight.ts'
import type { Handler } from './handlers.ts'
import type { ModuleHooks } from './hooks.ts'
import { type LaneHost, LaneReader } from './lane-reader.ts'
import { Lanes } from './lanes.ts'
import { LetterWriter } from './letter-writer.ts'
import { MailboxNotices } from './mailbox-notices.ts'
import { MailboxWriters, type RegistryChange } from './mailbox-writers.ts'
import { RecordBlocks } from './record-blocks.ts'
import type { InFlight, RingDrain, WorkLimit } from './ring-drain.ts'
import { Router } from './router.ts'
import { Suspects } from './suspects.ts'
import { HandlerTally } from './tally.ts'
import type { Tenants } from './tenure.ts'
import type { ThreadMemory } from './thread-memory.ts'

export type Affinity = 'sticky' | 'balanced'

/** What a dispatcher tells the engine, beside what stands in shared memory. */
export type DispatchReports = {
  /** `untold`: how many before it were not told, since there were too many in a second. */
  onDeadLetter(letter: DeadLetter, untold: number): void
  onHistogram(handler: number, histogram: RecordableHistogram): void
  onHookError(error: unknown, hook: string, lane: number | undefined): void
}

export type DispatcherParts = {
  map: SharedMap
  /** This thread's slot. */
  thread: number
  /** Names this thread in leases; never used for another one. */
  holder: number
  handlers: readonly Handler[]
  hooks: readonly ModuleHooks[]
  memory: ThreadMemory
  affinity: Affinity
  delivery: Delivery
  /** The names of the pools. */
  pools: readonly string[]
  /** The most events of one ring in flight at once, when handlers are asynchronous. */
  maxInFlight: number
  topics: TopicTable
  /** As whom its handlers publish, by the depth of the events they handle; the last for all that are deeper. */
  publishers: readonly WaitingPublisher[]
  waits: Waits
  blocks: ThreadBlocks
  parking: Parking
  /** Changes that have arrived since the last call. */
  receiveChanges(): RegistryChange[]
  reports: DispatchReports
  /** Worker threads spin a little before they park; the engine's own thread has better things to do. */
  spins: boolean
  /** Undefined for a thread that must never block. */
  eventLoop: EventLoop | undefined
}

/** After so long in handlers the event loop gets a turn, for timers and I/O. */
const TURN_MS = 2
/** A pause is some 30 ns: a look at the lanes about every microsecond leaves the writers their cache lines. */
const LOOK_PAUSES = 32
/** Looks at the lanes before giving up the core: some 20 µs. */
const SPIN_LOOKS = 16
/** A pass that found fewer records came too early. */
const SMALL_BATCH = 16
/** The hooks of a thread that stops get so long. */
const LEAVE_MS = 900
/** Turns of the event loop before parking. */
const IDLE_TURNS = 4

/**
 * A worker's life: look at the lanes, drain those with news, serve the event loop, and park when there is nothing.
 */
export class Dispatcher implements LaneHost, WorkLimit {
  private readonly parts: DispatcherParts
  private readonly control: Int32Array
  private readonly router: Router
  private readonly executor: Executor
  private readonly scope: WorkerScope
  private readonly lanes: Lanes
  readonly flight: FlightRecorder
  private readonly mailboxNotices: MailboxNotices
  private readonly mailboxes: MailboxWriters
  private readonly suspects: Suspects
  private lastTurn = 0
  private inFlight = 0
  /** More are not begun. */
  private readonly maxInFlight: number
  private hooksUnderWay = 0
  readonly tenants: Tenants | undefined

  constructor(parts: DispatcherParts) {
    this.parts = parts
    const { map, thread, holder, topics, waits, reports, maxInFlight, memory } = parts
    this.control = wordsOf(map.control)
    this.router = new Router(topics)
    const pool = poolOf(map.shape, thread)
    this.maxInFlight = shareOf(pool, thread)
    this.scope = {
      workerId: thread,
      isCancelled: () => Atomics.load(this.control, STATE) === STOPPED,
      controllers: new Set(),
      waiting: 0,
      watch: (watch) => waits.add(watch),
      onWaiting: () => this.unblock(),
    }
    const letters = memory.letters && new LetterWriter(memory.letters, parts.blocks)
    const failures = new Failures(thread, this.router, letters, new FailureReports(reports.onDeadLetter))
    const { engineId } = map
    const answers = new Answers(map, thread, waits, parts.blocks)
    const blocks = new RecordBlocks(parts.blocks)
    const { scope, router } = this
    const aftermath = new Aftermath(engineId, scope, router, parts.delivery, failures, answers, blocks)
    this.executor = new Executor(engineId, router, scope, waits, failures, answers, blocks, aftermath)
    // What comes from the inbox is for the handlers that run on every worker, and they answer nothing.
    const everywhere = new Router(topics)
    const ownAftermath = new Aftermath(
      engineId,
      scope,
      everywhere,
      parts.delivery,
      failures,
      undefined,
      blocks,
    )
    const ownExecutor = new Executor(
      engineId,
      everywhere,
      scope,
      waits,
      failures,
      undefined,
      blocks,
      ownAftermath,
    )
    this.suspects = new Suspects(this.scope, () => this.unblock())
    this.mailboxNotices = new MailboxNotices(this.control, topics, this.publisherAfter(0))
    this.mailboxes = new MailboxWriters(
      this.control,
      holder,
      this.router,
      parts.blocks,
      this.mailboxNotices,
      parts.receiveChanges,
    )
    this.flight = new FlightRecorder(memory.flight)
    const { onHookError } = reports
    this.tenants = parts.hooks.some(({ laneGained, laneLost }) => laneGained ?? laneLost)
      ? { worker: { workerId: thread }, hooks: parts.hooks, onError: onHookError }
      : undefined
    const counters = wordsOf(memory.handlerCounters)
    const inboxes = dispatchers(map.shape).map((worker) => new InboxWriter(map, worker, holder, parts.blocks))
    const inboxesOf = (name: string) =>
      inboxes.filter((_, index) => poolOf(map.shape, dispatchers(map.shape)[index]!).name === name)
    // In the engine's own thread there is one pool, for the handlers of all.
    const isOwn = (name: string | undefined) => map.shape.workers === 0 || name === pool.name
    parts.handlers.forEach((handler, index) => {
      const tally = new HandlerTally(counters, index, (histogram) => reports.onHistogram(index, histogram))
      const watched = this.flight.watch(handler, index)
      if (handler.scope === 'one') {
        if (isOwn(handler.pool ?? parts.pools[0])) this.router.addHandler({ handler: watched, tally })
        return
      }
      const isEverywhere = handler.pool === undefined || map.shape.workers === 0
      if (isEverywhere || isOwn(handler.pool)) everywhere.addHandler({ handler: watched, tally })
      this.router.addEverywhere(watched, isEverywhere ? inboxes : inboxesOf(handler.pool!))
    })
    const home: LaneReader[] = []
    const others: LaneReader[] = []
    for (let index = pool.firstLane; index < pool.firstLane + pool.keyedLanes + pool.freeLanes; index++) {
      const sticky = parts.affinity === 'sticky' && isKeyed(map.shape, index)
      const isHome = homeOf(this.control, map.shape, index) === thread
      if (sticky && !isHome) continue
      const lane = new LaneReader(map, index, holder, this, this.executor, maxInFlight, sticky)
      if (isHome) home.push(lane)
      else others.push(lane)
    }
    const inbox = new LaneReader(
      map,
      inboxLane(map.shape, thread),
      holder,
      this,
      ownExecutor,
      maxInFlight,
      true,
    )
    inbox.openInbox()
    this.lanes = new Lanes(map, thread, home, others, inbox)
  }

  /** Runs until the engine stops. */
  async run(): Promise<void> {
    const { waits } = this.parts
    this.lastTurn = performance.now()
    while (!this.isStopped) {
      this.flight.beat()
      const worked = this.pass() + waits.poll()
      this.mailboxNotices.flush()
      if (worked === 0) await this.rest()
      else if (this.inFlight > 0 || performance.now() - this.lastTurn > TURN_MS) await this.takeTurn()
      else if (worked < SMALL_BATCH) this.gather()
    }
    for (const controller of this.scope.controllers) controller.abort()
    if (this.parts.hooks.length > 0) await this.leave()
    this.mailboxNotices.close()
  }

  private pass(): number {
    const worked = this.lanes.pass()
    this.suspects.passed(worked)
    return worked
  }

  private get isStopped(): boolean {
    return Atomics.load(this.control, STATE) === STOPPED
  }

  get thread(): number {
    return this.parts.thread
  }

  synchronise(): void {
    this.mailboxes.synchronise()
  }

  publisherAfter(depth: number): WaitingPublisher {
    const { publishers } = this.parts
    return publishers[depth] ?? publishers.at(-1)!
  }

  get limit(): WorkLimit | undefined {
    return this.maxInFlight === Number.POSITIVE_INFINITY ? undefined : this
  }

  /** Handlers that wait for room, or an answer, do not count: what they wait for may be held back. */
  get isReached(): boolean {
    return this.inFlight - this.scope.waiting >= this.maxInFlight
  }

  isUrgent(priority: number): boolean {
    return this.lanes.isUrgent(priority)
  }

  onStarted(record: InFlight): void {
    this.inFlight++
    this.suspects.started(record)
  }

  onEnded(record: InFlight): void {
    const wasFull = this.isReached
    this.inFlight--
    if (wasFull) this.lanes.unblock()
    if (!this.suspects.ended(record)) this.parts.parking.unpark()
  }

  onHooks(settled: Promise<void>): void {
    this.hooksUnderWay++
    void settled.then(() => {
      this.hooksUnderWay--
      this.parts.parking.unpark()
    })
  }

  mayStart(ring: RingDrain): boolean {
    return this.suspects.mayStart(ring)
  }

  mayStartSuspect(ring: RingDrain): boolean {
    return this.suspects.mayStartSuspect(ring, this.inFlight)
  }

  /** Nothing to do: spin, then give the event loop some turns, then park, blocking where nobody minds. */
  private async rest(): Promise<void> {
    const { parking, spins, eventLoop } = this.parts
    const hasNews = this.hasNews
    if (spins && this.inFlight === 0) {
      for (let look = 0; look < SPIN_LOOKS; look++) {
        if (hasNews()) return
        this.gather()
      }
    }
    for (let i = 0; i < IDLE_TURNS; i++) {
      await this.takeTurn()
      if (hasNews()) return
    }
    if (Atomics.load(this.control, DRAINING) === 1) wake(this.control, parkedWord(0))
    while (this.inFlight === 0 && this.hooksUnderWay === 0 && eventLoop?.isIdle()) {
      if (parking.block(hasNews)) return this.onWake()
      await eventLoop.turn()
    }
    await parking.park(hasNews, this.onWake)
  }

  private readonly hasNews = (): boolean => {
    this.flight.beat()
    // Else the changes would pile up while nothing is published.
    this.synchronise()
    return this.lanes.hasNews() || this.parts.waits.ready() || this.isStopped
  }

  /**
   * Lets records gather. A reader that keeps up with its writer would find them one by one, and take the writer's cache
   * lines away with every look.
   */
  private gather(): void {
    if (this.parts.spins) for (let i = 0; i < LOOK_PAUSES; i++) pause()
  }

  private readonly onWake = (): void => {
    if (!this.isStopped) this.pass()
    this.mailboxNotices.flush()
  }

  /** Tells modules that they have lost their lanes, and that the worker ends; none of them keeps the engine from ending. */
  private async leave(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LEAVE_MS)
    await Promise.race([this.lanes.leave().then(() => this.tearDown()), promise])
    clearTimeout(timer)
  }

  /** The last that is set up first. */
  private async tearDown(): Promise<void> {
    const { hooks, thread, reports } = this.parts
    for (const own of hooks.toReversed()) {
      try {
        await own.teardown?.({ workerId: thread })
      } catch (error) {
        reports.onHookError(error, 'teardown', undefined)
      }
    }
  }

  private async takeTurn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.lastTurn = performance.now()
  }

  private unblock(): void {
    this.lanes.unblock()
    this.parts.parking.unpark()
  }
}

/** Of all that a pool may handle at once, this worker's part. */
function shareOf({ concurrency, firstThread, workers }: PoolShape, thread: number): number {
  if (workers === 0 || concurrency === Number.POSITIVE_INFINITY) return concurrency
  return Math.floor(concurrency / workers) + (thread - firstThread < concurrency % workers ? 1 : 0)
}
