import { FULL } from '../../native-free-ring/src/index.ts'
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

  constructor(lanes: LaneWriters, free: FreeLanes, encoders: TopicEncoders, maxBytes: number) {
    this.lanes = lanes
    this.free = free
    this.encoders = encoders
    this.maxBytes = maxBytes
  }

  /** False if it is not for this way, or there is no room in the lane whose turn it is: then nothing was written. */
  publish(topicId: number, data: unknown, time: number): boolean {
    if (data === undefined) return false
    if (data instanceof Uint8Array) return !(data instanceof Block) && this.publishBytes(topicId, data, time)
    const length = this.encode(topicId, data)
    if (length < 0 || HEADER_BYTES + length > this.maxBytes) return false
    const { lanes } = this
    const lane = this.free.take()
    const writer = lanes.writerOf(lane)
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) return false
    writeHeader(writer, at, topicId, lanes.publisher, lanes.next(), CODEC_MSGPACK, time)
    const { words } = scratch
    const from = (at + HEADER_BYTES) >> 2
    const count = (length + 3) >> 2
    for (let i = 0; i < count; i++) writer.words[from + i] = words[i]!
    lanes.wrote(lane, writer)
    return true
  }

  /** Into the scratch. What can't be encoded is for the long way, which says why. */
  private encode(topicId: number, data: unknown): number {
    try {
      return encodePlain(data, this.maxBytes, this.encoders.of(topicId))
    } catch {
      return NOT_PLAIN
    }
  }

  private publishBytes(topicId: number, data: Uint8Array, time: number): boolean {
    const { length } = data
    if (HEADER_BYTES + length > this.maxBytes) return false
    const { lanes } = this
    const lane = this.free.take()
    const writer = lanes.writerOf(lane)
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) return false
    writeHeader(writer, at, topicId, lanes.publisher, lanes.next(), CODEC_BYTES, time)
    writer.bytes.set(data, at + HEADER_BYTES)
    lanes.wrote(lane, writer)
    return true
  }
}
