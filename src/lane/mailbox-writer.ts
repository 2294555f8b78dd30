import {
  FULL,
  giveBackLease,
  LatestWriter,
  LossyWriter,
  pause,
  RingWriter,
  readCounter,
  storeCounter,
  takeLease,
  wake,
} from '../../native-free-ring/src/index.ts'
import { FullError, InvalidEventError, type MillraceError } from '../errors.ts'
import { type BlockRef, REF_BYTES, readRef, writeRef } from '../event/block-ref.ts'
import { overwrites, type Policy } from '../event/policy.ts'
import { flagsOf, HAS_KEY, IN_BLOCK, isSameKey, keyHashOf } from '../event/record.ts'
import { QUEUED, type ThreadBlocks } from './blocks.ts'
import {
  CLOSED,
  DAMAGED,
  DROPPED,
  HIGH,
  HOLDS,
  LEASE,
  type MailboxPlace,
  mailboxRing,
  mailboxSpill,
  mailboxTable,
  mailboxWords,
  OFFERED,
  REFUSED,
  WANTED,
} from './mailbox.ts'
import { parkedWord } from './map.ts'
import { HIGH_WATER } from './notices.ts'
import { DELIVERED, LATER, type Outlet, REJECTED, type RecordView } from './outlet.ts'
import { isSampled } from './sample.ts'

/** How often a writer tries for the lease that another worker holds: the holder is copying one record. */
const LEASE_SPINS = 100

/** Learns what happens in mailboxes, and tells it once it does no harm. */
export interface MailboxObserver {
  readonly wantsDrops: boolean
  readonly wantsLevels: boolean
  /** The record of the last event lies at `at`. */
  dropped(place: MailboxPlace, policy: Policy, record: RecordView, at: number, count: number): void
  filled(place: MailboxPlace, used: number): void
}

/** A worker's way into a mailbox. */
export class MailboxWriter implements Outlet {
  readonly place: MailboxPlace
  private readonly words: Int32Array
  private readonly ring: LossyWriter
  private readonly table: LatestWriter | undefined
  /** Where it goes what finds no room. */
  private readonly spill: RingWriter | undefined
  private readonly observer: MailboxObserver
  private readonly control: Int32Array
  private readonly holder: number
  /** Of a sample, one event in so many is kept. */
  private readonly every: number
  private readonly waits: boolean
  private readonly overwrites: boolean
  private readonly blocks: ThreadBlocks
  lacksBlock: number | undefined
  /** Records written by this end. */
  private written = 0

  /** `holder` names this thread in the lease; `control` is the engine's, to wake the receiver. */
  constructor(
    place: MailboxPlace,
    control: Int32Array,
    holder: number,
    blocks: ThreadBlocks,
    observer: MailboxObserver,
  ) {
    this.observer = observer
    this.blocks = blocks
    this.place = place
    this.control = control
    this.holder = holder
    this.words = mailboxWords(place)
    const ring: LossyWriter = new LossyWriter(mailboxRing(place), (at, end) => this.discard(ring, at, end))
    this.ring = ring
    const table = mailboxTable(place)
    this.table = table && new LatestWriter(table)
    const { onFull } = place
    this.every = typeof onFull === 'object' ? onFull.sample : 1
    this.waits = onFull === 'block' || onFull === 'spill'
    this.spill = onFull === 'spill' ? new RingWriter(mailboxSpill(place)) : undefined
    this.overwrites = overwrites(onFull)
  }

  /** Offers a copy of the record from `start` to `end`: `DELIVERED`, `LATER` or `REJECTED`, as the policy says. */
  offer(source: RecordView, start: number, end: number): number {
    if (Atomics.load(this.words, CLOSED) === 1) return DELIVERED
    this.lacksBlock = undefined
    if (!this.takeLease()) return LATER
    const answer = this.handOver(source, start, end)
    giveBackLease(this.words, LEASE)
    if (answer === DELIVERED) wake(this.control, parkedWord(this.place.receiver))
    return answer
  }

  /** Whether an offer is worth another try. If not, the receiver wakes the workers after it has made room. */
  awaitRoom(bytes: number, lacksBlock: number | undefined): boolean {
    if (this.canOffer(bytes, lacksBlock)) return true
    // Before the next look at the room; pairs with the exchange in takeWanted.
    const isNew = Atomics.exchange(this.words, WANTED, 1) === 0
    if (this.canOffer(bytes, lacksBlock)) return true
    // What has spilled makes room for more once it is in the store.
    if (isNew && this.spill !== undefined) wake(this.control, parkedWord(this.place.receiver))
    return false
  }

