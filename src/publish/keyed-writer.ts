import { FULL } from '../../native-free-ring/src/index.ts'
import type { DataFormat } from '../event/payload.ts'
import { HAS_KEY, HEADER_BYTES, MAX_TOPIC_ID, TOPIC_BITS, writeHeader } from '../event/record.ts'
import type { PoolShape } from '../lane/map.ts'
import { type DirectParts, DirectWriter } from './direct-writer.ts'
import { type EncodedKey, EncodedKeys } from './encoded-keys.ts'

/** The short way into the lanes of keys. */
export class KeyedWriter extends DirectWriter {
  private readonly pool: PoolShape
  private readonly keys = new EncodedKeys()
  /** Of the event that is written. */
  private key: EncodedKey | undefined

  constructor(parts: DirectParts, pool: PoolShape) {
    super(parts)
    this.pool = pool
  }

  /**
   * False if it is not for this way, or there is no room in the key's lane: then nothing was written.
   *
   * @throws InvalidEventError if it is no key.
   */
  publish(topicId: number, format: DataFormat, data: unknown, key: string): boolean {
    // A getter of the data may publish here.
    const outer = this.key
    this.key = this.keys.of(key)
    try {
      return this.write(topicId, format, data)
    } finally {
      this.key = outer
    }
  }

  claim(length: number, tag: number): number {
    const { lanes, pool } = this
    const { hash, words } = this.key!
    const start = HEADER_BYTES + 4 * words.length
    if (start + length > this.maxBytes || (lanes.left === 0 && !this.begin())) return FULL
    const writer = lanes.open(pool.firstLane + (hash % pool.keyedLanes))
    if (writer !== this.writer) this.writer = writer
    const at = writer.claim(start + length)
    if (at === FULL) {
      lanes.left = 0
      return FULL
    }
    const flags = HAS_KEY | (tag >>> TOPIC_BITS)
    writeHeader(writer, at, tag & MAX_TOPIC_ID, lanes.publisher, hash, lanes.next(), flags, lanes.time)
    const to = (at + HEADER_BYTES) >> 2
    for (let i = 0; i < words.length; i++) writer.words[to + i] = words[i]!
    return at + start
  }
}
