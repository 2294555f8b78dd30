import { FULL, type RingWriter } from '../../native-free-ring/src/index.ts'
import { Block } from '../event/block.ts'
import { encodePlain, scratch } from '../event/msgpack/codec.ts'
import { NOT_PLAIN } from '../event/msgpack/plain-writer.ts'
import type { DataFormat } from '../event/payload.ts'
import {
  CODEC_BYTES,
  CODEC_MSGPACK,
  CODEC_STRUCT,
  HEADER_BYTES,
  MAX_TOPIC_ID,
  TOPIC_BITS,
  writeHeader,
} from '../event/record.ts'
import type { Target } from '../event/struct/write-function.ts'
import type { Clock } from './clock.ts'
import type { FreeLanes } from './free-lanes.ts'
import type { LaneWriters } from './lane-writers.ts'

/**
 * The short way of an event that is nothing but its topic and small data, into a pool's lanes for events without a key: what
 * `Drafter` and `PoolWriters` do, with less to ask. What is the same for some events is asked once for a run of them (decision 25).
 */
export class DirectWriter implements Target {
  private readonly lanes: LaneWriters
  private readonly free: FreeLanes
  private readonly clock: Clock
  private readonly maxBytes: number
  private readonly isOpen: () => boolean
  /** Of the run. */
  private time = 0
  private writer: RingWriter | undefined

  /** `maxBytes`: of a record. `isOpen`, whether events may go this way, may throw. */
  constructor(lanes: LaneWriters, free: FreeLanes, clock: Clock, maxBytes: number, isOpen: () => boolean) {
    this.lanes = lanes
    this.free = free
    this.clock = clock
    this.maxBytes = maxBytes
    this.isOpen = isOpen
  }

  get bytes(): Uint8Array {
    return this.writer!.bytes
  }

  get words(): Int32Array {
    return this.writer!.words
  }

  get doubles(): Float64Array {
    return this.writer!.doubles
  }

  /** False if it is not for this way, or there is no room in the lane whose turn it is: then nothing was written. */
  publish(topicId: number, { write, encoder }: DataFormat, data: unknown): boolean {
    let at: number
    if (write !== undefined) at = write(data, this, topicId | (CODEC_STRUCT << TOPIC_BITS))
    else if (data instanceof Uint8Array) at = this.writeBytes(topicId, data)
    else at = this.writePlain(topicId, data, encoder)
    if (at < 0) return false
    if (this.lanes.left === 0) this.lanes.commitSoon()
    return true
  }

  /** Answers where the data go, in the ring whose turn it is; or `FULL`. The tag is the topic's id, and the codec. */
  claim(length: number, tag: number): number {
    const { lanes } = this
    if (HEADER_BYTES + length > this.maxBytes || (lanes.left === 0 && !this.begin())) return FULL
    const writer = this.writer!
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) {
      lanes.left = 0
      return FULL
    }
    this.free.run--
    writeHeader(writer, at, tag & MAX_TOPIC_ID, lanes.publisher, lanes.next(), tag >>> TOPIC_BITS, this.time)
    return at + HEADER_BYTES
  }

  /** A run begins, if events may go this way now. */
  private begin(): boolean {
    const { lanes, free, clock } = this
    if (!this.isOpen()) return false
    // A worker takes longer to wake than an event to be written: if it is parked, it may as well begin.
    if (clock.isStale) lanes.wakeReader(free.peek())
    this.time = clock.now()
    const lane = free.peek()
    this.writer = lanes.open(lane, free.run)
    return true
  }

  /** What can't be encoded is for the long way, which says why. */
  private writePlain(topicId: number, data: unknown, encoder: DataFormat['encoder']): number {
    if (data === undefined) return NOT_PLAIN
    const length = this.encode(data, encoder)
    if (length < 0) return length
    const at = this.claim(length, topicId | (CODEC_MSGPACK << TOPIC_BITS))
    if (at === FULL) return FULL
    const { words } = this
    const { words: encoded } = scratch
    const from = at >> 2
    const count = (length + 3) >> 2
    for (let i = 0; i < count; i++) words[from + i] = encoded[i]!
    return at
  }

  /** Into the scratch. */
  private encode(data: unknown, encoder: DataFormat['encoder']): number {
    try {
      return encodePlain(data, this.maxBytes, encoder)
    } catch {
      return NOT_PLAIN
    }
  }

  private writeBytes(topicId: number, data: Uint8Array): number {
    if (data instanceof Block) return NOT_PLAIN
    const at = this.claim(data.length, topicId | (CODEC_BYTES << TOPIC_BITS))
    if (at !== FULL) this.bytes.set(data, at)
    return at
  }
}