  /** Why a record of so many bytes was rejected. */
  refusal(bytes: number): MillraceError {
    const { patterns, capacity } = this.place
    const about = `The mailbox of subscription ${patterns.join(', ')}`
    const limit = this.table?.maxValueBytes
    if (limit !== undefined) {
      return new InvalidEventError(
        `${about} coalesces events of up to ${limit} bytes, and this one has ${bytes}: a smaller capacity allows longer ones`,
      )
    }
    return new FullError(`${about} is full: its capacity is ${capacity} events`, undefined)
  }

  private canOffer(bytes: number, lacksBlock: number | undefined): boolean {
    if (Atomics.load(this.words, CLOSED) === 1) return true
    if (Atomics.load(this.words, LEASE) !== 0) return false
    if (lacksBlock !== undefined && !this.blocks.mayHaveRoom(lacksBlock)) return false
    // Without waiting for room, an offer only failed for the lease.
    return !this.waits || this.canWrite(bytes)
  }

  private canWrite(bytes: number): boolean {
    this.ring.resume()
    if (this.spill === undefined) return this.ring.hasRoom(bytes)
    this.spill.resume()
    return this.spill.hasRoom(bytes) || (this.ring.hasRoom(bytes) && !this.isSpilling(this.spill))
  }

  private takeLease(): boolean {
    for (let i = 0; i < LEASE_SPINS; i++) {
      if (takeLease(this.words, LEASE, this.holder)) return true
      pause()
    }
    return false
  }

  private handOver(source: RecordView, start: number, end: number): number {
    if (this.every > 1 && !isSampled(this.count(OFFERED) - 1, this.every)) {
      this.drop(source, start)
      return DELIVERED
    }
    const isInBlock = (flagsOf(source.words, start) & IN_BLOCK) !== 0
    return isInBlock ? this.writeLarge(source, start, end) : this.write(source, start, end)
  }

  /** Of a record whose data lie in a block, the mailbox gets a copy of that. */
  private writeLarge(source: RecordView, start: number, end: number): number {
    const ref = readRef(source.bytes, end)
    // Without a copy, if there is no room for the record.
    if (this.waits && !this.canWrite(end - start)) return LATER
    const copy = this.blocks.copyOf(ref) ?? this.copyByForce(ref)
    if (copy === undefined) {
      this.lacksBlock = this.blocks.failure
      // Somebody else is allocating: there may be room, whatever the policy says to there being none.
      return this.blocks.isBusy ? LATER : this.refuse(source, start)
    }
    const { written } = this
    const answer = this.write(source, start, end, copy)
    // What was not written has no use for it.
    if (this.written === written) this.blocks.release(copy)
    else this.blocks.passOn(copy, QUEUED)
    // The receiver has freed what it found after it closed the mailbox: this may have come later.
    if (Atomics.load(this.words, CLOSED) === 1) this.blocks.free(copy, QUEUED)
    return answer
  }

  /** If it may overwrite, gives up the oldest records, as long as there are some that have blocks, until there is room for a copy. */
  private copyByForce(ref: BlockRef): BlockRef | undefined {
    if (!this.overwrites || this.blocks.isBusy) return undefined
    const { ring } = this
    // Others may have written since this end did.
    ring.resume()
    let holders = ring.count((at) => (flagsOf(ring.words, at) & IN_BLOCK) !== 0)
    while (holders > 0 && ring.drop()) {
      if ((flagsOf(ring.words, ring.lostAt) & IN_BLOCK) === 0) continue
      holders--
      const copy = this.blocks.copyOf(ref)
      if (copy !== undefined || this.blocks.isBusy) return copy
    }
    return undefined
  }

  /** What the policy says to an event that finds no room. */
  private refuse(source: RecordView, start: number): number {
    if (this.waits) return LATER
    if (this.place.onFull === 'reject') {
      this.count(REFUSED)
      return REJECTED
    }
    this.drop(source, start)
    return DELIVERED
  }

