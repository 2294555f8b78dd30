import { FULL, type RingWriter } from '../../native-free-ring/src/index.ts'
import { binaryLength, copyBinary, isBinary } from '../event/binary.ts'
import { Block } from '../event/block.ts'
import { encodePlain, scratch } from '../event/msgpack/codec.ts'
import { NOT_PLAIN } from '../event/msgpack/plain-writer.ts'
import type { DataFormat } from '../event/payload.ts'
import { CODEC_BYTES, CODEC_MSGPACK, CODEC_STRUCT, TOPIC_BITS } from '../event/record.ts'
import type { Target } from '../event/struct/write-function.ts'
import type { Clock } from './clock.ts'
import type { LaneWriters } from './lane-writers.ts'

/** What the short ways of one publisher have in common. */
export type DirectParts = {
  readonly lanes: LaneWriters
  readonly clock: Clock
  /** Of a record. */
  readonly maxBytes: number
  /** Whether events may go this way now; may throw. */
  isOpen(): boolean
}

/**
 * The short way of an event that is nothing but its topic, small data and perhaps a key, if there is one pool: what `Drafter` and `PoolWriters` do, with less to ask.
 * What is the same for some events is asked once for a run of them (decision 25).
 */
export abstract class DirectWriter implements Target {
  protected readonly lanes: LaneWriters
  protected readonly clock: Clock
  protected readonly maxBytes: number
  private readonly isOpen: () => boolean
  /** Of what was claimed last. */
  protected writer: RingWriter | undefined

  constructor({ lanes, clock, maxBytes, isOpen }: DirectParts) {
    this.lanes = lanes
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

  /** Answers where the data go, or `FULL`. The tag is the topic's id, and the codec. */
  abstract claim(length: number, tag: number): number

  /** False if it is not for this way, or there is no room in its lane: then nothing was written. */
  protected write(topicId: number, { write, encoder }: DataFormat, data: unknown): boolean {
    let at: number
    if (write !== undefined) at = write(data, this, topicId | (CODEC_STRUCT << TOPIC_BITS))
    else if (isBinary(data)) at = this.writeBytes(topicId, data)
    else at = this.writePlain(topicId, data, encoder)
    if (at < 0) return false
    if (this.lanes.left === 0) this.lanes.endRun()
    return true
  }

  /** A run begins, if events may go this way now. */
  protected begin(): boolean {
    if (!this.isOpen()) return false
    this.lanes.beginRun(this.clock.now())
    this.clock.spend(this.lanes.left - 1)
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
    const length = binaryLength(data)
    // Nothing, or nobody's any more: the long way tells.
    if (length === 0 || data instanceof Block) return NOT_PLAIN
    const at = this.claim(length, topicId | (CODEC_BYTES << TOPIC_BITS))
    if (at !== FULL) copyBinary(this.bytes, at, data, length)
    return at
  }
}
