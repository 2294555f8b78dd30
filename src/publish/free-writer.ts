import { FULL } from '../../native-free-ring/src/index.ts'
import type { DataFormat } from '../event/payload.ts'
import { HEADER_BYTES, MAX_TOPIC_ID, TOPIC_BITS, writeHeader } from '../event/record.ts'
import { type DirectParts, DirectWriter } from './direct-writer.ts'
import type { FreeLanes } from './free-lanes.ts'

/** The short way into the lanes for events without a key. */
export class FreeWriter extends DirectWriter {
  private readonly free: FreeLanes
  /** In which the ring was opened. */
  private run = 0

  constructor(parts: DirectParts, free: FreeLanes) {
    super(parts)
    this.free = free
  }

  /** False if it is not for this way, or there is no room in the lane whose turn it is: then nothing was written. */
  publish(topicId: number, format: DataFormat, data: unknown): boolean {
    return this.write(topicId, format, data)
  }

  claim(length: number, tag: number): number {
    const { lanes, free } = this
    if (HEADER_BYTES + length > this.maxBytes || (lanes.left === 0 && !this.begin())) return FULL
    if (free.run <= 0 || this.run !== lanes.run) this.turn()
    const writer = this.writer!
    const at = writer.claim(HEADER_BYTES + length)
    if (at === FULL) {
      lanes.left = 0
      return FULL
    }
    free.run--
    const flags = tag >>> TOPIC_BITS
    writeHeader(writer, at, tag & MAX_TOPIC_ID, lanes.publisher, 0, lanes.next(), flags, lanes.time)
    return at + HEADER_BYTES
  }

  /** To the lane whose turn it is: another one, or the same in another run. */
  private turn(): void {
    this.run = this.lanes.run
    this.writer = this.lanes.open(this.free.peek())
  }

  protected override begin(): boolean {
    // A worker takes longer to wake than an event to be written: if it is parked, it may as well begin.
    if (this.clock.isStale) this.lanes.wakeReader(this.free.peek())
    return super.begin()
  }
}
