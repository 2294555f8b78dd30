import { binaryLength, copyBinary, isBinary, isDetached } from '../binary.ts'
import { readText } from '../msgpack/text.ts'
import { type FixedKind, SPAN_BYTES, type VariableKind } from './kind.ts'

/** Up to so many characters, a loop over them beats a call into the runtime. */
const SHORT = 64

/** Text of up to `max` bytes of UTF-8, behind its length. */
export function fixedText(max: number): FixedKind {
  const prefix = prefixOf(max)
  return {
    description: `str(${max})`,
    bytes: prefix + max,
    align: 1,
    size: undefined,
    accepts: (value) => isText(value) && (3 * value.length <= max || textSize(value) <= max),
    get: (bytes, _words, _doubles, at) => {
      const start = at + prefix
      return readText(bytes, start, start + lengthAt(bytes, at, prefix, max))
    },
    put: (bytes, _words, _doubles, at, value) => {
      const size = putShort(bytes, at + prefix, value)
      putLength(bytes, at, prefix, size < 0 ? putLong(bytes, at + prefix, value) : size)
    },
  }
}

/** Up to `max` bytes, behind how many they are. */
export function fixedBytes(max: number): FixedKind {
  const prefix = prefixOf(max)
  return {
    description: `bytes(${max})`,
    bytes: prefix + max,
    align: 1,
    size: undefined,
    accepts: (value) => isBytes(value) && binaryLength(value) <= max,
    get: (bytes, _words, _doubles, at) => {
      const start = at + prefix
      return bytes.subarray(start, start + lengthAt(bytes, at, prefix, max))
    },
    put: (bytes, _words, _doubles, at, value) => {
      // A getter of another field may have made it longer.
      const size = Math.min(binaryLength(value), max)
      putLength(bytes, at, prefix, size)
      copyBinary(bytes, at + prefix, value, size)
    },
  }
}

/** Text of any length. */
export const TEXT: VariableKind = {
  description: 'str',
  bytes: SPAN_BYTES,
  align: 4,
  accepts: isText,
  size: textSize,
  get: readText,
  put: putText,
}

/** Any number of bytes. */
export const BYTES: VariableKind = {
  description: 'bytes',
  bytes: SPAN_BYTES,
  align: 4,
  accepts: isBytes,
  size: binaryLength,
  get: (bytes, start, end) => bytes.subarray(start, end),
  put: copyBinary,
}

/** One of these texts, as its number among them. */
export function choice(values: readonly string[]): FixedKind {
  const numbers = new Map(values.map((value, index) => [value, index]))
  const isShort = values.length <= 256
  return {
    description: ['oneOf', ...values],
    bytes: isShort ? 1 : 2,
    align: isShort ? 1 : 2,
    size: undefined,
    accepts: (value) => numbers.has(value),
    get: (bytes, _words, _doubles, at) => values[isShort ? bytes[at]! : bytes[at]! | (bytes[at + 1]! << 8)],
    put: (bytes, _words, _doubles, at, value) => {
      const number = numbers.get(value)!
      bytes[at] = number
      if (!isShort) bytes[at + 1] = number >> 8
    },
  }
}

/** Bytes that say how many there are, up to `max`. */
function prefixOf(max: number): 1 | 2 {
  return max < 256 ? 1 : 2
}

/** No more than can be, whatever stands there. */
function lengthAt(bytes: Uint8Array, at: number, prefix: 1 | 2, max: number): number {
  const length = prefix === 1 ? bytes[at]! : bytes[at]! | (bytes[at + 1]! << 8)
  return length < max ? length : max
}

function putLength(bytes: Uint8Array, at: number, prefix: 1 | 2, length: number): void {
  bytes[at] = length
  if (prefix === 2) bytes[at + 1] = length >> 8
}

/** Well-formed: a lone surrogate would arrive as something else. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed()
}

/** Not those of somebody else, who has got their memory. */
function isBytes(value: unknown): value is Uint8Array {
  return isBinary(value) && !isDetached(value)
}

/** Of its UTF-8. */
function textSize(text: string): number {
  const { length } = text
  if (length > SHORT) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return length
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  if (putShort(bytes, at, text) < 0) putLong(bytes, at, text)
}

/** Answers its size; -1 if it is not short, or not all of it is ASCII. */
function putShort(bytes: Uint8Array, at: number, text: string): number {
  const { length } = text
  if (length > SHORT) return -1
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return -1
    bytes[at + i] = code
  }
  return length
}

/** Answers its size. */
function putLong(bytes: Uint8Array, at: number, text: string): number {
  const encoded = Buffer.from(text)
  bytes.set(encoded, at)
  return encoded.length
}
