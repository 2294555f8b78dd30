import {
  allocateShared,
  CONTROL_BYTES,
  type LatestPlace,
  type LossyPlace,
  latestBytes,
  lossyBytes,
  maxPayloadBytes,
  type RingPlace,
  readCounter,
  revokeLease,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import type { Policy } from '../event/policy.ts'
import { parkedWord, type SharedMap } from './map.ts'
import { HIGH_WATER, LOW_WATER } from './notices.ts'

/**
 * The shared part of a subscription, toward the thread that receives: a ring, and for `coalesce` a table beside it for
 * events with a key; for `spill` a second ring (decision 15). Written under a lease (decision 5).
 *
 * Words of its first line; ring and table follow.
 */
export const LEASE = 0
export const CLOSED = 1
export const WANTED = 2
/** 1 after a writer has died: the table may need repair. Stored by the supervisor, cleared under the lease. */
export const DAMAGED = 3
/** How many events lay unread when it was told to be nearly full; 0 once it has emptied again. Set by a writer, cleared by the receiver. */
export const HIGH = 10
/** Counters: events that were never written, since they were dropped, or refused; and all that were offered to a sample. */
export const DROPPED = 4
export const REFUSED = 6
export const OFFERED = 8
/** 1 while the store holds events of this mailbox, which what is written now must not overtake. The receiver stores it. */
export const HOLDS = 12
/** Counters of the receiver, from this word on: what it has received and filtered, what came from the table, records whose block was gone, and what lay unread when it ended. */
export const RECEIVER_COUNTERS = 14
export const RECEIVED = 0
export const FILTERED = 1
export const FROM_TABLE = 2
/** Their writer died before it had passed their block on, and the event is offered again. */
export const VOID = 3
export const DISCARDED = 4
export const RECEIVER_COUNTS = 5

export const LINE_BYTES = 128

/** What a worker needs to write into a mailbox; travels on the control port. */
export type MailboxPlace = {
  readonly id: number
  readonly patterns: readonly string[]
  readonly buffer: SharedArrayBuffer
  /** Memory for events: a power of two. */
  readonly dataBytes: number
  /** The most events that may lie unread in the ring; with `coalesce` the table has room for as many keys. */
  readonly capacity: number
  readonly onFull: Policy
  /** The thread that receives. */
  readonly receiver: number
  /** The engine's own: inboxes get an event after it. */
  readonly isOwn?: boolean
}

/** Keys find a place as long as half of the slots are free. */
const SLOTS_PER_KEY = 2
/** What a table may take before its values get shorter than those of a lane; but not shorter than this. */
const TABLE_BYTES = 2 ** 26
const MIN_VALUE_BYTES = 1_024

type MailboxSize = Pick<MailboxPlace, 'dataBytes' | 'capacity' | 'onFull'>

export function allocateMailbox(size: MailboxSize): SharedArrayBuffer {
  return allocateShared(besideOffset(size) + besideBytes(size))
}

export function mailboxRing({ buffer, dataBytes, capacity }: MailboxPlace): LossyPlace {
  return { buffer, offset: LINE_BYTES, dataBytes, capacity }
}

/** Undefined if the policy needs none. */
export function mailboxTable(place: MailboxPlace): LatestPlace | undefined {
  if (place.onFull !== 'coalesce') return undefined
  return { buffer: place.buffer, offset: besideOffset(place), ...tableShape(place) }
}

/** The second ring of a mailbox that spills. */
export function mailboxSpill(place: MailboxPlace): RingPlace {
  const { buffer, dataBytes } = place
  const controlOffset = besideOffset(place)
  return { buffer, controlOffset, dataOffset: controlOffset + CONTROL_BYTES, capacity: dataBytes }
}

/** Where the table or the second ring starts. */
function besideOffset({ dataBytes, capacity }: MailboxSize): number {
  return LINE_BYTES + ((lossyBytes(dataBytes, capacity) + 127) & -128)
}

function tableShape({ dataBytes, capacity }: MailboxSize): { slots: number; maxValueBytes: number } {
  const slots = SLOTS_PER_KEY * capacity
  const share = (TABLE_BYTES / (2 * slots)) & -8
  return { slots, maxValueBytes: Math.min(Math.max(MIN_VALUE_BYTES, share), maxPayloadBytes(dataBytes)) }
}

function besideBytes(size: MailboxSize): number {
  if (size.onFull === 'spill') return CONTROL_BYTES + size.dataBytes
  if (size.onFull !== 'coalesce') return 0
  const { slots, maxValueBytes } = tableShape(size)
  return latestBytes(slots, maxValueBytes)
}

export function mailboxWords({ buffer }: MailboxPlace): Int32Array {
  return new Int32Array(buffer, 0, LINE_BYTES / 4)
}

/** Closes a mailbox: what is offered from now on is passed over, and nothing is received any more. The receiver does it, or the engine. */
export function closeMailbox(place: MailboxPlace): void {
  Atomics.store(mailboxWords(place), CLOSED, 1)
}

/** Whether it was closed: also by the engine, if another thread receives. */
export function isMailboxClosed(place: MailboxPlace): boolean {
  return Atomics.load(mailboxWords(place), CLOSED) === 1
}

/** Wakes whoever may wait for room in a mailbox: all that dispatch, and the engine's own thread. */
export function wakeMailboxWriters({ control, shape }: SharedMap): void {
  const words = wordsOf(control)
  for (let thread = 0; thread <= shape.workers; thread++) wake(words, parkedWord(thread))
}

/** Takes the write lease from a dead worker; before that, `mend` puts right what that has left. The supervisor, after the worker's exit. */
export function revokeMailbox(place: MailboxPlace, dead: number, mend?: (table: LatestPlace) => void): void {
  const words = mailboxWords(place)
  if (Atomics.load(words, LEASE) !== dead) return
  const table = mailboxTable(place)
  if (table !== undefined) mend?.(table)
  // Before the lease is free: its next holder sees it.
  Atomics.store(words, DAMAGED, 1)
  revokeLease(words, LEASE, dead)
}

/**
 * Whether workers wait for room; they are to be woken, and say so again if there is none for them: the receiver,
 * after each release.
 */
export function takeWanted(place: MailboxPlace): boolean {
  // After the store of the ring's head, before which waiting workers have set it.
  return Atomics.exchange(mailboxWords(place), WANTED, 0) === 1
}

/** Whether the mailbox was told to be nearly full, and has emptied again. Says so once. The receiver asks. */
export function hasEmptied(place: MailboxPlace, reader: { readonly queued: number }): boolean {
  const words = mailboxWords(place)
  const high = Atomics.load(words, HIGH)
  if (high === 0 || reader.queued >= (LOW_WATER / HIGH_WATER) * high) return false
  Atomics.store(words, HIGH, 0)
  return true
}

/** Events that were offered and never written; the ring counts those that were lost afterwards. */
export function unwrittenBy(place: MailboxPlace): { dropped: number; refused: number } {
  const words = mailboxWords(place)
  return { dropped: readCounter(words, DROPPED, 0), refused: readCounter(words, REFUSED, 0) }
}
