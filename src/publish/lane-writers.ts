import { Counters, FULL, RingWriter, wordsOf } from '../../native-free-ring/src/index.ts'
import { COPY, type Draft, writeDraft } from '../event/record.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import {
  ACTIVATIONS,
  activeWord,
  countersWord,
  homeWord,
  idleWord,
  isKeyed,
  laneCount,
  type PublisherSlot,
  type SharedMap,
  THREAD_COUNTERS,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { ringPlace } from '../lane/places.ts'
import { wakeReader } from '../lane/roster.ts'
import { droppedNewest, sampledOut } from '../lane/thread-counters.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { BlockWriter } from './block-writer.ts'
import type { PublisherNotices } from './publisher-notices.ts'
import { RelayWriters } from './relay-writers.ts'
import type { Runs } from './runs.ts'
import { SpillwayWriters } from './spillway-writers.ts'

/** So many events become visible together, even if their reader is busy. */
const RUN_EVENTS = 64

/**
 * A publisher's ends of all lanes: claims, writes and commits.
 *
 * Only the publisher's thread may use it.
 */
export class LaneWriters {
  private readonly map: SharedMap
  readonly publisher: number
  private readonly slot: PublisherSlot
  private readonly control: Int32Array
  private readonly counters: Counters
  private readonly writers: (RingWriter | undefined)[]
  private readonly dirty: boolean[]
  /** The lanes with something uncommitted: the first `touchedCount`. */
  private readonly touched: number[] = []
  private touchedCount = 0
  private readonly notices: PublisherNotices
  /** What its records refer to. */
  readonly blocks: BlockWriter
  private readonly relays: RelayWriters
  /** Undefined without a store. */
  private readonly spillways: SpillwayWriters | undefined
  /** The lanes for which sends wait, and in how many queues. */
  private readonly wanted = new Map<number, number>()
  private sequence = 0
  /** Events written since the last commit. */
  private uncommitted = 0
  /** What of the publisher's is known to be in use: bits of its active word. */
  private active = 0
  private readonly runs: Runs
  /** Something was written since the last commit. */
  private inRun = false
  /** How many more events may be written in this run, into rings that were opened in it. */
  left = 0
  /** Its number. */
  run = 0
  /** When its events were published. */
  time = 0
  /** The lane that was opened last. */
  private latest = 0
  /** The words with the lanes' homes. */
  private readonly homes: number

  constructor(
    map: SharedMap,
    publisher: number,
    topics: TopicTable,
    blocks: ThreadBlocks,
    notices: PublisherNotices,
    runs: Runs,
  ) {
    this.map = map
    this.publisher = publisher
    this.slot = map.publishers[publisher]!
    this.blocks = new BlockWriter(blocks, this.slot.depth)
    const { thread } = this.slot
    this.runs = runs
    this.control = wordsOf(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    const lanes = laneCount(map.shape)
    this.homes = homeWord(map.shape, 0)
    this.writers = new Array(lanes).fill(undefined)
    this.dirty = new Array(lanes).fill(false)
    this.notices = notices
    this.relays = new RelayWriters(map, publisher, topics, this.blocks, notices)
    this.spillways = map.shape.spills ? new SpillwayWriters(map, publisher) : undefined
    const used = Atomics.load(this.control, activeWord(this.slot))
    // A slot that was used before goes on with its count: sequences and the ids made of them are never reused.
    for (let lane = 0; lane < lanes; lane++) {
      if (used & USES_RINGS) this.sequence += new RingWriter(ringPlace(map, publisher, lane)).written
      if (used & USES_RELAYS) this.sequence += this.relays.writtenTo(lane)
      if (used & USES_SPILLWAYS) this.sequence += this.spillways!.writtenTo(lane)
    }
  }

  /** Writes the draft into this lane's ring, uncommitted, if there is room. */
  write(lane: number, draft: Draft, bytes: number): boolean {
    const writer = this.writer(lane)
    if (!this.inRun) this.begin()
    const at = writer.claim(bytes)
    if (at === FULL) return false
    this.number(draft)
    this.count(draft)
    writeDraft(writer, at, draft)
    this.touch(lane, writer)
    return true
  }

  /**
   * From here on events may be claimed from rings that are opened, each numbered by `next`, until `left` is 0. Whatever makes visible what was
   * written, or takes it back, ends that.
   */
  beginRun(time: number): void {
    this.time = time
    this.run++
    if (!this.inRun) this.begin()
    // Each may have to be told of.
    const isRun = this.runs.mayWait && !this.notices.wantsLevels
    this.left = isRun ? Math.max(1, RUN_EVENTS - this.uncommitted) : 1
  }

  /** Nothing more is written in this run. */
  endRun(): void {
    this.notices.look(this.latest, this.writer(this.latest))
    this.commitSoon()
  }

  /** Opens the ring of this lane, to be claimed from. */
  open(lane: number): RingWriter {
    const writer = this.writer(lane)
    this.latest = lane
    if (this.dirty[lane]) return writer
    this.touch(lane, writer)
    // Its reader is to have it at once.
    if (this.isIdle(lane)) this.left = 1
    return writer
  }

  /** The number of the event that is being written. */
  next(): number {
    this.left--
    this.uncommitted++
    return this.sequence++
  }

  private touch(lane: number, writer: RingWriter): void {
    this.latest = lane
    this.notices.look(lane, writer)
    if (this.dirty[lane]) return
    this.dirty[lane] = true
    this.touched[this.touchedCount++] = lane
  }

  /** Writes the draft into this lane's relay, uncommitted, if there is room; if it may `overwrite`, there is. */
  relay(lane: number, draft: Draft, bytes: number, overwrite: boolean): boolean {
    if (!this.inRun) this.begin()
    this.use(USES_RELAYS)
    this.number(draft)
    if (!this.relays.write(lane, draft, bytes, overwrite)) return false
    this.count(draft)
    return true
  }

  /** Writes the draft, uncommitted, in the place of the one with its key in this lane's relay, if there is one. */
  coalesce(lane: number, draft: Draft, bytes: number): void {
    if (!this.inRun) this.begin()
    this.use(USES_RELAYS)
    this.number(draft)
    this.count(draft)
    this.relays.coalesce(lane, draft, bytes)
  }

  /** Gives up what lies in this lane's relay, up to one that had a block; false if none has. */
  dropOldest(lane: number): boolean {
    return this.relays.dropOldest(lane)
  }

  /** @internal Makes everything written visible, and wakes the workers that parked. `Runs` does it. */
  commit(): void {
    this.inRun = false
    this.left = 0
    this.uncommitted = 0
    if (this.relays.isDirty) this.relays.commit((lane) => this.wakeReader(lane))
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      this.dirty[lane] = false
      this.writers[lane]!.commit()
      this.wakeReader(lane)
    }
    // Not `length = 0`, which would let go of the array's memory each time.
    this.touchedCount = 0
    this.spillways?.commit()
    // What was committed has them from here on.
    if (this.blocks.isDirty) this.blocks.commit()
  }

