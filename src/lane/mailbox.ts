import {
  allocateShared,
  FULL,
  giveBackLease,
  type LossyPlace,
  LossyWriter,
  lossyBytes,
  pause,
  readCounter,
  revokeLease,
  storeCounter,
  takeLease,
  wake,
} from '../../native-free-ring/src/index.ts'
import { OptionsError } from '../errors.ts'
import { parkedWord } from './map.ts'

/**
 * The shared part of a subscription: one ring toward the thread that receives, written under a lease (decision 5).
 *
 * Words of its first line; the ring follows.
 */
const LEASE = 0
const CLOSED = 1
const WANTED = 2
/** Counters: events that were never written, and all that were offered to a sample. */
const REFUSED = 4
const OFFERED = 6

const LINE_BYTES = 128

/** What happens to an event when the mailbox is full; decision 10. */
export type MailboxPolicy = 'block' | 'drop-newest' | 'drop-oldest' | { readonly sample: number }

const POLICIES: readonly unknown[] = ['block', 'drop-newest', 'drop-oldest']

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) */
export function checkMailboxPolicy(policy: unknown): asserts policy is MailboxPolicy {
  if (POLICIES.includes(policy)) return
  const sample = (policy as { sample?: unknown } | null)?.sample
  if (Number.isInteger(sample) && (sample as number) >= 1) return
  throw new OptionsError(`onFull of a subscription is one of ${POLICIES.join(', ')}, { sample: n }`)
}

/** What a worker needs to write into a mailbox; travels on the control port. */
export type MailboxPlace = {
  readonly id: number
  readonly patterns: readonly string[]
  readonly buffer: SharedArrayBuffer
  /** Memory for events: a power of two. */
  readonly dataBytes: number
  /** The most events that may lie unread. */
  readonly capacity: number
  readonly onFull: MailboxPolicy
  /** The thread that receives. */
  readonly receiver: number
}

export function allocateMailbox(dataBytes: number, capacity: number): SharedArrayBuffer {
  return allocateShared(LINE_BYTES + lossyBytes(dataBytes, capacity))
}

export function mailboxRing({ buffer, dataBytes, capacity }: MailboxPlace): LossyPlace {
  return { buffer, offset: LINE_BYTES, dataBytes, capacity }
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
 * Whether workers wait for room; they are to be woken, and say so again if there is none for them: the receiver,
 * after each release.
 */
export function takeWanted(place: MailboxPlace): boolean {
  // After the store of the ring's head, before which waiting workers have set it.
  return Atomics.exchange(new Int32Array(place.buffer, 0, LINE_BYTES / 4), WANTED, 0) === 1
}

/** How many events the policy dropped before they were written; the ring counts those that it dropped afterwards. */
export function refusedBy(place: MailboxPlace): number {
  return readCounter(new Int32Array(place.buffer, 0, LINE_BYTES / 4), REFUSED, 0)
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
  private readonly ring: LossyWriter
  private readonly control: Int32Array
  private readonly holder: number
  /** Of a sample, one event in so many is kept. */
  private readonly every: number
  private readonly waits: boolean
  private readonly overwrites: boolean

  /** `holder` names this thread in the lease; `control` is the engine's, to wake the receiver. */
  constructor(place: MailboxPlace, control: Int32Array, holder: number) {
    this.place = place
    this.control = control
    this.holder = holder
    this.words = new Int32Array(place.buffer, 0, LINE_BYTES / 4)
    this.ring = new LossyWriter(mailboxRing(place))
    const { onFull } = place
    this.every = typeof onFull === 'object' ? onFull.sample : 1
    this.waits = onFull === 'block'
    this.overwrites = onFull === 'drop-oldest' || typeof onFull === 'object'
  }

  /** Offers a copy of the record that lies in `source`: `DELIVERED`, or `LATER` if the policy says to wait. */
  offer(source: Uint8Array, start: number, end: number): number {
    if (Atomics.load(this.words, CLOSED) === 1) return DELIVERED
    if (!this.takeLease()) return LATER
    this.ring.resume()
    const written = this.isKept() && this.write(source, start, end)
    if (!written && !this.waits) this.count(REFUSED)
    giveBackLease(this.words, LEASE)
    if (!written) return this.waits ? LATER : DELIVERED
    wake(this.control, parkedWord(this.place.receiver))
    return DELIVERED
  }

  /** Whether an offer is worth another try. If not, the receiver wakes the workers after it has made room. */
  awaitRoom(bytes: number): boolean {
    if (this.canOffer(bytes)) return true
    // Before the next look at the room; pairs with the exchange in takeWanted.
    Atomics.store(this.words, WANTED, 1)
    return this.canOffer(bytes)
  }

  private canOffer(bytes: number): boolean {
    if (Atomics.load(this.words, CLOSED) === 1) return true
    if (Atomics.load(this.words, LEASE) !== 0) return false
    // Without waiting for room, an offer only failed for the lease.
    if (!this.waits) return true
    this.ring.resume()
    return this.ring.hasRoom(bytes)
  }

  private takeLease(): boolean {
    for (let i = 0; i < LEASE_SPINS; i++) {
      if (takeLease(this.words, LEASE, this.holder)) return true
      pause()
    }
    return false
  }

  /** Whether a sample keeps this one: the first of every so many. */
  private isKept(): boolean {
    if (this.every === 1) return true
    return (this.count(OFFERED) - 1) % this.every === 0
  }

  private write(source: Uint8Array, start: number, end: number): boolean {
    const at = this.ring.claim(end - start, this.overwrites)
    if (at === FULL) return false
    this.ring.bytes.set(source.subarray(start, end), at)
    this.ring.commit()
    return true
  }

  /** Under the lease, so that one thread at a time writes the counter. */
  private count(counter: number): number {
    const count = readCounter(this.words, counter, 0) + 1
    storeCounter(this.words, counter, 0, count)
    return count
  }
}
