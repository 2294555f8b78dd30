import type { Ticket } from '../../native-free-ring/src/index.ts'
import { DecodeError } from '../errors.ts'
import { copyBinary } from './binary.ts'
import { type BlockRef, writeRef } from './block-ref.ts'
import { putKey } from './key.ts'
import { readDouble, readLength16, readWord, writeLength16 } from './little-endian.ts'
import type { Space } from './space.ts'

/**
 * The bytes of one event in a ring.
 *
 * ```
 *  0        4        8        12       16               24
 * ┌────────┬────────┬────────┬────────┬────────────────┬───────┬──────┬─────┬────────┬─────┬──────┐
 * │ origin │ key    │ seq    │ flags  │ time           │ticket?│topic?│key? │extras? │ pad │ data │
 * └────────┴────────┴────────┴────────┴────────────────┴───────┴──────┴─────┴────────┴─────┴──────┘
 * origin  topic id (20 bits, 0: the topic follows as text), publisher (12 bits)
 * key     FNV-1a of the key's UTF-8 bytes, or of the id's; 0 without
 * seq     low 32 bits of the publisher's count; the high 20 bits stand above the flags
 * flags   12 bits, see below
 * time    milliseconds since 1970, IEEE double
 * ticket  slot and stamp, 4 bytes each
 * topic   2 bytes length, UTF-8;  key the same;  extras 4 bytes length, MessagePack
 * pad     to a multiple of 8, so that data can be looked at through any typed array
 * data    or, if they lie in a block, a reference to it (`block-ref.ts`)
 * ```
 * Little-endian, as every platform that Node runs on.
 */
export const HEADER_BYTES = 24
const TICKET_BYTES = 8

export const TOPIC_BITS = 20
export const MAX_TOPIC_ID = (1 << TOPIC_BITS) - 1
export const MAX_PUBLISHERS = 1 << 12

/** How the data is encoded: bits 0 and 1 of the flags. */
export const CODEC_NONE = 0
export const CODEC_MSGPACK = 1
export const CODEC_BYTES = 2
/** A struct: the topic says which (decision 27). */
export const CODEC_STRUCT = 3
export const CODEC_MASK = 3

export const HAS_KEY = 1 << 2
export const HAS_EXTRAS = 1 << 3
/** The extras hold a time to live. */
export const EXPIRES = 1 << 4
/** The MessagePack data holds binary values, which must be copied before they leave the ring. */
export const HOLDS_BYTES = 1 << 5
/** It has no key, and goes by its id: that is what the key's hash is of (decision 16). */
export const BY_ID = 1 << 6
/** Somebody waits for an answer: a ticket follows the header (decision 18). */
export const ASKS = 1 << 7
/** Its data lie in a block: the record ends with a reference to it (decision 19). */
export const IN_BLOCK = 1 << 8
/** And it was sent as a block: whoever asks gets one back. Also of answers. */
export const AS_BLOCK = 1 << 9
/** Another pool has the same event, and does what is done once: it answers, and fills mailboxes (decision 21). */
export const COPY = 1 << 10
/** Goes to the lane of its hash, one after the other with those of the same hash. */
export const ORDERED = HAS_KEY | BY_ID

/** What makes a record more than its topic, key and data. */
const SPECIAL = HAS_EXTRAS | EXPIRES | BY_ID | ASKS | IN_BLOCK | AS_BLOCK

const FLAG_BITS = 12
const FLAG_MASK = (1 << FLAG_BITS) - 1
const TWO_32 = 4294967296
/** The last moment that a date can be. */
const MAX_TIME = 8.64e15

/** What a publisher writes: every field prepared, sizes known, before anything is claimed. */
export type Draft = {
  topicId: number
  /** UTF-8, only if the topic has no id. */
  topic: Uint8Array | undefined
  /** As whom its lanes' writers write it. */
  publisher: number
  priority: number
  /** Those that get it, the leading one first. */
  pools: readonly number[]
  sequence: number
  time: number
  key: string
  keyHash: number
  /** UTF-8 length; equal to `key.length` exactly if the key is ASCII. */
  keyBytes: number
  flags: number
  extras: Uint8Array | undefined
  data: Uint8Array | undefined
  /** The first so many bytes of `data` are the event's; with `IN_BLOCK`, what the reference to them takes. */
  dataBytes: number
  /** How many bytes of `data` go to a block. */
  blockBytes: number
  /** Where they lie there. */
  block: BlockRef | undefined
  /** When no block was free for them; undefined if there was one, or none was looked for. */
  lacksBlock: number | undefined
  /** If its lane is full, it may go to the store. */
  spills: boolean
  /** Of a request. */
  ticket: Ticket | undefined
}

/** Bytes that the draft takes. */
export function draftBytes(draft: Draft): number {
  return dataStart(draft) + draft.dataBytes
}

/** Where what not every record has begins, from its start. */
function optionalStart(flags: number): number {
  return (flags & ASKS) === 0 ? HEADER_BYTES : HEADER_BYTES + TICKET_BYTES
}