  /** Wakes the thread that is to look at this lane. */
  wakeReader(lane: number): void {
    wakeReader(this.control, this.map.shape, lane)
  }

  /** What was written last becomes visible with what follows, if it may: at once, if its reader has nothing else to read. */
  commitSoon(): void {
    const { runs } = this
    if (!runs.mayWait || this.uncommitted >= RUN_EVENTS || this.isIdle(this.latest)) runs.commit()
  }

  /** Makes everything visible that this thread has published. */
  flush(): void {
    this.runs.commit()
  }

  /** Forgets everything written since the last commit. */
  abort(): void {
    if (this.blocks.isDirty) this.blocks.abort()
    this.relays.abort()
    this.spillways?.abort()
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      this.writers[lane]!.resume()
      this.dirty[lane] = false
    }
    this.touchedCount = 0
    this.left = 0
    this.sequence -= this.uncommitted
    this.uncommitted = 0
  }

  /** Whether the draft could be written into this lane now, or into its spillway if it may. */
  hasRoom(lane: number, draft: Draft, bytes: number): boolean {
    const isSpilling = this.isSpilling(lane)
    if (!isSpilling && this.writer(lane).hasRoom(bytes)) return true
    return (isSpilling || draft.spills) && this.spillways!.hasRoom(lane, bytes)
  }

  /** Says that one more queue waits for room in this lane, or one less. */
  want(lane: number, room: boolean): void {
    const queues = (this.wanted.get(lane) ?? 0) + (room ? 1 : -1)
    if (queues > 0) this.wanted.set(lane, queues)
    else this.wanted.delete(lane)
    this.writer(lane).want(queues > 0 || this.isSpilling(lane))
    this.spillways?.want(lane, queues > 0)
  }

  /** What lies in this lane, of this publisher. */
  usedBytes(lane: number): number {
    return this.writer(lane).usedBytes
  }

  countDrops(events: number): void {
    this.counters.add(droppedNewest(this.slot), events)
  }

  /** Counts events that a sample does without. */
  countSampledOut(events: number): void {
    this.counters.add(sampledOut(this.slot), events)
  }

  /** Whether what has a key of this lane must go out, so as not to overtake what has. */
  isSpilling(lane: number): boolean {
    const { spillways } = this
    if (spillways === undefined || !spillways.mayBeSpilling(lane) || !isKeyed(this.map.shape, lane))
      return false
    if (spillways.isSpilling(lane)) return true
    if (!this.wanted.has(lane)) this.writer(lane).want(false)
    return false
  }

  /** Writes the draft into this lane's spillway, uncommitted, if there is room. */
  spill(lane: number, draft: Draft, bytes: number): boolean {
    if (!this.inRun) this.begin()
    this.use(USES_SPILLWAYS)
    this.number(draft)
    if (!this.spillways!.write(lane, draft, bytes)) return false
    this.count(draft)
    // The engine's thread waits for this ring to be empty: its readers are to say so.
    this.writer(lane).want(true)
    return true
  }

  /** Whether the thread that reads this lane first has nothing to do: a hint. */
  private isIdle(lane: number): boolean {
    const { control } = this
    return control[idleWord(control[this.homes + lane]!)] !== 0
  }

  private begin(): void {
    this.runs.begin(this)
    this.inRun = true
  }

  private writer(lane: number): RingWriter {
    return this.writers[lane] ?? this.make(lane)
  }

  /** Says which of the publisher's events it is. Copies have the number of the leading one. */
  number(draft: Draft): void {
    if ((draft.flags & COPY) !== 0) return
    draft.publisher = this.publisher
    draft.sequence = this.sequence
  }

  /** It is written, at least in one pool. */
  private count(draft: Draft): void {
    const next = draft.sequence + 1
    this.uncommitted += next - this.sequence
    this.sequence = next
  }

  /** Before the first commit: a reader that was woken by it sees what this publisher uses. */
  private use(part: number): void {
    if ((this.active & part) !== 0) return
    this.active |= part
    Atomics.or(this.control, activeWord(this.slot), part)
    // In any case: who had this number before may have died between the two.
    Atomics.add(this.control, ACTIVATIONS, 1)
  }

  private make(lane: number): RingWriter {
    this.use(USES_RINGS)
    const writer = new RingWriter(ringPlace(this.map, this.publisher, lane))
    this.writers[lane] = writer
    return writer
  }
}
