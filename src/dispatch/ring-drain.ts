import { EMPTY, RingGauge, type RingPlace, RingReader } from '../../native-free-ring/src/index.ts'
import { flagsOf, freshTopicOf, IN_BLOCK, keyHashOf, ORDERED } from '../event/record.ts'
import type { Space } from '../event/space.ts'
import { attemptsOf, completeFirst, isSuspect, outcomeOf, withDeath, withOutcome } from '../lane/mark.ts'
import { COMPLETED, DUPLICATE, LANE_COUNTERS, type Outcome, RELEASED, UNDECIDED } from '../lane/outcome.ts'
import { isTraced } from '../observe/channels.ts'
import type { CompletedIds } from './completed-ids.ts'
import type { EventContext, RecordSource, WaitingPublisher } from './context.ts'
import type { DirectCall } from './direct-call.ts'
import type { Execution } from './execution.ts'
import type { Executor } from './executor.ts'
import type { FlightRecorder } from './flight.ts'

/** How many events may be handled at once. */
export interface WorkLimit {
  readonly isReached: boolean
}

/** What a ring needs of its lane. */
export interface RingHost {
  /** Learns of subscriptions that are older than what is about to be dispatched. */
  synchronise(): void
  /** Its number; undefined if it is none for keys. */
  readonly keyedLane: number | undefined
  readonly hasBusyKeys: boolean
  /** How many events its worker may handle at once, of all rings that have such a limit; undefined if this one has none. */
  readonly limit: WorkLimit | undefined
  /** Whether the record at `at` must wait for one of its key that is in flight. */
  isBusy(words: Int32Array, at: number, ring: RingDrain): boolean
  /** The same for a key with this hash. */
  isBusyKey(keyHash: number | undefined, ring: RingDrain): boolean
  /** Whether this ring's events may start: not while a suspect is handled, or waits to be, unless it is this ring's. */
  mayStart(ring: RingDrain): boolean
  /** Whether this ring's suspect may start: nothing else is being handled. If not, nothing else starts until it may. */
  mayStartSuspect(ring: RingDrain): boolean
  /** Remembers what this thread does. */
  readonly flight: FlightRecorder
  /** The ids that the lane has completed; undefined if they are not remembered. */
  readonly completed: CompletedIds | undefined
  started(record: InFlight): void
  ended(record: InFlight): void
  readonly isStopped: boolean
  /** The same, as it was a moment ago: without an atomic load, for each event. */
  readonly looksStopped: boolean
  /** Whether this ring's events may be dispatched: not while modules are told of the lane, or before it has changed hands. */
  mayBegin(ring: RingDrain): boolean
}

/** A record that was dispatched and not yet released. */
export type InFlight = {
  readonly ring: RingDrain
  /** Where the record ends: the ring may be released up to here once this and all before it have settled. */
  readonly end: number
  readonly markWord: number
  readonly keyHash: number
  /** Else it holds nothing back. */
  readonly isOrdered: boolean
  /** In flight once before, when its worker died (decision 12). */
  readonly isSuspect: boolean
  readonly context: EventContext | undefined
  /** Its number in the flight recorder. */
  readonly flown: number
  outcome: Outcome | undefined
}

/**
 * Reads one ring of a lane: dispatches its records in order and releases them in order, although their handlers may
 * settle in any.
 */
export class RingDrain implements RecordSource {
  /** Stopped before a record whose key is busy, or at a full window: not worth a look until something settles. */
  blocked = false
  /** Its next record is a suspect, for which others are held back. */
  awaitsStart = false
  protected readonly reader: RingReader
  private readonly gauge: RingGauge
  protected readonly lane: RingHost
  private readonly executor: Executor
  readonly publisher: WaitingPublisher
  readonly depth: number
  private readonly window: number
  private readonly limit: WorkLimit | undefined
  /** Those that are not released, with an outcome or without. */
  protected readonly inFlight: InFlight[] = []
  /** How many of them have none. */
  private open = 0
  /** Of the event that is dispatched: its number in the flight recorder. */
  flown = 0
  private readonly onRoom: () => void

  /**
   * The handlers of this ring's events, which are of this `depth`, publish as `publisher`. `onRoom` wakes the thread that
   * writes this ring, when it waits for room.
   */
  constructor(
    place: RingPlace,
    depth: number,
    lane: RingHost,
    executor: Executor,
    publisher: WaitingPublisher,
    window: number,
    onRoom: () => void,
  ) {
    this.reader = new RingReader(place, LANE_COUNTERS)
    this.gauge = new RingGauge(place, LANE_COUNTERS)
    this.lane = lane
    this.executor = executor
    this.publisher = publisher
    this.depth = depth
    this.window = window
    this.limit = lane.limit
    this.onRoom = onRoom
  }

  get keyedLane(): number | undefined {
    return this.lane.keyedLane
  }

