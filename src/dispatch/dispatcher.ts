import { performance, type RecordableHistogram } from 'node:perf_hooks'
import { type Parking, pause, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import {
  DRAINING,
  idleWord,
  inboxLane,
  type PoolShape,
  parkedWord,
  poolOf,
  REGISTRY_VERSION,
  type SharedMap,
  STATE,
  STOPPED,
} from '../lane/map.ts'
import { LEAVING, presenceOf, presentIn } from '../lane/roster.ts'
import type { Waits } from '../lane/waits.ts'
import { Aftermath, type Delivery } from './aftermath.ts'
import { Answers } from './answers.ts'
import type { WaitingPublisher, WorkerScope } from './context.ts'
import type { EventLoop } from './event-loop.ts'
import { Executor } from './executor.ts'
import type { DeadLetter } from './failure.ts'
import { FailureReports } from './failure-reports.ts'
import { Failures } from './failures.ts'
import { FlightRecorder } from './flight.ts'
import type { ModuleHooks } from './hooks.ts'
import { type LaneHost, LaneReader } from './lane-reader.ts'
import { type Affinity, Lanes } from './lanes.ts'
import { LetterWriter } from './letter-writer.ts'
import { type LoadedModule, type LoadRules, loadModule, type ModuleSpec } from './load.ts'
import { MailboxNotices } from './mailbox-notices.ts'
import { MailboxWriters } from './mailbox-writers.ts'
import { OpenWork } from './open-work.ts'
import { RecordBlocks } from './record-blocks.ts'
import type { RegistryChange } from './registry.ts'
import type { InFlight, RingDrain, WorkLimit } from './ring-drain.ts'
import { Suspects } from './suspects.ts'
import type { Tenants } from './tenure.ts'
import type { ThreadMemory } from './thread-memory.ts'
import { ThreadModules } from './thread-modules.ts'
import { ThreadRoutes } from './thread-routes.ts'

/** What a dispatcher tells the engine, beside what stands in shared memory. */
export type DispatchReports = {
  /** `untold`: how many before it were not told, since there were too many in a second. */
  onDeadLetter(letter: DeadLetter, untold: number): void
  onHistogram(handler: number, histogram: RecordableHistogram): void
  onHookError(error: unknown, hook: string, lane: number | undefined): void
  onPrepared(module: LoadedModule): void
  onRefused(id: number, error: unknown): void
}

export type DispatcherParts = {
  map: SharedMap
  /** This thread's slot. */
  thread: number
  /** Names this thread in leases; never used for another one. */
  holder: number
  /** The modules that it starts with, as the engine's thread names them, and as they were loaded. */
  specs: readonly ModuleSpec[]
  modules: readonly LoadedModule[]
  memory: ThreadMemory
  affinity: Affinity
  delivery: Delivery
  /** What the engine's options say of handlers. */
  rules: LoadRules
  /** The most events of one ring in flight at once, when handlers are asynchronous. */
  maxInFlight: number
  origins: EventOrigins
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
export class Dispatcher implements LaneHost {
  private readonly parts: DispatcherParts
  private readonly control: Int32Array
  private readonly routes: ThreadRoutes
  private readonly executor: Executor
  private readonly scope: WorkerScope
  private readonly lanes: Lanes
  readonly flight: FlightRecorder
  private readonly mailboxNotices: MailboxNotices
  private readonly mailboxes: MailboxWriters
  private readonly suspects: Suspects
  private lastTurn = 0
  private readonly open: OpenWork
  /** It is to end, once it has done what it has begun (decision 23). */
  private isLeaving = false
  private hooksUnderWay = 0
  /** Modules that others have taken the place of, and whose teardown has yet to be called. */
  private readonly gone = new Set<LoadedModule>()
  /** Those that have been called, and not settled: nobody waits for them. */
  private readonly teardowns = new Set<Promise<void>>()
  readonly tenants: Tenants
  private readonly modules: ThreadModules
  private readonly pool: PoolShape
  /** Of the registry, that was seen last. */
  private version = -1

  constructor(parts: DispatcherParts) {
    this.parts = parts
    const { map, thread, holder, origins, waits, reports, maxInFlight, memory } = parts
    this.control = wordsOf(map.control)
    this.pool = poolOf(map.shape, thread)
    this.open = new OpenWork(this.share)
    this.flight = new FlightRecorder(memory.flight)
    this.routes = new ThreadRoutes({
      ...parts,
      flight: this.flight,
      handlerCounters: memory.handlerCounters,
      pools: parts.rules.pools,
      onHistogram: reports.onHistogram,
    })
    this.scope = {
      workerId: thread,
      isCancelled: () => Atomics.load(this.control, STATE) === STOPPED,
      controllers: new Set(),
      waiting: 0,
      watch: (watch) => waits.add(watch),
      onWaiting: () => this.unblock(),
    }
    const letters = memory.letters && new LetterWriter(memory.letters, parts.blocks)
    const { lanes: router, inbox: inboxRouter } = this.routes
    const failures = new Failures(thread, router, letters, new FailureReports(reports.onDeadLetter))
    const answers = new Answers(map, thread, waits, parts.blocks)
    const blocks = new RecordBlocks(parts.blocks)
    const { scope } = this
    const aftermath = new Aftermath(origins, scope, router, parts.delivery, failures, answers, blocks)
    this.executor = new Executor(router, scope, waits, failures, answers, blocks, aftermath)
    // What comes from the inbox is for the handlers that run on every worker, and they answer nothing.
    const ownAftermath = new Aftermath(
      origins,
      scope,
      inboxRouter,
      parts.delivery,
      failures,
      undefined,
      blocks,
    )
    const ownExecutor = new Executor(inboxRouter, scope, waits, failures, undefined, blocks, ownAftermath)
    this.suspects = new Suspects(this.scope, () => this.unblock())
    this.mailboxNotices = new MailboxNotices(this.control, origins, this.publisherAfter(0))
    this.mailboxes = new MailboxWriters(this.control, holder, router, parts.blocks, this.mailboxNotices)
    this.tenants = { worker: { workerId: thread }, hooks: [], isAsked: false, onError: reports.onHookError }
    this.modules = new ThreadModules(
      {
        load: (spec) => loadModule(spec, parts.rules, { workerId: thread }),
        onPrepared: (module) => reports.onPrepared(module),
        onRefused: (id, error) => reports.onRefused(id, error),
        onSwitch: (specs, modules, gone, come) => this.switchTo(specs, modules, gone, come),
        onAbandoned: (module) => void this.tearDown([module]),
        keepTurning: (work) => this.onHooks(work),
      },
      parts.modules,
    )
    this.route(parts.specs, parts.modules)
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
    const open = (lane: number, sticky: boolean) =>
      new LaneReader(map, lane, holder, this, this.executor, maxInFlight, sticky)
    this.lanes = new Lanes(map, thread, parts.affinity, inbox, open)
  }

  /** Runs until the engine stops, or this worker has left it. */
  async run(): Promise<void> {
    const { waits } = this.parts
    this.lastTurn = performance.now()
    while (!this.isStopped && !this.hasLeft()) {
      this.flight.beat()
      const worked = this.pass() + waits.poll()
      this.mailboxNotices.flush()
      if (worked === 0) {
        // What is published from here on is to be visible at once.
        this.control[idleWord(this.thread)] = 1
        await this.rest()
        this.control[idleWord(this.thread)] = 0
      } else if (this.open.size > 0 || performance.now() - this.lastTurn > TURN_MS) await this.takeTurn()
      else if (worked < SMALL_BATCH) this.gather()
    }
    for (const controller of this.scope.controllers) controller.abort()
    if ([...this.gone, ...this.modules.all].some(({ hooks }) => hooks !== undefined)) await this.leave()
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

  /** Takes in what has changed. After a load of a ring's tail: what was published later finds it. */
  synchronise(): void {
    const version = Atomics.load(this.control, REGISTRY_VERSION)
    if (version === this.version) return
    this.version = version
    for (const change of this.parts.receiveChanges()) {
      if ('add' in change) this.mailboxes.add(change.add)
      else if ('remove' in change) this.mailboxes.remove(change.remove)
      else if ('prepare' in change) this.modules.prepare(change.prepare)
      else if ('abandon' in change) this.modules.abandon(change.abandon)
      else this.modules.switchTo(change.switch)
    }
    this.lanes.assign()
    this.open.max = this.share
    // What stood at a smaller share.
    this.lanes.unblock()
    this.isLeaving = presenceOf(this.control, this.thread) === LEAVING
  }

  /** Whether it is to leave, and has nothing left to do: its inbox is closed, and empty. */
  private hasLeft(): boolean {
    return this.isLeaving && this.routes.closeInbox() && this.hasEnded && this.lanes.isInboxEmpty
  }

  /** It has ended what it has begun, and others have its lanes. */
  private get hasEnded(): boolean {
    return (
      this.open.size === 0 &&
      this.hooksUnderWay === this.teardowns.size &&
      this.lanes.areGivenBack &&
      !this.parts.publishers.some(({ sending, asking }) => sending || asking)
    )
  }

  /** Something of leaving can be done now. */
  private get hasToLeave(): boolean {
    return this.isLeaving && (this.hasEnded || !this.routes.closeInbox())
  }

  /** Other modules, from the next event on. What is in flight goes on with those that began it. */
  private switchTo(
    specs: readonly ModuleSpec[],
    modules: readonly LoadedModule[],
    gone: readonly LoadedModule[],
    come: readonly LoadedModule[],
  ): void {
    this.route(specs, modules)
    if (this.tenants.isAsked) this.lanes.turnOver(laneHooksOf(gone), laneHooksOf(come))
    for (const module of gone) this.gone.add(module)
    const ended = this.open.ended()
    this.onHooks(
      ended
        .then(() => this.lanes.settle())
        .then(() => {
          const teardown = this.tearDown(gone.filter((module) => this.gone.has(module)))
          this.teardowns.add(teardown)
          return teardown.finally(() => this.teardowns.delete(teardown))
        }),
    )
  }

  /** Handlers are called as these modules say. */
  private route(specs: readonly ModuleSpec[], modules: readonly LoadedModule[]): void {
    const { tenants } = this
    this.routes.set(specs, modules)
    tenants.hooks = laneHooksOf(modules)
    tenants.isAsked ||= tenants.hooks.length > 0
  }

  publisherAfter(depth: number): WaitingPublisher {
    const { publishers } = this.parts
    return publishers[depth] ?? publishers.at(-1)!
  }

  /** Of all that its pool may handle at once, this worker's part. */
  private get share(): number {
    const { concurrency } = this.pool
    if (concurrency === Number.POSITIVE_INFINITY) return concurrency
    const present = presentIn(this.control, this.pool)
    const index = present.indexOf(this.thread)
    // One that leaves ends what it has begun.
    if (index < 0) return 1
    return Math.floor(concurrency / present.length) + (index < concurrency % present.length ? 1 : 0)
  }

  get limit(): WorkLimit | undefined {
    return this.open.max === Number.POSITIVE_INFINITY ? undefined : this.open
  }

  isUrgent(priority: number): boolean {
    return this.lanes.isUrgent(priority)
  }

  onStarted(record: InFlight): void {
    this.open.add(record)
    this.suspects.started(record)
  }

  onEnded(record: InFlight): void {
    const wasFull = this.open.isReached
    this.open.delete(record)
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

  onGoingOn(): void {
    this.parts.parking.unpark()
  }

  mayStart(ring: RingDrain): boolean {
    return this.suspects.mayStart(ring)
  }

  mayStartSuspect(ring: RingDrain): boolean {
    return this.suspects.mayStartSuspect(ring, this.open.size)
  }

  /** Nothing to do: spin, then give the event loop some turns, then park, blocking where nobody minds. */
  private async rest(): Promise<void> {
    const { parking, spins, eventLoop } = this.parts
    const hasNews = this.hasNews
    if (spins && this.open.size === 0) {
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
    while (this.open.size === 0 && this.hooksUnderWay === 0 && eventLoop?.isIdle()) {
      if (parking.block(hasNews)) return this.onWake()
      await eventLoop.turn()
    }
    await parking.park(hasNews, this.onWake)
  }

  private readonly hasNews = (): boolean => {
    this.flight.beat()
    // Else the changes would pile up while nothing is published.
    this.synchronise()
    return this.lanes.hasNews() || this.parts.waits.ready() || this.isStopped || this.hasToLeave
  }

  /**
   * Lets records gather. A reader that keeps up with its writer would find them one by one, and take the writer's cache
   * lines away with every look.
   */
  private gather(): void {
    if (this.parts.spins) for (let i = 0; i < LOOK_PAUSES; i++) pause()
  }

  private readonly onWake = (): void => {
    this.control[idleWord(this.thread)] = 0
    if (!this.isStopped) this.pass()
    this.mailboxNotices.flush()
  }

  /** Tells modules that they have lost their lanes, and that the worker ends; none of them keeps the engine from ending. */
  private async leave(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LEAVE_MS)
    const left = this.lanes.leave().then(() => this.tearDown([...this.gone, ...this.modules.all]))
    await Promise.race([Promise.all([left, ...this.teardowns]), promise])
    clearTimeout(timer)
  }

  /** The last that is set up first. */
  private async tearDown(modules: readonly LoadedModule[]): Promise<void> {
    const { thread, reports } = this.parts
    for (const module of modules.toReversed()) {
      const { hooks } = module
      this.gone.delete(module)
      try {
        await hooks?.teardown?.({ workerId: thread })
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

/** The hooks of those that want to be told of lanes. */
function laneHooksOf(modules: readonly LoadedModule[]): ModuleHooks[] {
  return modules.flatMap(({ hooks }) => ((hooks?.laneGained ?? hooks?.laneLost) ? [hooks!] : []))
}