function dataStart(draft: Draft): number {
  let start = optionalStart(draft.flags)
  if (draft.topic !== undefined) start += 2 + draft.topic.length
  if ((draft.flags & HAS_KEY) !== 0) start += 2 + draft.keyBytes
  if (draft.extras !== undefined) start += 4 + draft.extras.length
  return (start + 7) & -8
}

/** Writes the header of a record, at byte `at`, a multiple of 8. */
export function writeHeader(
  { words, doubles }: Space,
  at: number,
  topicId: number,
  publisher: number,
  keyHash: number,
  sequence: number,
  flags: number,
  time: number,
): void {
  const word = at >> 2
  words[word] = topicId | (publisher << 20)
  words[word + 1] = keyHash
  words[word + 2] = sequence | 0
  words[word + 3] = sequence < TWO_32 ? flags : flags | ((sequence / TWO_32) << FLAG_BITS)
  doubles[(at + 16) >> 3] = time
}

/** Writes the draft at byte `at`, a multiple of 8. */
export function writeDraft(space: Space, at: number, draft: Draft): void {
  const { bytes, words } = space
  const word = at >> 2
  const { sequence, flags, data, dataBytes } = draft
  words[word] = draft.topicId | (draft.publisher << 20)
  words[word + 1] = draft.keyHash
  words[word + 2] = sequence | 0
  words[word + 3] = flags | ((sequence / TWO_32) << FLAG_BITS)
  space.doubles[(at + 16) >> 3] = draft.time
  if ((flags & ASKS) !== 0) {
    words[word + 6] = draft.ticket!.slot
    words[word + 7] = draft.ticket!.stamp
  }
  if (draft.topic !== undefined || (flags & (HAS_KEY | HAS_EXTRAS)) !== 0) writeOptional(bytes, at, draft)
  if (data === undefined) return
  const start = at + dataStart(draft)
  if ((flags & IN_BLOCK) !== 0) {
    writeRef(words, start, draft.block!)
    return
  }
  copyBinary(bytes, start, data, dataBytes)
}

function writeOptional(bytes: Uint8Array, at: number, draft: Draft): void {
  let to = at + optionalStart(draft.flags)
  const { topic, extras } = draft
  if (topic !== undefined) {
    to = writeLength16(bytes, to, topic.length)
    bytes.set(topic, to)
    to += topic.length
  }
  if ((draft.flags & HAS_KEY) !== 0) {
    to = putKey(bytes, to, draft.key, draft.keyBytes)
  }
  if (extras !== undefined) {
    to = writeLength16(bytes, to, extras.length & 0xffff)
    to = writeLength16(bytes, to, extras.length >>> 16)
    bytes.set(extras, to)
  }
}

export function topicIdOf(words: Int32Array, at: number): number {
  return words[at >> 2]! & MAX_TOPIC_ID
}

export function publisherOf(words: Int32Array, at: number): number {
  return words[at >> 2]! >>> 20
}

/** Of a request. */
export function slotOf(words: Int32Array, at: number): number {
  return words[(at >> 2) + 6]!
}

export function stampOf(words: Int32Array, at: number): number {
  return words[(at >> 2) + 7]!
}

export function keyHashOf(words: Int32Array, at: number): number {
  return words[(at >> 2) + 1]!
}

export function flagsOf(words: Int32Array, at: number): number {
  return words[(at >> 2) + 3]! & FLAG_MASK
}

/** The topic's id of a record that nobody has begun and that has no more than a key and data; 0 of all others. */
export function freshTopicOf(words: Int32Array, at: number): number {
  const word = at >> 2
  return words[word - 1] === 0 && (words[word + 3]! & SPECIAL) === 0 ? words[word]! & MAX_TOPIC_ID : 0
}

/** Whether the record has nothing but a header and data. */
export function isPlain(words: Int32Array, at: number): boolean {
  const word = at >> 2
  return (words[word + 3]! & (SPECIAL | HAS_KEY)) === 0 && (words[word]! & MAX_TOPIC_ID) !== 0
}

/** The fields of a record, read from its bytes wherever they lie (a ring, or a copy). */
export type RecordFields = {
  topicId: number
  publisher: number
  sequence: number
  time: number
  flags: number
  topic: string | undefined
  key: string | undefined
  /** Offsets in the same bytes; start equals end when there are none. */
  extrasStart: number
  extrasEnd: number
  dataStart: number
}

