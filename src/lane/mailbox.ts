import {
  allocateShared,
  CONTROL_BYTES,
  FULL,
  giveBackLease,
  pause,
  RingGauge,
  type RingPlace,
  RingWriter,
  readCounter,
  revokeLease,
  storeCounter,
  takeLease,
  wake,
} from '../../native-free-ring/src/index.ts'
import { parkedWord } from './map.ts'

/**
 * The shared part of a subscription: one ring toward the thread that receives, written under a lease (decision 5).
 *
 * Words of its first line; the ring's control block and data follow.
 */
const LEASE = 0
const CLOSED = 1
const WANTED = 2
const DROPPED = 4

const LINE_BYTES = 128

export type MailboxPolicy = 'block' | 'drop-newest'

/** What a worker needs to write into a mailbox; travels on the control port. */
export type MailboxPlace = {
  readonly id: number
  readonly patterns: readonly string[]
  readonly buffer: SharedArrayBuffer
  readonly ringBytes: number
  /** The most events that may lie unread. */
  readonly capacity: number
  readonly onFull: MailboxPolicy
  /** The thread that receives. */
  readonly receiver: number
}

export function allocateMailbox(ringBytes: number): SharedArrayBuffer {
  return allocateShared(LINE_BYTES + CONTROL_BYTES + ringBytes)
}

export function mailboxRing(place: MailboxPlace): RingPlace {
  const { buffer, ringBytes } = place
  return { buffer, controlOffset: LINE_BYTES, dataOffset: LINE_BYTES + CONTROL_BYTES, capacity: ringBytes }
}

/** Closes a mailbox: what is offered from now on is passed over. The receiver does it. */
export function closeMailbox(place: MailboxPlace): void {
  Atomics.store(new Int32Array(place.buffer, 0, LINE_BYTES / 4), CLOSED, 1)
}

/** Takes the write lease from a dead worker. The supervisor, after the worker's exit. */
export function revokeMailbox(place: MailboxPlace, dead: number): void {
  revokeLease(new Int32Array(place.buffer, 0, LINE_BYTES / 4), LEASE, dead)
}

/**
 * Whether workers wait for room; they are to be woken, and say so again if there is none for them. The receiver,
 * after each release.
 */
export function takeWanted(place: MailboxPlace): boolean {
  // After the store of the ring's head, before which waiting workers have set it.
  return Atomics.exchange(new Int32Array(place.buffer, 0, LINE_BYTES / 4), WANTED, 0) === 1
}

/** How many events were dropped for want of room. */
export function droppedFrom(place: MailboxPlace): number {
  return readCounter(new Int32Array(place.buffer, 0, LINE_BYTES / 4), DROPPED, 0)
}

/** In the mailbox, or dropped and counted, or of no interest any more. */
export const DELIVERED = 0
/** Not now: wait until `hasRoom`, then offer it again. */
export const LATER = 1

/** How often a writer tries for the lease that another worker holds: the holder is copying one record. */
const LEASE_SPINS = 100

/** A worker's way into a mailbox. */
export class MailboxWriter {
  readonly place: MailboxPlace
  private readonly words: Int32Array
  private readonly ring: RingWriter
  private readonly gauge: RingGauge
  private readonly control: Int32Array
  private readonly holder: number
  private released = 0

  /** `holder` names this thread in the lease; `control` is the engine's, to wake the receiver. */
  constructor(place: MailboxPlace, control: Int32Array, holder: number) {
    this.place = place
    this.control = control
    this.holder = holder
    this.words = new Int32Array(place.buffer, 0, LINE_BYTES / 4)
    this.ring = new RingWriter(mailboxRing(place))
    this.gauge = new RingGauge(mailboxRing(place))
  }

  /** Offers a copy of the record that lies in `source`: `DELIVERED`, or `LATER` if the policy says to wait. */
  offer(source: Uint8Array, start: number, end: number): number {
    if (Atomics.load(this.words, CLOSED) === 1) return DELIVERED
    if (!this.takeLease()) return LATER
    this.ring.resume()
    const at = this.hasPlace() ? this.ring.claim(end - start) : FULL
    if (at !== FULL) {
      this.ring.bytes.set(source.subarray(start, end), at)
      this.ring.commit()
    } else if (this.place.onFull === 'drop-newest') {
      this.countDrop()
    }
    giveBackLease(this.words, LEASE)
    if (at !== FULL) {
      wake(this.control, parkedWord(this.place.receiver))
      return DELIVERED
    }
    return this.place.onFull === 'drop-newest' ? DELIVERED : LATER
  }

  /** Says that somebody waits, so that the receiver wakes the workers after it has made room. */
  want(): void {
    // Before the next look at the room; pairs with the exchange in takeWanted.
    Atomics.store(this.words, WANTED, 1)
  }

  /** Whether an offer is worth another try. */
  canOffer(bytes: number): boolean {
    if (Atomics.load(this.words, CLOSED) === 1) return true
    if (Atomics.load(this.words, LEASE) !== 0) return false
    // Room or not: an offer only failed for the lease, and the next one may drop.
    if (this.place.onFull === 'drop-newest') return true
    this.ring.resume()
    return this.hasPlace() && this.ring.hasRoom(bytes)
  }

  private takeLease(): boolean {
    for (let i = 0; i < LEASE_SPINS; i++) {
      if (takeLease(this.words, LEASE, this.holder)) return true
      pause()
    }
    return false
  }

  private hasPlace(): boolean {
    const { capacity } = this.place
    if (this.ring.written - this.released < capacity) return true
    this.released = this.gauge.released()[0]!
    return this.ring.written - this.released < capacity
  }

  /** Under the lease, so that one thread at a time writes the counter. */
  private countDrop(): void {
    storeCounter(this.words, DROPPED, 0, readCounter(this.words, DROPPED, 0) + 1)
  }
}
