import { FULL, type RingWriter } from '../../native-free-ring/src/index.ts'
import { Block } from '../event/block.ts'
import { encodePlain, scratch } from '../event/msgpack/codec.ts'
import { NOT_PLAIN } from '../event/msgpack/plain-writer.ts'
import type { DataFormat } from '../event/payload.ts'
import { CODEC_BYTES, CODEC_MSGPACK, CODEC_STRUCT, HEADER_BYTES, writeHeader } from '../event/record.ts'
import type { Struct } from '../event/struct/struct.ts'
import type { Target } from '../event/struct/write-function.ts'
import type { FreeLanes } from './free-lanes.ts'
import type { LaneWriters } from './lane-writers.ts'

/**
 * The short way of an event that is nothing but its topic and small data, into a pool's lanes for events without a key: what
 * `Drafter` and `PoolWriters` do, with less to ask. A struct is written in place.
 */
export class DirectWriter implements Target {
  private readonly lanes: LaneWriters
  private readonly free: FreeLanes
  private readonly maxBytes: number
  /** Of the event that is written. */
  private topicId = 0
  private time = 0
  private flags = 0
  private lane = 0
  private writer: RingWriter | undefined
  /** A struct is being read: a getter of it that publishes goes the long way. */
  private isReading = false

  /** `maxBytes`: of a record. */
  constructor(lanes: LaneWriters, free: FreeLanes, maxBytes: number) {
    this.lanes = lanes
    this.free = free
    this.maxBytes = maxBytes
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
  publish(topicId: number, { struct, encoder }: DataFormat, data: unknown, time: number): boolean {
    if (this.isReading) return false
    this.topicId = topicId
    this.time = time
    if (struct !== undefined) return this.writeStruct(struct, data)
    if (data instanceof Uint8Array) return !(data instanceof Block) && this.writeBytes(data)
    const length = data === undefined ? NOT_PLAIN : this.encode(data, encoder)
    return length >= 0 && this.writeEncoded(length)
  }

  /** Answers where the data go, in the ring whose turn it is; or `FULL`. */
  claim(length: number): number {
    if (HEADER_BYTES + length > this.maxBytes) return FULL
    const { lanes } = this
    this.lane = this.free.take()
    const writer = lanes.writerOf(this.lane)
    this.writer = writer
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) return FULL
    writeHeader(writer, at, this.topicId, lanes.publisher, lanes.next(), this.flags, this.time)
    return at + HEADER_BYTES
  }

  private writeStruct(struct: Struct, data: unknown): boolean {
    this.flags = CODEC_STRUCT
    this.isReading = true
    try {
      if (struct.write(data, this) < 0) return false
    } finally {
      this.isReading = false
    }
    this.lanes.wrote(this.lane, this.writer!)
    return true
  }

  /** Into the scratch. What can't be encoded is for the long way, which says why. */
  private encode(data: unknown, encoder: DataFormat['encoder']): number {
    try {
      return encodePlain(data, this.maxBytes, encoder)
    } catch {
      return NOT_PLAIN
    }
  }

  /** What lies in the scratch. */
  private writeEncoded(length: number): boolean {
    this.flags = CODEC_MSGPACK
    const at = this.claim(length)
    if (at === FULL) return false
    const { words } = this
    const { words: encoded } = scratch
    const from = at >> 2
    const count = (length + 3) >> 2
    for (let i = 0; i < count; i++) words[from + i] = encoded[i]!
    this.lanes.wrote(this.lane, this.writer!)
    return true
  }

  private writeBytes(data: Uint8Array): boolean {
    this.flags = CODEC_BYTES
    const at = this.claim(data.length)
    if (at === FULL) return false
    this.bytes.set(data, at)
    this.lanes.wrote(this.lane, this.writer!)
    return true
  }
}
