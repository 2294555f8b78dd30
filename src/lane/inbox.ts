import { threadId } from 'node:worker_threads'
import {
  EMPTY,
  FULL,
  giveBackLease,
  pause,
  RingReader,
  RingWriter,
  revokeLease,
  takeLease,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import { type BlockRef, REF_BYTES, readRef, writeRef } from '../event/block-ref.ts'
import { flagsOf, IN_BLOCK, readFields } from '../event/record.ts'
import { withRef } from '../event/record-copy.ts'
import { ALL, QUEUED, type ThreadBlocks } from './blocks.ts'
import { dispatchers, parkedWord, type SharedMap } from './map.ts'
import { LANE_COUNTERS, RELEASED } from './outcome.ts'
import { DELIVERED, LATER, type Outlet, type RecordView } from './outlet.ts'
import { inboxPlace } from './places.ts'

/** The word of the writers' lease, the first of an inbox. */
const LEASE = 0
/** Beside it: whether there is somebody who reads it (decision 23). */
const OPEN = 1
/** How often a writer tries for the lease that another one holds: the holder is copying one record. */
const LEASE_SPINS = 100

/** A thread's way into another one's inbox (decision 20). */
export class InboxWriter implements Outlet {
  private readonly words: Int32Array
  private readonly ring: RingWriter
  private readonly holder: number
  private readonly blocks: ThreadBlocks
  /** Wakes its reader. */
  readonly onNews: () => void
  private readonly wakeWriters: () => void
  lacksBlock: number | undefined
  /** The reader is to say when there is room. */
  private isWanting = false

  /** Of the inbox of `thread`; `holder` names this one in the lease. */
  constructor(map: SharedMap, thread: number, holder: number, blocks: ThreadBlocks) {
    const place = inboxPlace(map, thread)
    const control = wordsOf(map.control)
    this.words = new Int32Array(place.buffer, 0, 2)
    this.ring = new RingWriter(place)
    this.holder = holder
    this.blocks = blocks
    this.onNews = () => void wake(control, parkedWord(thread))
    this.wakeWriters = () => wakeInboxWriters(map)
  }

  /** Offers a copy of the record from `start` to `end`: `DELIVERED`, if nobody is there to read it, too, or `LATER`. */
  offer(source: RecordView, start: number, end: number): number {
    this.lacksBlock = undefined
    if (!this.isOpen) return DELIVERED
    if (!this.takeLease()) return LATER
    const answer = this.isOpen ? this.write(source, start, end) : DELIVERED
    this.giveBackLease()
    if (answer === DELIVERED) this.onNews()
    return answer
  }

  /** Under the lease, it stays so. */
  get isOpen(): boolean {
    return Atomics.load(this.words, OPEN) === 1
  }

  /** What is offered from now on comes. */
  open(): void {
    Atomics.store(this.words, OPEN, 1)
  }

  /** Nothing more comes after this, unless it answers false: another one is writing. For the reader. */
  close(): boolean {
    if (!this.isOpen) return true
    if (!this.takeLease()) return false
    Atomics.store(this.words, OPEN, 0)
    this.giveBackLease()
    // Those that wait for room find it closed.
    this.wakeWriters()
    return true
  }

  /** Whether an offer is worth another try. If not, the reader wakes the workers once it has made room. */
  awaitRoom(bytes: number, lacksBlock: number | undefined): boolean {
    if (this.canOffer(bytes, lacksBlock)) return true
    // Before the next look at the room; pairs with the load after the reader's release.
    this.isWanting = true
    this.ring.want(true)
    return this.canOffer(bytes, lacksBlock)
  }

  /** Holds all others off, so that several records are written without any between them. */
  takeLease(): boolean {
    for (let i = 0; i < LEASE_SPINS; i++) {
      if (takeLease(this.words, LEASE, this.holder)) {
        this.ring.resume()
        return true
      }
      pause()
    }
    return false
  }

  giveBackLease(): void {
    giveBackLease(this.words, LEASE)
  }

  /** What this record would take. */
  roomFor(record: Uint8Array): number {
    return Math.min(record.length, this.ring.maxPayloadBytes)
  }

  /** Writes the copy of a record, with its data, under the lease; false if there is no room. */
  append(record: Uint8Array): boolean {
    const { ring, blocks } = this
    const isLarge = record.length > ring.maxPayloadBytes
    const ref = isLarge ? this.copyData(record) : undefined
    const bytes = ref === undefined ? record : withRef(record, ref)
    if ((isLarge && ref === undefined) || !ring.hasRoom(bytes.length)) {
      if (ref !== undefined) blocks.release(ref)
      return false
    }
    ring.bytes.set(bytes, ring.claim(bytes.length))
    ring.commit()
    if (ref !== undefined) blocks.passOn(ref, QUEUED)
    return true
  }

  private copyData(record: Uint8Array): BlockRef | undefined {
    const data = record.subarray(readFields(record, 0, record.length).dataStart)
    const ref = this.blocks.allocate(data.length, ALL)
    this.lacksBlock = ref === undefined ? this.blocks.failure : undefined
    if (ref !== undefined) this.blocks.view(ref).set(data)
    return ref
  }

  /** Under the lease. */
  private write(source: RecordView, start: number, end: number): number {
    const { ring } = this
    if (!ring.hasRoom(end - start)) return LATER
    const isInBlock = (flagsOf(source.words, start) & IN_BLOCK) !== 0
    const copy = isInBlock ? this.blocks.copyOf(readRef(source.bytes, end)) : undefined
    this.lacksBlock = isInBlock && copy === undefined ? this.blocks.failure : undefined
    if (this.lacksBlock !== undefined) return LATER
    const at = ring.claim(end - start)
    if (at === FULL) return LATER
    ring.bytes.set(source.bytes.subarray(start, end), at)
    if (copy !== undefined) writeRef(ring.words, at + end - start - REF_BYTES, copy)
    ring.commit()
    // Others that wait say so again.
    if (this.isWanting) ring.want(false)
    this.isWanting = false
    if (copy !== undefined) this.blocks.passOn(copy, QUEUED)
    return DELIVERED
  }

  private canOffer(bytes: number, lacksBlock: number | undefined): boolean {
    if (!this.isOpen) return true
    if (Atomics.load(this.words, LEASE) !== 0) return false
    if (lacksBlock !== undefined && !this.blocks.mayHaveRoom(lacksBlock)) return false
    this.ring.resume()
    return this.ring.hasRoom(bytes)
  }
}

/** Wakes whoever may wait for room in an inbox: all that dispatch, and the engine's own thread. */
export function wakeInboxWriters({ control, shape }: SharedMap): void {
  const words = wordsOf(control)
  wake(words, parkedWord(0))
  for (const thread of dispatchers(shape)) wake(words, parkedWord(thread))
}

/**
 * Closes the inbox of a thread that has died and has no successor, and throws away what lies there; false if another one is writing: then
 * it is to be tried again. For the engine's thread.
 */
export function abandonInbox(map: SharedMap, thread: number, blocks: ThreadBlocks): boolean {
  if (!new InboxWriter(map, thread, threadId + 1, blocks).close()) return false
  const reader = new RingReader(inboxPlace(map, thread), LANE_COUNTERS)
  reader.resume()
  reader.prefetch()
  for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
    // What its last thread had taken was freed with it.
    if ((flagsOf(reader.words, at) & IN_BLOCK) !== 0)
      blocks.free(readRef(reader.bytes, at + reader.length), QUEUED)
    reader.counts[RELEASED]!++
  }
  reader.release(reader.position)
  return true
}

/** Takes the writers' leases of all inboxes from a dead worker. After its exit. */
export function revokeInboxes(map: SharedMap, dead: number): void {
  for (const thread of dispatchers(map.shape))
    revokeLease(new Int32Array(inboxPlace(map, thread).buffer, 0, 1), LEASE, dead)
}
