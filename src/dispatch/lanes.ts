import { performance } from 'node:perf_hooks'
import { Counters, isParked, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import {
  ACTIVATIONS,
  activeWord,
  countersWord,
  DEATHS,
  parkedWord,
  type SharedMap,
  THREAD_COUNTERS,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { DISPATCHED } from '../lane/thread-counters.ts'
import type { LaneReader } from './lane-reader.ts'

/** A drain should last about so long: batches grow and shrink toward it. */
const DRAIN_MS = 0.5
const MAX_BATCH = 256

/** All lanes that one thread may read: which have news, and which are drained first. */
export class Lanes {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly counters: Counters
  private readonly home: readonly LaneReader[]
  private readonly others: readonly LaneReader[]
  /** Those that publishers write. */
  private readonly published: readonly LaneReader[]
  /** What of each publisher is known to be in use: bits of its active word. */
  private readonly opened: number[]
  private activations = 0
  private deaths: number
  private batch = 8
  /** Where the lane stands that had news last. */
  private latest = 0

  /** `home`: those that this `thread` reads first; `others`: those that it reads if the first have no news; and its `inbox`. */
  constructor(
    map: SharedMap,
    thread: number,
    home: readonly LaneReader[],
    others: readonly LaneReader[],
    inbox: LaneReader,
  ) {
    this.map = map
    this.control = wordsOf(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    this.home = [inbox, ...home]
    this.published = [...home, ...others]
    this.others = others
    this.opened = new Array(map.publishers.length).fill(0)
    this.deaths = Atomics.load(this.control, DEATHS)
  }

  /** Drains every lane with news once: those at home, and if they had none, the others. Answers how many events. */
  pass(): number {
    this.lookAround()
    const worked = this.drainAll(this.home)
    if (worked > 0) {
      this.shareWork()
      return worked
    }
    return this.drainAll(this.others)
  }

  /** Whether a pass would get anywhere now. */
  hasNews(): boolean {
    this.lookAround()
    const { home, others } = this
    for (let i = 0; i < home.length; i++) if (home[i]!.hasNews()) return true
    for (let i = 0; i < others.length; i++) if (others[i]!.hasNews()) return true
    return false
  }

  /** What was held back may go on. */
  unblock(): void {
    for (const lane of this.home) lane.unblock()
    for (const lane of this.others) lane.unblock()
  }

  /** The thread stops: tells the handlers' modules that it has lost them. */
  async leave(): Promise<void> {
    await Promise.all([...this.home, ...this.others].map((lane) => lane.leave()))
  }

  private drainAll(lanes: readonly LaneReader[]): number {
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
    const { shape } = this.map
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
    this.map.publishers.forEach((slot, publisher) => {
      const used = Atomics.load(this.control, activeWord(slot)) & ~this.opened[publisher]!
      if (used === 0) return
      this.opened[publisher]! |= used
      for (const lane of this.published) {
        if ((used & USES_RINGS) !== 0) lane.openRing(publisher)
        if ((used & USES_RELAYS) !== 0) lane.openRelay(publisher)
        if ((used & USES_SPILLWAYS) !== 0) lane.openSpillway(publisher)
      }
    })
    if (deaths === this.deaths) return
    this.deaths = deaths
    for (const lane of this.published) lane.sweep()
  }
}
