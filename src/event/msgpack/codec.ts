import {
  Decoder,
  decodeTimestampExtension,
  Encoder,
  EXT_TIMESTAMP,
  ExtData,
  type ExtensionCodecType,
  encodeTimestampExtension,
} from '@msgpack/msgpack'
import { DecodeError, EncodeError, InvalidEventError, isA } from '../../errors.ts'
import { isStruct } from '../struct/view.ts'
import { PlainReader, UNREAD } from './plain-reader.ts'
import { NOT_PLAIN, putPlain } from './plain-writer.ts'
import { NO_ROOM, Scratch } from './scratch.ts'
import { checkSound } from './soundness.ts'
import type { ValueDecoder } from './value-decoder.ts'
import type { ValueEncoder } from './value-encoder.ts'

/**
 * MessagePack for ordinary data, by `@msgpack/msgpack`, with what JavaScript has beyond it as extension types, so
 * that nothing changes silently on its way: `Date` (the standard timestamp), `Map` (1), `Set` (2), `bigint` (3) and
 * typed arrays (4); what a struct's view shows is the plain object with its fields (5).
 *
 * Functions, symbols, cycles (deeper than 100) and objects whose content is not in their fields (`Error`, `Promise`,
 * `RegExp`, …) are an `EncodeError`. Instances of classes arrive as plain objects with their own fields; `undefined`
 * inside an object arrives as `null`. Source of the format: github.com/msgpack/msgpack, spec.md.
 */
const EXT_MAP = 1
const EXT_SET = 2
const EXT_BIGINT = 3
const EXT_TYPED_ARRAY = 4
const EXT_OBJECT = 5

const MAX_DEPTH = 100
/** More than is ever asked for and not needed, so that what just fits is not refused. */
const SLACK = 256
const TOO_LARGE = Symbol('too large')

const TYPED_ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  ArrayBuffer,
  DataView,
] as const

/** Data in MessagePack: the first `length` of `bytes`. */
export type Encoded = {
  bytes: Uint8Array
  length: number
  /** It holds binary values: they must be copied out of the ring before they are decoded. */
  holdsBytes: boolean
}

/** Set by the encoder when it meets binary data. */
let holdsBytes = false

const extensions: ExtensionCodecType<undefined> = {
  __brand: 'ExtensionCodecType' as any,

  tryToEncode(value: unknown): ExtData | null {
    if (typeof value !== 'object') return encodePrimitive(value)
    const prototype = Object.getPrototypeOf(value)
    const special = prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null
    const extension = special ? encodeSpecial(value as object) : null
    // No decoder takes it: whoever reads would get an error in place of the data.
    if (extension === null && Object.hasOwn(value as object, '__proto__'))
      throw new EncodeError("An object with a field __proto__ can't be sent")
    return extension
  },

  decode(bytes: Uint8Array, type: number): unknown {
    if (type === EXT_TIMESTAMP) return decodeTimestampExtension(bytes)
    if (type === EXT_MAP) return new Map(decodeNested(bytes) as [unknown, unknown][])
    if (type === EXT_SET) return new Set(decodeNested(bytes) as unknown[])
    if (type === EXT_OBJECT) return (decodeNested(bytes) as unknown[])[0]
    if (type === EXT_BIGINT) return BigInt(Buffer.from(bytes).toString('latin1'))
    if (type === EXT_TYPED_ARRAY) return decodeTypedArray(bytes)
    return new ExtData(type, bytes.slice())
  },
}

function encodePrimitive(value: unknown): ExtData {
  if (typeof value === 'bigint') return new ExtData(EXT_BIGINT, Buffer.from(value.toString(), 'latin1'))
  throw new EncodeError(`A ${typeof value} can't be sent to another thread`)
}

function encodeSpecial(value: object): ExtData | null {
  if (value instanceof Uint8Array) {
    holdsBytes = true
    return null
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new EncodeError("An invalid Date can't be encoded")
    return new ExtData(EXT_TIMESTAMP, encodeTimestampExtension(value)!)
  }
  if (value instanceof Map) return new ExtData(EXT_MAP, nested([...value]))
  if (value instanceof Set) return new ExtData(EXT_SET, nested([...value]))
  if (isStruct(value)) return new ExtData(EXT_OBJECT, nested([value.toJSON()]))
  const kind = TYPED_ARRAYS.findIndex((type) => value instanceof type)
  if (kind >= 0)
    return new ExtData(EXT_TYPED_ARRAY, encodeTypedArray(kind, value as ArrayBuffer | ArrayBufferView))
  const tag = Object.prototype.toString.call(value)
  if (tag === '[object Object]' || tag === '[object Array]') return null
  throw new EncodeError(`A value of type ${tag.slice(8, -1)} can't be sent: its content is not in its fields`)
}

/** How many maps and sets the encoder is inside of: a cycle through them ends as one through objects does. */
let nesting = 0

function nested(values: unknown[]): Uint8Array {
  if (nesting >= MAX_DEPTH) throw new EncodeError(`Data nested deeper than ${MAX_DEPTH} levels, or cyclic`)
  nesting++
  try {
    return newEncoder().encode(values)
  } finally {
    nesting--
  }
}

