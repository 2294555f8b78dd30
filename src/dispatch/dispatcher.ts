import { performance, type RecordableHistogram } from 'node:perf_hooks'
import { Counters, isParked, type Parking, pause, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import { MailboxWriter } from '../lane/mailbox-writer.ts'
import {
  ACTIVATIONS,
  activeWord,
  countersWord,
  DEATHS,
  DRAINING,
  homeOf,
  isKeyed,
  laneCount,
  parkedWord,
  REGISTRY_VERSION,
  type SharedMap,
  STATE,
  STOPPED,
  THREAD_COUNTERS,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { DISPATCHED } from '../lane/thread-counters.ts'
import type { Waits } from '../lane/waits.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import type { WaitingPublisher, WorkerScope } from './context.ts'
import type { EventLoop } from './event-loop.ts'
import { type Delivery, Executor } from './executor.ts'
import type { DeadLetter } from './failure.ts'
import { FailureReports } from './failure-reports.ts'
import { FlightRecorder } from './flight.ts'
import type { Handler } from './handlers.ts'
import { type LaneHost, LaneReader } from './lane-reader.ts'
import { LetterWriter } from './letter-writer.ts'
import { MailboxNotices } from './mailbox-notices.ts'
import type { InFlight, RingDrain } from './ring-drain.ts'
import { Router } from './router.ts'
import { HandlerTally } from './tally.ts'
import type { ThreadMemory } from './thread-memory.ts'

export type Affinity = 'sticky' | 'balanced'

/** A change of the subscriptions, on its way to a dispatcher. */
export type RegistryChange = { add: MailboxPlace } | { remove: number }

/** What a dispatcher tells the engine, beside what stands in shared memory. */
export type DispatchReports = {
  /** `untold`: how many before it were not told, since there were too many in a second. */
  onDeadLetter(letter: DeadLetter, untold: number): void
  onHistogram(handler: number, histogram: RecordableHistogram): void
}

export type DispatcherParts = {
  map: SharedMap
  /** This thread's slot. */
  thread: number
  /** Names this thread in leases; never used for another one. */
  holder: number
  handlers: readonly Handler[]
  memory: ThreadMemory
  affinity: Affinity
  delivery: Delivery
  /** The most events of one ring in flight at once, when handlers are asynchronous. */
  maxInFlight: number
  topics: TopicTable
  /** As whom its handlers publish, by the depth of the events they handle; the last for all that are deeper. */
  publishers: readonly WaitingPublisher[]
  waits: Waits
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
/** A drain should last about so long: batches grow and shrink toward it. */
const DRAIN_MS = 0.5
const MAX_BATCH = 256
/** A pause is some 30 ns: a look at the lanes about every microsecond leaves the writers their cache lines. */
const LOOK_PAUSES = 32
/** Looks at the lanes before giving up the core: some 20 µs. */
const SPIN_LOOKS = 16
/** A pass that found fewer records came too early. */
const SMALL_BATCH = 16
/** Turns of the event loop before parking. */
const IDLE_TURNS = 4

/**
 * A worker's life: look at the lanes, drain those with news, serve the event loop, and park when there is nothing.
 */
export class Dispatcher implements LaneHost {
  private readonly parts: DispatcherParts
  private readonly control: Int32Array
  private readonly router: Router
  private readonly executor: Executor
  private readonly scope: WorkerScope
  private readonly home: LaneReader[] = []
  private readonly others: LaneReader[] = []
  readonly flight: FlightRecorder
  private readonly mailboxNotices: MailboxNotices
  private readonly mailboxes = new Map<number, MailboxWriter>()
  /** What of each publisher is known to be in use: bits of its active word. */
  private readonly opened: number[]
  private readonly counters: Counters
  private version = -1
  private activations = 0
  private deaths: number
  private batch = 8
  /** Where the lane stands that had news last. */
  private latest = 0
  private lastTurn = 0
  private inFlight = 0
  /** The event that is handled alone, since it was in flight when a worker died. */
  private suspect: InFlight | undefined
  /** The ring whose suspect is next: nothing starts until it can be handled alone. */
  private nextSuspect: RingDrain | undefined

  constructor(parts: DispatcherParts) {
    this.parts = parts
    const { map, thread, holder, topics, waits, reports, maxInFlight, memory } = parts
    this.control = wordsOf(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    this.router = new Router(topics)
    this.opened = new Array(map.publishers.length).fill(0)
    this.deaths = Atomics.load(this.control, DEATHS)
    this.scope = {
      workerId: thread,
      isCancelled: () => Atomics.load(this.control, STATE) === STOPPED,
      controllers: new Set(),
      waiting: 0,
      onWaiting: () => this.unblock(),
    }
    const failures = new FailureReports(reports.onDeadLetter)
    this.executor = new Executor(
      map.engineId,
      this.router,
      this.scope,
      waits,
      parts.delivery,
      memory.letters && new LetterWriter(memory.letters),
      (letter) => failures.add(letter),
    )
    this.mailboxNotices = new MailboxNotices(this.control, topics, this.publisherAfter(0))
    this.flight = new FlightRecorder(memory.flight)
    const counters = wordsOf(memory.handlerCounters)
    parts.handlers.forEach((handler, index) => {
      const tally = new HandlerTally(counters, index, (histogram) => reports.onHistogram(index, histogram))
      this.router.addHandler({ handler: this.flight.watch(handler, index), tally })
    })
    for (let index = 0; index < laneCount(map.shape); index++) {
      const sticky = parts.affinity === 'sticky' && isKeyed(map.shape, index)
      const isHome = homeOf(map.shape, index) === thread
      if (sticky && !isHome) continue
      const lane = new LaneReader(map, index, holder, this, this.executor, maxInFlight, sticky)
      if (isHome) this.home.push(lane)
      else this.others.push(lane)
    }
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
    this.mailboxNotices.close()
  }

  get isStopped(): boolean {
    return Atomics.load(this.control, STATE) === STOPPED
  }

  /** Takes in subscriptions that changed. After a load of a ring's tail: what was published later finds them. */
  synchronise(): void {
    const version = Atomics.load(this.control, REGISTRY_VERSION)
    if (version === this.version) return
    this.version = version
    for (const change of this.parts.receiveChanges()) {
      if ('add' in change) this.addMailbox(change.add)
      else this.removeMailbox(change.remove)
    }
  }

  publisherAfter(depth: number): WaitingPublisher {
    const { publishers } = this.parts
    return publishers[depth] ?? publishers.at(-1)!
  }

  onStarted(record: InFlight): void {
    this.inFlight++
    if (record.isSuspect) this.suspect = record
  }

  onEnded(record: InFlight): void {
    this.inFlight--
    const { suspect, nextSuspect } = this
    if (record === suspect) this.suspect = undefined
    if (record === suspect || nextSuspect !== undefined) this.unblock()
    else this.parts.parking.unpark()
  }

  mayStart(ring: RingDrain): boolean {
    if (this.suspect !== undefined && this.suspect.context!.waiting === 0) return false
    return this.nextSuspect === undefined || this.nextSuspect === ring
  }

  mayStartSuspect(ring: RingDrain): boolean {
    const isAlone = this.suspect === undefined && this.inFlight === this.scope.waiting
    this.nextSuspect = isAlone ? undefined : ring
    // A suspect that settles at once leaves no end to wait for.
    if (isAlone) this.unblock()
    return isAlone
  }

  private addMailbox(place: MailboxPlace): void {
    if (this.mailboxes.has(place.id)) return
    const mailbox = new MailboxWriter(place, this.control, this.parts.holder, this.mailboxNotices)
    this.mailboxes.set(place.id, mailbox)
    this.router.addMailbox(mailbox)
  }

  private removeMailbox(id: number): void {
    const mailbox = this.mailboxes.get(id)
    if (mailbox === undefined) return
    this.mailboxes.delete(id)
    this.router.removeMailbox(mailbox)
  }

  /** Drains every lane with news once: those at home, and if they had none, the others. */
  private pass(): number {
    this.lookAround()
    const worked = this.drainAll(this.home)
    if (worked > 0) {
      this.shareWork()
      return worked
    }
    return this.drainAll(this.others)
  }

  private drainAll(lanes: LaneReader[]): number {
    let worked = 0
    // From the lane that had news last: events without a key come in runs, and after a rest only it has any.
    const first = this.latest
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(first + i) % lanes.length]!
      if (!lane.hasNews() || !lane.take()) continue
      this.latest = (first + i) % lanes.length
      const start = performance.now()
      const dispatched = lane.drain(this.batch)
      this.counters.add(DISPATCHED, dispatched)
      this.adapt(dispatched, performance.now() - start)
      lane.giveBack()
      worked += dispatched
    }
    return worked
  }

  /** Batches are bounded by time: a slow handler must not keep the event loop, or a full ring, waiting. */
  private adapt(dispatched: number, ms: number): void {
    if (ms > DRAIN_MS) this.batch = Math.max(1, this.batch >> 1)
    else if (dispatched >= this.batch && this.batch < MAX_BATCH) this.batch *= 2
  }

  /** Wakes a parked worker if a lane that it may take still has records. */
  private shareWork(): void {
    const { shape } = this.parts.map
    for (let worker = 1; worker <= shape.workers; worker++) {
      if (!isParked(this.control, parkedWord(worker))) continue
      if (this.home.some((lane) => !lane.sticky && lane.hasNews())) wake(this.control, parkedWord(worker))
      return
    }
  }

  /** Opens what publishers have begun to use since the last look; after a death, has relays looked through. */
  private lookAround(): void {
    const activations = Atomics.load(this.control, ACTIVATIONS)
    const deaths = Atomics.load(this.control, DEATHS)
    if (activations === this.activations && deaths === this.deaths) return
    this.activations = activations
    this.parts.map.publishers.forEach((slot, publisher) => {
      const used = Atomics.load(this.control, activeWord(slot)) & ~this.opened[publisher]!
      if (used === 0) return
      this.opened[publisher]! |= used
      for (const lane of [...this.home, ...this.others]) {
        if ((used & USES_RINGS) !== 0) lane.openRing(publisher)
        if ((used & USES_RELAYS) !== 0) lane.openRelay(publisher)
        if ((used & USES_SPILLWAYS) !== 0) lane.openSpillway(publisher)
      }
    })
    if (deaths === this.deaths) return
    this.deaths = deaths
    for (const lane of [...this.home, ...this.others]) lane.sweep()
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
    while (this.inFlight === 0 && eventLoop?.isIdle()) {
      if (parking.block(hasNews)) return this.onWake()
      await eventLoop.turn()
    }
    await parking.park(hasNews, this.onWake)
  }

  private readonly hasNews = (): boolean => {
    this.flight.beat()
    this.lookAround()
    // Else the changes would pile up while nothing is published.
    this.synchronise()
    for (let i = 0; i < this.home.length; i++) if (this.home[i]!.hasNews()) return true
    for (let i = 0; i < this.others.length; i++) if (this.others[i]!.hasNews()) return true
    return this.parts.waits.ready() || this.isStopped
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

  private async takeTurn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.lastTurn = performance.now()
  }

  private unblock(): void {
    for (const lane of this.home) lane.unblock()
    for (const lane of this.others) lane.unblock()
    this.parts.parking.unpark()
  }
}
