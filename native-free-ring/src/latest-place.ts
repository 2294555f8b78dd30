import { COUNTER_WORDS } from './counters.ts'
import { CONTROL_BYTES, RECORD_ALIGNMENT } from './layout.ts'
import { allocateShared } from './memory.ts'

/** Where a table of latest values lies (decision 10 of Millrace): two lines of control words, arrays by slot, cells. */
export const TAIL = 0
/** The slot, plus one, whose value is being replaced, and which of its values comes: until what is replaced is dealt with. The writer's. */
export const REPLACED = 1
export const REPLACED_BY = 2
export const HEAD = 32

/** A cell: length of the value, hash of its key, the value. */
export const CELL_HEADER_BYTES = 8

/** A place for one table in shared memory. */
export type LatestPlace = {
  readonly buffer: SharedArrayBuffer
  /** In bytes, a multiple of 128. */
  readonly offset: number
  /** Keys that may have something unread at once, 1 to 2²⁴. */
  readonly slots: number
  /** The longest value. */
  readonly maxValueBytes: number
}

const MAX_SLOTS = 2 ** 24

function line(bytes: number): number {
  return (bytes + 127) & -128
}

function queueLength(slots: number): number {
  return 2 ** Math.ceil(Math.log2(slots))
}

export function cellBytes(maxValueBytes: number): number {
  return (CELL_HEADER_BYTES + maxValueBytes + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT
}

/** Bytes that such a table takes. */
export function latestBytes(slots: number, maxValueBytes: number): number {
  const arrays = line(4 * COUNTER_WORDS * slots) + 3 * line(4 * slots) + line(4 * queueLength(slots))
  return CONTROL_BYTES + arrays + 2 * slots * cellBytes(maxValueBytes)
}

/** The views that both ends work on. */
export type LatestViews = {
  readonly control: Int32Array
  /** By slot; the writer's. How many values it has had: a counter each. */
  readonly sequences: Int32Array
  /** Of the key that has it. */
  readonly hashes: Int32Array
  readonly queued: Int32Array
  /** By slot; the reader's. */
  readonly seen: Int32Array
  readonly queue: Int32Array
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
}

export function latestViews(place: LatestPlace): LatestViews {
  const { buffer, offset, slots, maxValueBytes } = place
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('A table needs a SharedArrayBuffer')
  if (!Number.isInteger(slots) || slots < 1 || slots > MAX_SLOTS) {
    throw new RangeError(`A table has 1 to ${MAX_SLOTS} slots, not ${slots}`)
  }
  if (!Number.isInteger(maxValueBytes) || maxValueBytes < 0) {
    throw new RangeError(`A value has a whole number of bytes, not ${maxValueBytes}`)
  }
  if (offset % 128 !== 0 || offset < 0 || offset + latestBytes(slots, maxValueBytes) > buffer.byteLength) {
    throw new RangeError(`A table at ${offset} does not fit ${buffer.byteLength} bytes`)
  }
  let at = offset
  const words = (count: number): Int32Array => {
    const view = new Int32Array(buffer, at, count)
    at += line(4 * count)
    return view
  }
  const control = words(CONTROL_BYTES / 4)
  const sequences = words(COUNTER_WORDS * slots)
  const hashes = words(slots)
  const queued = words(slots)
  const seen = words(slots)
  const queue = words(queueLength(slots))
  const bytes = 2 * slots * cellBytes(maxValueBytes)
  return {
    control,
    sequences,
    hashes,
    queued,
    seen,
    queue,
    bytes: new Uint8Array(buffer, at, bytes),
    words: new Int32Array(buffer, at, bytes / 4),
    doubles: new Float64Array(buffer, at, bytes / 8),
  }
}

/** Where the sequence of a slot's latest value stands among `sequences`: its low word. */
export function sequenceWord(slot: number): number {
  return slot * COUNTER_WORDS
}

/** A table alone in a new SharedArrayBuffer. */
export function allocateLatest(slots: number, maxValueBytes: number): LatestPlace {
  return { buffer: allocateShared(latestBytes(slots, maxValueBytes)), offset: 0, slots, maxValueBytes }
}