  private write(source: RecordView, start: number, end: number, ref?: BlockRef): number {
    const { table } = this
    if (table !== undefined && (flagsOf(source.words, start) & HAS_KEY) !== 0) {
      return this.coalesce(table, source, start, end, ref)
    }
    this.ring.resume()
    this.spill?.resume()
    const isSpilling = this.spill !== undefined && this.isSpilling(this.spill)
    const at = isSpilling ? FULL : this.ring.claim(end - start, this.overwrites)
    if (at !== FULL) {
      this.tellLost('drop-oldest', this.ring)
      this.ring.bytes.set(source.bytes.subarray(start, end), at)
      this.point(this.ring, at + end - start, ref)
      this.ring.commit()
      this.tellLevel()
      return DELIVERED
    }
    if (this.spill !== undefined) return this.spillTo(this.spill, source, start, end, ref)
    return this.refuse(source, start)
  }

  /** The record that ends there has its data in this block. */
  private point({ words }: { readonly words: Int32Array }, end: number, ref: BlockRef | undefined): void {
    this.written++
    if (ref !== undefined) writeRef(words, end - REF_BYTES, ref)
  }

  /** Frees what a record that is lost refers to. */
  private discard({ words, bytes }: RecordView, at: number, end: number): void {
    if ((flagsOf(words, at) & IN_BLOCK) !== 0) this.blocks.free(readRef(bytes, end), QUEUED)
  }

  /** Whether what has spilled lies unread: then all that comes goes after it. */
  private isSpilling(spill: RingWriter): boolean {
    // The ring first: what has left it for the store is said to be there before.
    return spill.usedBytes > 0 || Atomics.load(this.words, HOLDS) === 1
  }

  private spillTo(
    spill: RingWriter,
    source: RecordView,
    start: number,
    end: number,
    ref: BlockRef | undefined,
  ): number {
    const at = spill.claim(end - start)
    if (at === FULL) return LATER
    spill.bytes.set(source.bytes.subarray(start, end), at)
    this.point(spill, at + end - start, ref)
    spill.commit()
    return DELIVERED
  }

  private coalesce(
    table: LatestWriter,
    { bytes, words }: RecordView,
    start: number,
    end: number,
    ref: BlockRef | undefined,
  ): number {
    if (end - start > table.maxValueBytes) {
      this.count(REFUSED)
      return REJECTED
    }
    table.resume()
    if (this.words[DAMAGED] === 1) {
      table.repair()
      this.words[DAMAGED] = 0
    }
    const at = table.claim(keyHashOf(words, start), end - start, (other) =>
      isSameKey(table.bytes, other, bytes, start),
    )
    this.tellLost('coalesce', table)
    table.bytes.set(bytes.subarray(start, end), at)
    this.point(table, at + end - start, ref)
    table.commit()
    // Until then it was the key's latest.
    if (table.lost > 0) {
      this.discard(table, table.lostAt, table.lostEnd)
      table.forget()
    }
    this.tellLevel()
    return DELIVERED
  }

  /** Does without the record at `at`. */
  private drop(source: RecordView, at: number): void {
    this.count(DROPPED)
    const { observer, place } = this
    if (observer.wantsDrops) observer.dropped(place, place.onFull, source, at, 1)
  }

  /** Before what was claimed is written over it. */
  private tellLost(policy: Policy, writer: LossyWriter | LatestWriter): void {
    const { lost, lostAt } = writer
    if (lost > 0 && this.observer.wantsDrops) this.observer.dropped(this.place, policy, writer, lostAt, lost)
  }

  private tellLevel(): void {
    const { observer, words, place } = this
    if (!observer.wantsLevels || !this.isNearlyFull) return
    // The receiver may have taken all of them meanwhile.
    const unread = Math.max(1, this.ring.unread, this.table?.unread ?? 0)
    if (Atomics.compareExchange(words, HIGH, 0, unread) === 0) observer.filled(place, unread)
  }

  private get isNearlyFull(): boolean {
    const { ring, table, place } = this
    const { capacity, dataBytes } = place
    if (table !== undefined && table.unread >= HIGH_WATER * capacity) return true
    return ring.isHolding(HIGH_WATER * capacity) || ring.isFilledTo(HIGH_WATER * dataBytes)
  }

  /** Under the lease, so that one thread at a time writes the counter. */
  private count(counter: number): number {
    const count = readCounter(this.words, counter, 0) + 1
    storeCounter(this.words, counter, 0, count)
    return count
  }
}
