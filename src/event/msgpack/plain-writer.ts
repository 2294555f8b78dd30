import {
  COUNT_BYTES,
  NO_ROOM,
  NUMBER_BYTES,
  putByte,
  putCount,
  putNumber,
  putText,
  type Scratch,
} from './scratch.ts'

/** What `putPlain` answers for what it leaves to the complete codec. */
export const NOT_PLAIN = -2

/** Nesting beyond this is left to the complete codec, which refuses it with an error. */
const MAX_DEPTH = 100

/**
 * Writes plain data (null, booleans, numbers, text, arrays, plain objects) as MessagePack at `at`, `depth` levels deep,
 * and answers where they end: the same bytes that `@msgpack/msgpack` writes, several times as fast.
 *
 * `NO_ROOM` if there is none. Everything else, and everything that must be refused, is left to that codec: `NOT_PLAIN`.
 * Source of the format: github.com/msgpack/msgpack, spec.md.
 *
 * @throws EncodeError for text with a lone surrogate.
 */
export function putPlain(scratch: Scratch, at: number, value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return putText(scratch, at, value)
    case 'number':
      return at + NUMBER_BYTES <= scratch.bytes.length ? putNumber(scratch, at, value) : NO_ROOM
    case 'boolean':
      return putByte(scratch, at, value ? 0xc3 : 0xc2)
    case 'undefined':
      return putByte(scratch, at, 0xc0)
    case 'object':
      if (value === null) return putByte(scratch, at, 0xc0)
      return depth <= MAX_DEPTH ? putObject(scratch, at, value, depth) : NOT_PLAIN
    default:
      return NOT_PLAIN
  }
}

function putObject(scratch: Scratch, at: number, value: object, depth: number): number {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) return putArray(scratch, at, value as unknown[], depth)
  if (prototype !== Object.prototype && prototype !== null) return NOT_PLAIN
  const keys = Object.keys(value)
  if (at + COUNT_BYTES > scratch.bytes.length) return NO_ROOM
  let end = putCount(scratch, at, keys.length, 0x80, 0xde)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (key === '__proto__') return NOT_PLAIN
    end = putText(scratch, end, key)
    if (end < 0) return end
    end = putPlain(scratch, end, (value as Record<string, unknown>)[key], depth + 1)
    if (end < 0) return end
  }
  return end
}

function putArray(scratch: Scratch, at: number, values: readonly unknown[], depth: number): number {
  if (at + COUNT_BYTES > scratch.bytes.length) return NO_ROOM
  let end = putCount(scratch, at, values.length, 0x90, 0xdc)
  for (let i = 0; i < values.length; i++) {
    end = putPlain(scratch, end, values[i], depth + 1)
    if (end < 0) return end
  }
  return end
}
