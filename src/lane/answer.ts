import type { RingReader, RingWriter } from '../../native-free-ring/src/index.ts'
import type { Payload } from '../event/payload.ts'

/**
 * The bytes of an answer in its ring (decision 18): the request's ticket, what kind of answer it is, and data.
 *
 * ```
 *  0      4       8            12      16
 * ┌──────┬───────┬────────────┬───────┬──────┐
 * │ slot │ stamp │ kind flags │       │ data │
 * └──────┴───────┴────────────┴───────┴──────┘
 * kind  8 bits, flags the data's codec above them
 * ```
 */
export const ANSWER_BYTES = 16

/** The handler's result. */
export const RESULT = 0
/** What the handler threw, described. */
export const THROWN = 1
/** Why no handler has answered. */
export const UNHANDLED = 2
export const EXPIRED_REQUEST = 3
export const DUPLICATE_REQUEST = 4
/** Its worker has died too often; the data is a message. */
export const DIED = 5

const KIND_BITS = 8
const KIND_MASK = (1 << KIND_BITS) - 1

/** Writes an answer to the bytes that were claimed at `at`. */
export function writeAnswer(
  { bytes, words }: RingWriter,
  at: number,
  slot: number,
  stamp: number,
  kind: number,
  payload: Payload,
): void {
  const word = at >> 2
  words[word] = slot
  words[word + 1] = stamp
  words[word + 2] = kind | (payload.flags << KIND_BITS)
  const { bytes: data, length } = payload
  if (data !== undefined)
    bytes.set(length === data.length ? data : data.subarray(0, length), at + ANSWER_BYTES)
}

export function slotOfAnswer({ words }: RingReader, at: number): number {
  return words[at >> 2]!
}

export function stampOfAnswer({ words }: RingReader, at: number): number {
  return words[(at >> 2) + 1]!
}

export function kindOfAnswer({ words }: RingReader, at: number): number {
  return words[(at >> 2) + 2]! & KIND_MASK
}

export function flagsOfAnswer({ words }: RingReader, at: number): number {
  return words[(at >> 2) + 2]! >>> KIND_BITS
}