function encodeTypedArray(kind: number, value: ArrayBuffer | ArrayBufferView): Uint8Array {
  const content = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
  const bytes = new Uint8Array(1 + content.length)
  bytes[0] = kind
  bytes.set(content, 1)
  return bytes
}

function decodeTypedArray(bytes: Uint8Array): unknown {
  const type = TYPED_ARRAYS[bytes[0]!]
  if (type === undefined) throw new DecodeError(`Unknown typed array ${bytes[0]}`)
  const content = new Uint8Array(bytes.subarray(1)).buffer
  if (type === ArrayBuffer) return content
  return new (type as new (buffer: ArrayBuffer) => unknown)(content)
}

/** What stands in a `Map` or a `Set`, which may hold others. */
function decodeNested(bytes: Uint8Array): unknown {
  if (decoding >= MAX_DEPTH) throw new DecodeError(`Data nested deeper than ${MAX_DEPTH} levels`)
  decoding++
  try {
    checkSound(bytes, 0, bytes.length, MAX_DEPTH)
    return decoder.decode(bytes)
  } finally {
    decoding--
  }
}

/** How many maps and sets the decoder is inside of. */
let decoding = 0

function newEncoder(): Encoder<undefined> {
  return new Encoder({ extensionCodec: extensions, maxDepth: MAX_DEPTH })
}

/** Both serve nested calls by a copy of themselves. */
let encoder = newEncoder()
/** Plain data, which is nearly all, takes the short way. */
export const scratch = new Scratch()
const reader = new PlainReader()
/** A value is being encoded: a getter of it, that encodes another, must leave the scratch alone. */
let encoding = false
const decoder = new Decoder({ extensionCodec: extensions })

/** The most that any ring takes. */
const MAX_DATA_BYTES = 2 ** 29
/** An encoder whose buffer has grown beyond is let go. */
const KEPT_BYTES = 2 ** 20

const encoded: Encoded = { bytes: new Uint8Array(0), length: 0, holdsBytes: false }

/**
 * Encodes data. What it answers belongs to the encoder and lasts until the next call.
 *
 * @throws EncodeError (`ERR_MILLRACE_ENCODE`) for what MessagePack and the extensions above can't carry, InvalidEventError
 * (`ERR_MILLRACE_INVALID_EVENT`) for plain data of more than `limit` bytes, as soon as it is that much.
 */
export function encode(data: unknown, limit = MAX_DATA_BYTES, shapes?: ValueEncoder): Encoded {
  try {
    // A getter in the data may throw, or encode something else.
    const length = encodePlain(data, limit, shapes)
    if (length === NOT_PLAIN) {
      encodeComplete(data)
      return encoded
    }
    encoded.bytes = scratch.bytes
    encoded.length = length
    encoded.holdsBytes = false
    return encoded
  } catch (error) {
    if (error === TOO_LARGE) {
      throw new InvalidEventError(
        `An event's data exceeds the ${limit} bytes that it may have here: raise ringBytes or blockBytes, or send a reference`,
      )
    }
    if (isA(error, EncodeError)) throw error
    const reason = reasonOf(error)
    throw new EncodeError(
      reason.startsWith('Too deep') ? `Data nested deeper than ${MAX_DEPTH} levels, or cyclic` : reason,
      { cause: error },
    )
  }
}

/** Into the scratch; answers how many bytes, or `NOT_PLAIN`. Tries again with more room, as long as `limit` allows that. */
export function encodePlain(data: unknown, limit: number, shapes: ValueEncoder | undefined): number {
  if (encoding) return NOT_PLAIN
  encoding = true
  try {
    for (;;) {
      const end = shapes === undefined ? putPlain(scratch, 0, data, 1) : shapes.put(scratch, 0, data)
      if (end !== NO_ROOM) return end
      if (scratch.bytes.length >= limit + SLACK) throw TOO_LARGE
      scratch.grow()
    }
  } finally {
    encoding = false
  }
}

function encodeComplete(data: unknown): void {
  const outer = holdsBytes
  holdsBytes = false
  try {
    const bytes = encoder.encodeSharedRef(data)
    encoded.bytes = bytes
    encoded.length = bytes.length
    encoded.holdsBytes = holdsBytes
    // It would keep the memory for ever.
    if (bytes.length > KEPT_BYTES) encoder = newEncoder()
  } finally {
    holdsBytes = outer
  }
}

/** What a getter in the data has thrown may be anything, and may throw again when it is looked at. */
function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'unreadable error'
  }
}

/**
 * Decodes the data between `start` and `end`. Binary values in the result are views of `bytes`.
 *
 * @throws DecodeError (`ERR_MILLRACE_DECODE`) if the bytes are not MessagePack.
 */
export function decode(bytes: Uint8Array, start = 0, end = bytes.length, shapes?: ValueDecoder): unknown {
  const plain = reader.read(bytes, start, end, shapes)
  if (plain !== UNREAD) return plain
  try {
    checkSound(bytes, start, end, MAX_DEPTH)
    return decoder.decode(bytes.subarray(start, end))
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
