import { FULL, type RingWriter } from '../../native-free-ring/src/index.ts'
import { Block } from '../event/block.ts'
import { encodePlain, scratch } from '../event/msgpack/codec.ts'
import { NOT_PLAIN } from '../event/msgpack/plain-writer.ts'
import { CODEC_BYTES, CODEC_MSGPACK, HEADER_BYTES, writeHeader } from '../event/record.ts'
import type { FreeLanes } from './free-lanes.ts'
import type { LaneWriters } from './lane-writers.ts'
import type { TopicEncoders } from './topic-encoders.ts'

/**
 * The short way of an event that is nothing but its topic and small data, into a pool's lanes for events without a key: what
 * `Drafter` and `PoolWriters` do, with less to ask.
 */
export class DirectWriter {
  private readonly lanes: LaneWriters
  private readonly free: FreeLanes
  private readonly encoders: TopicEncoders
  private readonly maxBytes: number

  /** `maxBytes`: of a record. */
  constructor(lanes: LaneWriters, free: FreeLanes, encoders: TopicEncoders, maxBytes: number) {
    this.lanes = lanes
    this.free = free
    this.encoders = encoders
    this.maxBytes = maxBytes
  }

  /** False if it is not for this way, or there is no room in the lane whose turn it is: then nothing was written. */
  publish(topicId: number, data: unknown, time: number): boolean {
    if (data instanceof Uint8Array) return !(data instanceof Block) && this.writeBytes(topicId, data, time)
    const length = data === undefined ? NOT_PLAIN : this.encode(topicId, data)
    return length >= 0 && this.writeEncoded(topicId, length, time)
  }

  /** Into the scratch. What can't be encoded is for the long way, which says why. */
  private encode(topicId: number, data: unknown): number {
    try {
      return encodePlain(data, this.maxBytes, this.encoders.of(topicId))
    } catch {
      return NOT_PLAIN
    }
  }

  /** What lies in the scratch. */
  private writeEncoded(topicId: number, length: number, time: number): boolean {
    const lane = this.free.take()
    const writer = this.lanes.writerOf(lane)
    const at = this.claim(writer, topicId, length, CODEC_MSGPACK, time)
    if (at === FULL) return false
    const { words } = writer
    const { words: encoded } = scratch
    const from = at >> 2
    const count = (length + 3) >> 2
    for (let i = 0; i < count; i++) words[from + i] = encoded[i]!
    this.lanes.wrote(lane, writer)
    return true
  }

  private writeBytes(topicId: number, data: Uint8Array, time: number): boolean {
    const lane = this.free.take()
    const writer = this.lanes.writerOf(lane)
    const at = this.claim(writer, topicId, data.length, CODEC_BYTES, time)
    if (at === FULL) return false
    writer.bytes.set(data, at)
    this.lanes.wrote(lane, writer)
    return true
  }

  /** Answers where the data go, or `FULL`. */
  private claim(writer: RingWriter, topicId: number, length: number, flags: number, time: number): number {
    if (HEADER_BYTES + length > this.maxBytes) return FULL
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) return FULL
    const { lanes } = this
    writeHeader(writer, at, topicId, lanes.publisher, lanes.next(), flags, time)
    return at + HEADER_BYTES
  }
}
