import { isParked, wordsOf } from '../../native-free-ring/src/index.ts'
import { type PoolShape, parkedWord, type SharedMap } from '../lane/map.ts'
import { homeOf } from '../lane/roster.ts'

/** Events without a key go to one lane in runs of so many, so that its reader finds batches. */
const RUN_EVENTS = 16

/** Whose turn it is, of a pool's lanes for events without a key, as one publisher fills them. */
export class FreeLanes {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly workers: number
  readonly first: number
  readonly count: number
  /** The one whose turn it is. */
  current: number
  /** Events until the turn of the next one. */
  run = 0

  /** `thread`: publishers begin with different ones. */
  constructor(map: SharedMap, { workers, firstLane, keyedLanes, freeLanes }: PoolShape, thread: number) {
    this.map = map
    this.control = wordsOf(map.control)
    this.workers = workers
    this.first = firstLane + keyedLanes
    this.count = freeLanes
    this.current = this.first + (thread % freeLanes)
  }

  /** Where the next event goes. */
  take(): number {
    const lane = this.peek()
    this.run--
    return lane
  }

  /** The same, without an event for it yet. */
  peek(): number {
    if (this.run <= 0) this.turnTo(this.choose())
    return this.current
  }

  after(lane: number): number {
    return this.first + ((lane - this.first + 1) % this.count)
  }

  /** A run begins at this lane. */
  turnTo(lane: number): void {
    this.current = lane
    this.run = RUN_EVENTS
  }

  /** The next in turn, unless a worker is parked: then one of its lanes. */
  private choose(): number {
    const { control, workers } = this
    const { shape } = this.map
    const next = this.after(this.current)
    let lane = next
    for (let i = 0; i < workers && i < this.count; i++) {
      if (isParked(control, parkedWord(homeOf(control, shape, lane)))) return lane
      lane = this.after(lane)
    }
    return next
  }
}