/** @throws DecodeError (`ERR_MILLRACE_DECODE`) if the record from `at` to `end` is shorter than it says, or has no time. */
export function readFields(bytes: Uint8Array, at: number, end: number): RecordFields {
  if (end - at < HEADER_BYTES) throw shortRecord(at, end)
  const origin = readWord(bytes, at)
  const high = readWord(bytes, at + 12)
  const flags = high & FLAG_MASK
  const fields: RecordFields = {
    topicId: origin & MAX_TOPIC_ID,
    publisher: origin >>> 20,
    sequence: (high >>> FLAG_BITS) * TWO_32 + (readWord(bytes, at + 8) >>> 0),
    time: readDouble(bytes, at + 16),
    flags,
    topic: undefined,
    key: undefined,
    extrasStart: 0,
    extrasEnd: 0,
    dataStart: 0,
  }
  if (!(Math.abs(fields.time) <= MAX_TIME)) throw new DecodeError(`A record of ${end - at} bytes has no time`)
  let from = at + optionalStart(flags)
  if (fields.topicId === 0) {
    const length = readLength16(bytes, from)
    if (!(from + 2 + length <= end)) throw shortRecord(at, end)
    fields.topic = readText(bytes, from + 2, from + 2 + length)
    from += 2 + length
  }
  if ((flags & HAS_KEY) !== 0) {
    const length = readLength16(bytes, from)
    if (!(from + 2 + length <= end)) throw shortRecord(at, end)
    fields.key = readText(bytes, from + 2, from + 2 + length)
    from += 2 + length
  }
  if ((flags & HAS_EXTRAS) !== 0) {
    fields.extrasStart = from + 4
    from += 4 + readLength16(bytes, from) + readLength16(bytes, from + 2) * 65_536
    fields.extrasEnd = from
  }
  fields.dataStart = at + ((from - at + 7) & -8)
  // Without data, nothing is there to be padded.
  if (from > end) throw shortRecord(at, end)
  return fields
}

/**
 * Where the data of the record from `at` to `end` start.
 *
 * @throws DecodeError (`ERR_MILLRACE_DECODE`) if it is shorter than it says.
 */
export function dataStartOf(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < HEADER_BYTES) throw shortRecord(at, end)
  const flags = readWord(bytes, at + 12)
  let from = at + optionalStart(flags)
  if ((readWord(bytes, at) & MAX_TOPIC_ID) === 0) from += 2 + readLength16(bytes, from)
  if ((flags & HAS_KEY) !== 0) from += 2 + readLength16(bytes, from)
  if ((flags & HAS_EXTRAS) !== 0)
    from += 4 + readLength16(bytes, from) + readLength16(bytes, from + 2) * 65_536
  if (!(from <= end)) throw shortRecord(at, end)
  return at + ((from - at + 7) & -8)
}

export function flagsIn(bytes: Uint8Array, at: number): number {
  return readWord(bytes, at + 12) & FLAG_MASK
}

function shortRecord(at: number, end: number): DecodeError {
  return new DecodeError(`A record of ${end - at} bytes is shorter than it says`)
}

/** Whether two records, both with a key, have the same one. */
export function isSameKey(bytes: Uint8Array, at: number, others: Uint8Array, other: number): boolean {
  const start = keyStart(bytes, at)
  const otherStart = keyStart(others, other)
  const end = 2 + readLength16(bytes, start)
  for (let i = 0; i < end; i++) if (bytes[start + i] !== others[otherStart + i]) return false
  return true
}

/** Whether a record with a key has the draft's. */
export function hasKeyOf(bytes: Uint8Array, at: number, draft: Draft): boolean {
  const { key } = draft
  const start = keyStart(bytes, at)
  if (readLength16(bytes, start) !== draft.keyBytes) return false
  if (draft.keyBytes !== key.length) return readText(bytes, start + 2, start + 2 + draft.keyBytes) === key
  for (let i = 0; i < key.length; i++) if (bytes[start + 2 + i] !== key.charCodeAt(i)) return false
  return true
}

/** Where the key's length stands, with its text behind. */
function keyStart(bytes: Uint8Array, at: number): number {
  const from = at + optionalStart(readWord(bytes, at + 12))
  return (readWord(bytes, at) & MAX_TOPIC_ID) === 0 ? from + 2 + readLength16(bytes, from) : from
}

/** Where the key's UTF-8 bytes lie: the offset, and 0 as length without one. */
export function keySpan(bytes: Uint8Array, at: number): { at: number; length: number } {
  const start = keyStart(bytes, at)
  if ((readWord(bytes, at + 12) & HAS_KEY) === 0) return { at: start, length: 0 }
  return { at: start + 2, length: readLength16(bytes, start) }
}

/** Where the extras start; only for a record that has some. */
export function extrasStart(bytes: Uint8Array, at: number): number {
  const key = keySpan(bytes, at)
  return key.at + key.length + 4
}

/** Only the topic of a record that carries it as text. */
export function readTopic(bytes: Uint8Array, at: number): string {
  const from = at + optionalStart(readWord(bytes, at + 12)) + 2
  return readText(bytes, from, from + readLength16(bytes, from - 2))
}

/** UTF-8 text. The bytes must be ones that nobody can be writing: committed and leased, or a copy. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte > 0x7f) return Buffer.from(bytes.slice(start, end)).toString('utf8')
    text += String.fromCharCode(byte)
  }
  return text
}
