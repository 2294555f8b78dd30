import { CONTROL_BYTES, isPowerOfTwo, MAX_CAPACITY, MIN_CAPACITY, RECORD_ALIGNMENT } from './layout.ts'
import { allocateShared } from './memory.ts'

/**
 * Where a lossy ring's words and bytes lie (decision 9 of Millrace): two lines of control words, the table of slots,
 * the data. Positions are numbers of records; slot `i` says at which byte record `i` starts.
 */
export const TAIL = 0
export const OLDEST = 1
export const WRITER_TALLY = 2
export const READ = 32
export const CHECK = 33
export const READER_TALLY = 34

/** Counts of the reader's tally. */
export const TAKEN = 0
export const MISSED = 1
export const READER_COUNTS = 2

/** A place for one lossy ring in shared memory. */
export type LossyPlace = {
  readonly buffer: SharedArrayBuffer
  /** In bytes, a multiple of 128. */
  readonly offset: number
  /** Bytes for records: a power of two from 64 to 2³⁰. */
  readonly dataBytes: number
  /** The most records that lie unread, 1 to 2³⁰ - 1. */
  readonly capacity: number
}

/** Slots for so many records and the start of the next one: a power of two. */
function slotCount(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity + 1))
}

function slotBytes(capacity: number): number {
  return (4 * slotCount(capacity) + 127) & -128
}

/** Bytes that such a ring takes: a multiple of 64. */
export function lossyBytes(dataBytes: number, capacity: number): number {
  return CONTROL_BYTES + slotBytes(capacity) + dataBytes
}

/** The views that both ends work on. */
export type LossyViews = {
  readonly control: Int32Array
  readonly slots: Int32Array
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
}

export function lossyViews(place: LossyPlace): LossyViews {
  const { buffer, offset, dataBytes, capacity } = place
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('A ring needs a SharedArrayBuffer')
  if (!isPowerOfTwo(dataBytes) || dataBytes < MIN_CAPACITY || dataBytes > MAX_CAPACITY) {
    throw new RangeError(`A lossy ring has a power of two of bytes, from 64 to 2^30, not ${dataBytes}`)
  }
  if (!Number.isInteger(capacity) || capacity < 1 || capacity >= MAX_CAPACITY) {
    throw new RangeError(`A lossy ring holds 1 to 2^30 - 1 records, not ${capacity}`)
  }
  if (offset % 128 !== 0 || offset < 0 || offset + lossyBytes(dataBytes, capacity) > buffer.byteLength) {
    throw new RangeError(`A lossy ring at ${offset} does not fit ${buffer.byteLength} bytes`)
  }
  const slotsOffset = offset + CONTROL_BYTES
  const dataOffset = slotsOffset + slotBytes(capacity)
  return {
    control: new Int32Array(buffer, offset, CONTROL_BYTES / 4),
    slots: new Int32Array(buffer, slotsOffset, slotCount(capacity)),
    bytes: new Uint8Array(buffer, dataOffset, dataBytes),
    words: new Int32Array(buffer, dataOffset, dataBytes / 4),
    doubles: new Float64Array(buffer, dataOffset, dataBytes / 8),
  }
}

/** A lossy ring alone in a new SharedArrayBuffer. */
export function allocateLossy(dataBytes: number, capacity: number): LossyPlace {
  return { buffer: allocateShared(lossyBytes(dataBytes, capacity)), offset: 0, dataBytes, capacity }
}

/**
 * Empties a lossy ring and starts its counts of records, and of bytes, at `position` (any 32-bit integer, a multiple of
 * 8).
 *
 * A ring in fresh memory needs no call: zeroes are an empty ring at position 0. Only before the ring is used.
 */
export function resetLossy(place: LossyPlace, position = 0): void {
  const { control, slots } = lossyViews(place)
  if (position % RECORD_ALIGNMENT !== 0)
    throw new RangeError(`A position is a multiple of 8, not ${position}`)
  control.fill(0)
  control[WRITER_TALLY] = position
  control[READER_TALLY] = position
  slots[position & (slots.length - 1)] = position
  for (const word of [OLDEST, READ, TAIL]) Atomics.store(control, word, position | 0)
}