  get space(): Space {
    return this.reader
  }

  get bytes(): Uint8Array {
    return this.reader.bytes
  }

  get words(): Int32Array {
    return this.reader.words
  }

  /** Whether records lie unread; without the lease. */
  get hasRecords(): boolean {
    return !this.gauge.isEmpty
  }

  /** Whether a drain would get anywhere; under the lease. */
  get isReadable(): boolean {
    return !this.blocked && this.reader.prefetch() > 0
  }

  /** As many as may are being handled. Those that wait for others do not count: the others may lie behind them. */
  private get isFull(): boolean {
    if (this.open < this.window) return false
    let waiting = 0
    for (const { outcome, context } of this.inFlight)
      if (outcome === undefined && context!.waiting > 0) waiting++
    return this.open - waiting >= this.window
  }

  get hasInFlight(): boolean {
    return this.inFlight.length > 0
  }

  /** Whether something in flight waits for room, or for an answer. */
  get hasWaiting(): boolean {
    return this.inFlight.some(({ outcome, context }) => outcome === undefined && context!.waiting > 0)
  }

  /** Whether another worker may as well go on here. */
  get isQuiet(): boolean {
    return this.inFlight.length === 0 && !this.awaitsStart
  }

  /** Goes on where the lane's last reader stopped. */
  resume(): void {
    this.reader.resume()
    this.blocked = false
  }

  /** When all records are read: fetches up to `limit` more, if they are not in the ring by themselves. */
  protected refill(_limit: number): boolean {
    return false
  }

  /** Dispatches up to `limit` records; answers how many. */
  drain(limit: number): number {
    const { reader } = this
    if (!this.isReadable) return 0
    if (!this.lane.mayStart(this)) {
      this.blocked = true
      return 0
    }
    this.lane.synchronise()
    if (!this.lane.mayBegin(this)) return 0
    let dispatched = 0
    // Where the settled prefix ends, if something behind it goes on.
    let settledEnd: number | undefined
    while (dispatched < limit && !this.lane.isStopped) {
      if (this.inFlight.length === 0) {
        dispatched += this.drainDirect(limit - dispatched)
        if (dispatched === limit) break
      }
      const before = reader.position
      let at = reader.next()
      if (at === EMPTY && this.refill(limit - dispatched)) at = reader.next()
      if (at === EMPTY) break
      if (this.limit?.isReached) {
        reader.position = before
        this.blocked = true
        break
      }
      if (this.inFlight.length > 0 || this.lane.hasBusyKeys) {
        if (this.isFull || this.lane.isBusy(reader.words, at, this)) {
          reader.position = before
          this.blocked = true
          break
        }
      }
      const suspected = isSuspect(reader.words[(at >> 2) - 1]!)
      this.awaitsStart = suspected && !this.lane.mayStartSuspect(this)
      if (this.awaitsStart) {
        reader.position = before
        this.blocked = true
        break
      }
      const wasQuiet = this.inFlight.length === 0
      if (!this.dispatch(at, suspected)) {
        reader.position = before
        break
      }
      if (wasQuiet && dispatched > 0 && this.inFlight.length > 0) settledEnd = before
      dispatched++
      if (suspected) break
    }
    if (this.inFlight.length === 0) this.release(reader.position)
    else if (settledEnd !== undefined) this.release(settledEnd)
    return dispatched
  }

  /**
   * Dispatches records as long as they need no more than one handler, which settles at once: up to `limit`, answers how many. The
   * same as `dispatch` does, with less to ask.
   */
  private drainDirect(limit: number): number {
    const { reader, lane, executor } = this
    if (lane.hasBusyKeys || lane.completed !== undefined || this.limit?.isReached || isTraced()) return 0
    const { words } = reader
    const { flight } = lane
    let dispatched = 0
    let completed = 0
    let topicId = 0
    let call: DirectCall | undefined
    while (dispatched < limit && this.inFlight.length === 0 && !lane.looksStopped) {
      const before = reader.position
      const at = reader.next()
      if (at === EMPTY) break
      const nextId = freshTopicOf(words, at)
      if (nextId !== topicId) {
        call?.rest()
        topicId = nextId
        call = executor.directOf(topicId)
        if (call !== undefined) flight.enter(call.routed.number)
      }
      if (call === undefined) {
        reader.position = before
        break
      }
      const end = at + reader.length
      const flown = flight.beganPlain(reader, at, 1)
      this.flown = flown
      const result = executor.runDirect(call, this, at, end)
      if (result === COMPLETED) {
        flight.ended(flown, COMPLETED)
        completeFirst(words, at)
        completed++
        dispatched++
        continue
      }
      if (typeof result !== 'number') {
        if (dispatched > 0) {
          this.countCompleted(completed)
          completed = 0
          this.release(before)
        }
        this.goesOn(at, result, false, flown)
        dispatched++
        break
      }
      if (result === UNDECIDED) {
        reader.position = before
        break
      }
      flight.ended(flown, result)
      this.mark(at, result)
      this.count(result)
      dispatched++
    }
    flight.leave()
    call?.rest()
    this.countCompleted(completed)
    return dispatched
  }

