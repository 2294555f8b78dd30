import { performance } from 'node:perf_hooks'
import { Counters, isParked, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { BY_URGENCY, NORMAL, PRIORITIES } from '../event/priority.ts'
import {
  ACTIVATIONS,
  activeWord,
  countersWord,
  DEATHS,
  isKeyed,
  type PoolShape,
  parkedWord,
  poolOf,
  type SharedMap,
  THREAD_COUNTERS,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { homeOf, PRESENT, presenceOf } from '../lane/roster.ts'
import { DISPATCHED } from '../lane/thread-counters.ts'
import type { ModuleHooks } from './hooks.ts'
import type { LaneReader } from './lane-reader.ts'

/** Whether a lane for keys stays with its home, or may be read by others. */
export type Affinity = 'sticky' | 'balanced'

/** A drain should last about so long: batches grow and shrink toward it. */
const DRAIN_MS = 0.5
const MAX_BATCH = 256
/** So many times in a row a class is passed over for the sake of one above it. */
const MAX_PASSED_OVER = 7

/** All lanes that one thread may read: which have news, and which are drained first. */
export class Lanes {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly counters: Counters
  private readonly thread: number
  private readonly affinity: Affinity
  private readonly inbox: LaneReader
  private readonly open: (lane: number, sticky: boolean) => LaneReader
  /** Those that this thread reads first: its inbox, the lanes of which it is the home, and those that it is about to let go of. */
  private home: LaneReader[] = []
  /** Those that it reads if the first have no news. */
  private others: LaneReader[] = []
  /** All that it has ever read, which publishers write. */
  private readonly readers = new Map<number, LaneReader>()
  /** What of each publisher is known to be in use: bits of its active word. */
  private readonly opened: number[]
  private activations = 0
  private deaths: number
  private batch = 8
  /** Whether events of a priority have ever come, and how often that was passed over. */
  private readonly isUsed: boolean[] = new Array(PRIORITIES).fill(false)
  private readonly passedOver: number[] = new Array(PRIORITIES).fill(0)
  private readonly pool: PoolShape
  /** Of each priority: where the lane stands that had news last. */
  private readonly latest: number[] = new Array(PRIORITIES).fill(0)

  /** `open`: how this `thread` reads a lane, and keeps it, or not. */
  constructor(
    map: SharedMap,
    thread: number,
    affinity: Affinity,
    inbox: LaneReader,
    open: (lane: number, sticky: boolean) => LaneReader,
  ) {
    this.map = map
    this.thread = thread
    this.affinity = affinity
    this.inbox = inbox
    this.open = open
    this.pool = poolOf(map.shape, thread)
    this.isUsed[NORMAL] = true
    this.control = wordsOf(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    this.opened = new Array(map.publishers.length).fill(0)
    this.deaths = Atomics.load(this.control, DEATHS)
    this.assign()
  }

  /** Takes the lanes that are this thread's now, and lets go of all others (decision 23). */
  assign(): void {
    const { shape } = this.map
    const { firstLane, keyedLanes, freeLanes } = this.pool
    const isPresent = presenceOf(this.control, this.thread) === PRESENT
    this.home = [this.inbox]
    this.others = []
    for (let index = firstLane; index < firstLane + keyedLanes + freeLanes; index++) {
      const isSticky = this.affinity === 'sticky' && isKeyed(shape, index)
      if (isPresent && homeOf(this.control, shape, index) === this.thread)
        this.home.push(this.reader(index, isSticky))
      else if (isPresent && !isSticky) this.others.push(this.reader(index, isSticky))
      else this.letGo(index)
    }
  }

  /** Whether it reads none any more. */
  get areGivenBack(): boolean {
    for (const lane of this.readers.values()) if (lane.isHeld) return false
    return true
  }

  get isInboxEmpty(): boolean {
    return !this.inbox.hasRecords
  }

  private reader(index: number, sticky: boolean): LaneReader {
    let lane = this.readers.get(index)
    if (lane === undefined) {
      lane = this.open(index, sticky)
      this.readers.set(index, lane)
      for (const [publisher, used] of this.opened.entries()) openFor(lane, publisher, used)
    }
    lane.keep()
    return lane
  }

  private letGo(index: number): void {
    const lane = this.readers.get(index)
    lane?.letGo()
    // What it has begun may wait for what lies there.
    if (lane?.isHeld) this.home.push(lane)
  }

  /** Drains the lanes with news once, first of what is most urgent. Answers how many events. */
  pass(): number {
    this.lookAround()
    let worked = 0
    for (const priority of BY_URGENCY) {
      if (!this.isUsed[priority]) continue
      if (worked > 0 && this.passedOver[priority]!++ < MAX_PASSED_OVER) continue
      this.passedOver[priority] = 0
      worked += this.passAt(priority)
    }
    return worked
  }

  /** The lanes at home, and if they had no news, the others. */
  private passAt(priority: number): number {
    const worked = this.drainAll(this.home, priority)
    if (worked === 0) return this.drainAll(this.others, priority)
    this.shareWork(priority)
    return worked
  }

  /** Whether a pass would get anywhere now. */
  hasNews(): boolean {
    this.lookAround()
    for (const priority of BY_URGENCY) if (this.hasNewsAt(priority)) return true
    return false
  }

  /** Whether a pass would find something that goes before what has this priority. */
  isUrgent(priority: number): boolean {
    if (Atomics.load(this.control, ACTIVATIONS) !== this.activations) this.lookAround()
    for (const other of BY_URGENCY) {
      if (other === priority) return false
      if (this.hasNewsAt(other)) return true
    }
    return false
  }

  private hasNewsAt(priority: number): boolean {
    if (!this.isUsed[priority]) return false
    const { home, others } = this
    for (let i = 0; i < home.length; i++) if (home[i]!.hasNews(priority)) return true
    for (let i = 0; i < others.length; i++) if (others[i]!.hasNews(priority)) return true
    return false
  }

  /** What was held back may go on. */
  unblock(): void {
    this.inbox.unblock()
    for (const lane of this.readers.values()) lane.unblock()
  }

  /** Other modules are to be told of lanes. */
  turnOver(gone: readonly ModuleHooks[], come: readonly ModuleHooks[]): void {
    for (const lane of this.readers.values()) lane.turnOver(gone, come)
  }

  /** Resolves when no module is being told of a lane. */
  async settle(): Promise<void> {
    await Promise.all([...this.readers.values()].map((lane) => lane.settle()))
  }

  /** The thread stops: tells the handlers' modules that it has lost them. */
  async leave(): Promise<void> {
    await Promise.all([...this.readers.values()].map((lane) => lane.leave()))
  }

  private drainAll(lanes: readonly LaneReader[], priority: number): number {
    let worked = 0
    // From the lane that had news last: events without a key come in runs, and after a rest only it has any.
    const first = this.latest[priority]!
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(first + i) % lanes.length]!
      if (!lane.hasNews(priority) || !lane.take()) continue
      this.latest[priority] = (first + i) % lanes.length
      const start = performance.now()
      const dispatched = lane.drain(priority, this.batch)
      this.counters.add(DISPATCHED, dispatched)
      this.adapt(dispatched, performance.now() - start)
      lane.giveBack()
      worked += dispatched
      if (dispatched === 0 || !this.isUrgent(priority)) continue
      // The others have their turn after it.
      this.latest[priority]!++
      break
    }
    return worked
  }

  /** Batches are bounded by time: a slow handler must not keep the event loop, or a full ring, waiting. */
  private adapt(dispatched: number, ms: number): void {
    if (ms > DRAIN_MS) this.batch = Math.max(1, this.batch >> 1)
    else if (dispatched >= this.batch && this.batch < MAX_BATCH) this.batch *= 2
  }

  /** Wakes a parked worker if a lane that it may take still has records. */
  private shareWork(priority: number): void {
    const { firstThread, workers } = this.pool
    for (let worker = firstThread; worker < firstThread + workers; worker++) {
      if (!isParked(this.control, parkedWord(worker))) continue
      // One that leaves takes nothing.
      if (presenceOf(this.control, worker) !== PRESENT) continue
      if (this.home.some((lane) => !lane.sticky && lane.hasNews(priority)))
        wake(this.control, parkedWord(worker))
      return
    }
  }

  /** Opens what publishers have begun to use since the last look; after a death, has relays looked through. */
  private lookAround(): void {
    const activations = Atomics.load(this.control, ACTIVATIONS)
    const deaths = Atomics.load(this.control, DEATHS)
    if (activations === this.activations && deaths === this.deaths) return
    this.activations = activations
    this.map.publishers.forEach((slot, publisher) => {
      const used = Atomics.load(this.control, activeWord(slot)) & ~this.opened[publisher]!
      if (used === 0) return
      this.opened[publisher]! |= used
      this.isUsed[slot.priority] = true
      for (const lane of this.readers.values()) openFor(lane, publisher, used)
    })
    if (deaths === this.deaths) return
    this.deaths = deaths
    for (const lane of this.readers.values()) lane.sweep()
  }
}

/** `used`: bits of the publisher's active word. */
function openFor(lane: LaneReader, publisher: number, used: number): void {
  if ((used & USES_RINGS) !== 0) lane.openRing(publisher)
  if ((used & USES_RELAYS) !== 0) lane.openRelay(publisher)
  if ((used & USES_SPILLWAYS) !== 0) lane.openSpillway(publisher)
}
