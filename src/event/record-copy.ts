import { type BlockRef, REF_BYTES, writeRef } from './block-ref.ts'
import { readDouble, readWord } from './little-endian.ts'
import { AS_BLOCK, IN_BLOCK, MAX_TOPIC_ID, readFields } from './record.ts'

/** A record by itself, in an array of its own: where its flags from bit 8 on stand, and its time. */
const FLAGS_BYTE = 13
const TIME_BYTE = 16

/** The copy of a record whose data lie in a block: the same record with its data. */
export function withData(record: Uint8Array, data: Uint8Array): Uint8Array {
  const start = record.length - REF_BYTES
  const whole = new Uint8Array(start + data.length)
  whole.set(record.subarray(0, start))
  whole.set(data, start)
  whole[FLAGS_BYTE]! &= ~((IN_BLOCK | AS_BLOCK) >> 8)
  return whole
}

/** The copy of a record with its data: the same record, whose data lie in a block. */
export function withRef(record: Uint8Array, ref: BlockRef): Uint8Array {
  const { dataStart } = readFields(record, 0, record.length)
  const bytes = new Uint8Array(dataStart + REF_BYTES)
  bytes.set(record.subarray(0, dataStart))
  writeRef(new Int32Array(bytes.buffer, 0, bytes.length / 4), dataStart, ref)
  bytes[FLAGS_BYTE]! |= IN_BLOCK >> 8
  return bytes
}

/** Whether the data of a record lie in a block, in its copy. */
export function isInBlock(record: Uint8Array): boolean {
  return (record[FLAGS_BYTE]! & (IN_BLOCK >> 8)) !== 0
}

/** The topic's id in the copy of a record. */
export function topicIdIn(record: Uint8Array): number {
  return readWord(record, 0) & MAX_TOPIC_ID
}

/** When the event was published, in the copy of a record. */
export function publishedAt(record: Uint8Array): number {
  return readDouble(record, TIME_BYTE)
}