  /** Answers false if the engine has stopped meanwhile, and for that the event was not handled to its end. */
  private dispatch(at: number, suspected: boolean): boolean {
    const { reader, executor } = this
    const { words, length } = reader
    const markWord = (at >> 2) - 1
    const mark = words[markWord]!
    // Settled under an earlier reader, which died before it could release it.
    const settledBefore = outcomeOf(mark) as Outcome | 0
    if (settledBefore !== 0) {
      executor.blocks.release(this, at)
      this.settled(markWord, settledBefore)
      return true
    }
    const attempt = attemptsOf(mark) + 1
    const gone = (flagsOf(words, at) & IN_BLOCK) === 0 ? undefined : executor.hold(this, at, length, attempt)
    if (suspected) words[markWord] = withDeath(mark)
    const givenUp = gone ?? this.decided(at, length, mark)
    const { flight } = this.lane
    this.flown = flight.began(reader, at, length, attempt)
    const { flown } = this
    const result = givenUp ?? executor.run(this, at, length, attempt)
    if (typeof result === 'number') {
      if (result === UNDECIDED) return false
      flight.ended(flown, result)
      this.mark(at, result)
      this.settled(markWord, result)
      return true
    }
    this.goesOn(at, result, suspected, flown)
    return true
  }

  /** The record at `at` has been dispatched, and has no outcome yet. */
  private goesOn(at: number, { context, outcome }: Execution, isSuspect: boolean, flown: number): void {
    const { words } = this.reader
    const record: InFlight = {
      ring: this,
      end: this.reader.position,
      markWord: (at >> 2) - 1,
      keyHash: keyHashOf(words, at),
      isOrdered: (flagsOf(words, at) & ORDERED) !== 0,
      isSuspect,
      context,
      flown,
      outcome: undefined,
    }
    this.inFlight.push(record)
    this.open++
    this.lane.started(record)
    void outcome.then((settled) => this.settleLater(record, settled))
  }

  /** What has become of a record that need not be handled: undefined if it must be. */
  private decided(at: number, length: number, mark: number): Outcome | Execution | undefined {
    const { aftermath } = this.executor
    // If it was in flight, its worker has recorded the completion, and died before it could mark it.
    if (this.isCompleted(at)) return aftermath.ofDuplicate(this, at, mark === 0 ? DUPLICATE : COMPLETED)
    return mark === 0 ? undefined : aftermath.ofDeath(this, at, length)
  }

  /** A record with its outcome: counted at once, or queued behind one that has none yet. */
  private settled(markWord: number, outcome: Outcome): void {
    if (this.inFlight.length === 0) {
      this.count(outcome)
      return
    }
    this.inFlight.push({
      ring: this,
      end: this.reader.position,
      markWord,
      keyHash: 0,
      isOrdered: false,
      isSuspect: false,
      context: undefined,
      flown: 0,
      outcome,
    })
  }

  private settleLater(record: InFlight, outcome: Outcome | typeof UNDECIDED): void {
    if (outcome === UNDECIDED || this.lane.isStopped) return
    record.outcome = outcome
    this.open--
    this.lane.flight.ended(record.flown, outcome)
    this.mark((record.markWord + 1) << 2, outcome)
    let end = -1
    let count = 0
    for (const first of this.inFlight) {
      if (first.outcome === undefined) break
      this.count(first.outcome)
      end = first.end
      count++
    }
    this.inFlight.splice(0, count)
    if (count > 0) this.release(end)
    this.lane.ended(record)
  }

  /** Whether the record at `at` has the id of one that was completed. */
  private isCompleted(at: number): boolean {
    return this.lane.completed?.has(this.reader, at) ?? false
  }

  /** Writes down what has become of the record at `at`; of a completed one, the id before. */
  private mark(at: number, outcome: Outcome): void {
    const { words } = this.reader
    if (outcome === COMPLETED) this.lane.completed?.add(this.reader, at)
    const markWord = (at >> 2) - 1
    words[markWord] = withOutcome(words[markWord]!, outcome)
    if ((flagsOf(words, at) & IN_BLOCK) !== 0) this.executor.blocks.release(this, at)
  }

  private count(outcome: Outcome): void {
    const { counts } = this.reader
    counts[RELEASED]!++
    counts[outcome]!++
  }

  private countCompleted(events: number): void {
    const { counts } = this.reader
    counts[RELEASED]! += events
    counts[COMPLETED]! += events
  }

  private release(position: number): void {
    if (this.reader.release(position)) this.onRoom()
  }
}
