import { allocateShared } from './memory.ts'

/**
 * Where a ring's words and bytes lie. See the README for the drawing and for which load pairs with which store.
 *
 * A control block is two lines of 128 bytes, so that the words of writer and reader never share a cache line
 * (128, not 64: adjacent lines are fetched in pairs).
 */

/** Words of a ring's control block, relative to its start. */
export const TAIL = 0
export const WANTED = 1
export const WANTED_AT = 2
export const WRITER_TALLY = 3
export const HEAD = 32
export const READER_TALLY = 33

export const CONTROL_BYTES = 256

/** A record: length (negative: padding), mark, payload, padded to 8 bytes. */
export const RECORD_HEADER_BYTES = 8
export const RECORD_ALIGNMENT = 8

export const MIN_CAPACITY = 64
export const MAX_CAPACITY = 1 << 30

/** How many counters the tallies have room for in their lines. */
export const MAX_READER_COUNTERS = 7
export const MAX_WRITER_COUNTERS = 6

/** A place for one ring in shared memory. Both offsets are in bytes and multiples of 128. */
export type RingPlace = {
  readonly buffer: SharedArrayBuffer
  readonly controlOffset: number
  readonly dataOffset: number
  /** Bytes of the data area: a power of two from 64 to 2³⁰. */
  readonly capacity: number
}

/** The longest payload that fits: half the ring, so that a record fits even when it has to pad. */
export function maxPayloadBytes(capacity: number): number {
  return capacity / 2 - RECORD_HEADER_BYTES
}

/** Bytes that a payload of `length` takes in the ring. */
export function recordBytes(length: number): number {
  return (length + RECORD_HEADER_BYTES + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT
}

/** Of whole numbers up to 2³⁰. */
export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && (value & (value - 1)) === 0
}

export function checkPlace(place: RingPlace): void {
  const { buffer, controlOffset, dataOffset, capacity } = place
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('A ring needs a SharedArrayBuffer')
  if (!isPowerOfTwo(capacity) || capacity < MIN_CAPACITY || capacity > MAX_CAPACITY) {
    throw new RangeError(`A ring's capacity is a power of two from ${MIN_CAPACITY} to 2^30, not ${capacity}`)
  }
  if (controlOffset % 128 !== 0 || dataOffset % 128 !== 0) {
    throw new RangeError(`A ring's offsets are multiples of 128, not ${controlOffset} and ${dataOffset}`)
  }
  const starts = Math.min(controlOffset, dataOffset)
  const ends = Math.max(controlOffset + CONTROL_BYTES, dataOffset + capacity)
  if (starts < 0 || ends > buffer.byteLength) {
    throw new RangeError(`A ring from ${starts} to ${ends} does not fit ${buffer.byteLength} bytes`)
  }
  if (controlOffset < dataOffset + capacity && dataOffset < controlOffset + CONTROL_BYTES) {
    throw new RangeError(`A ring's control words at ${controlOffset} overlap its data at ${dataOffset}`)
  }
}

/** A ring alone in a new SharedArrayBuffer. */
export function allocateRing(capacity: number): RingPlace {
  const dataOffset = CONTROL_BYTES
  return {
    buffer: allocateShared(dataOffset + capacity),
    controlOffset: 0,
    dataOffset,
    capacity,
  }
}

/**
 * Empties a ring and starts both cursors at `position` (any 32-bit integer, a multiple of 8).
 *
 * A ring in fresh memory needs no call: zeroes are an empty ring at position 0. Only before the ring is used.
 */
export function resetRing(place: RingPlace, position = 0): void {
  checkPlace(place)
  if (position % RECORD_ALIGNMENT !== 0)
    throw new RangeError(`A position is a multiple of 8, not ${position}`)
  const control = new Int32Array(place.buffer, place.controlOffset, CONTROL_BYTES / 4)
  control.fill(0)
  control[WRITER_TALLY] = position
  control[READER_TALLY] = position
  Atomics.store(control, TAIL, position | 0)
  Atomics.store(control, HEAD, position | 0)
}
