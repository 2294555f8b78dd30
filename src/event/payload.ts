import { DecodeError, EncodeError } from '../errors.ts'
import { binaryLength, isBinary, isDetached } from './binary.ts'
import { decode, encode } from './msgpack/codec.ts'
import type { ValueDecoder } from './msgpack/value-decoder.ts'
import type { ValueEncoder } from './msgpack/value-encoder.ts'
import { CODEC_BYTES, CODEC_MASK, CODEC_MSGPACK, CODEC_NONE, CODEC_STRUCT, HOLDS_BYTES } from './record.ts'
import type { Space } from './space.ts'
import { StructScratch } from './struct/scratch.ts'
import type { Struct } from './struct/struct.ts'
import type { Write } from './struct/write-function.ts'

/** Data as it travels: the first `length` of `bytes`, and the flags that say how to read them. */
export type Payload = { flags: number; bytes: Uint8Array | undefined; length: number }

/** How a topic's data are written: as its struct; if it has none, as MessagePack, by what was learned of them. */
export type DataFormat = { readonly write: Write | undefined; readonly encoder: ValueEncoder | undefined }

/** And how they are read. */
export type DataSource = { readonly struct: Struct | undefined; readonly decoder: ValueDecoder | undefined }

/** Of data that nobody knows anything of. */
export const ANY_DATA: DataFormat & DataSource = {
  write: undefined,
  encoder: undefined,
  struct: undefined,
  decoder: undefined,
}

const scratch = new StructScratch()

/**
 * Encodes data into `payload`. What it refers to afterwards is the encoder's, until the next call, or the caller's own.
 *
 * @throws EncodeError, InvalidEventError for more than `limit` bytes of what is not bytes already.
 */
export function writePayload(
  payload: Payload,
  data: unknown,
  limit: number,
  { write, encoder }: DataFormat,
): void {
  if (write !== undefined) {
    scratch.limit = limit
    write(data, scratch, 0)
    payload.bytes = scratch.bytes
    payload.length = scratch.length
    payload.flags = CODEC_STRUCT
  } else if (isBinary(data)) {
    if (isDetached(data))
      throw new EncodeError('Bytes that were transferred to somebody else can not be sent')
    payload.bytes = data
    payload.length = binaryLength(data)
    payload.flags = CODEC_BYTES
  } else if (data === undefined) {
    payload.bytes = undefined
    payload.length = 0
    payload.flags = CODEC_NONE
  } else {
    const encoded = encode(data, limit, encoder)
    payload.bytes = encoded.bytes
    payload.length = encoded.length
    payload.flags = encoded.holdsBytes ? CODEC_MSGPACK | HOLDS_BYTES : CODEC_MSGPACK
  }
}

/**
 * The data between `start` and `end`, as the flags say. Bytes, and structs, are views of the memory; of what else holds bytes, views only if
 * the memory is `detached`: a copy that nobody writes.
 *
 * @throws DecodeError
 */
export function readPayload(
  flags: number,
  space: Space,
  start: number,
  end: number,
  detached: boolean,
  { struct, decoder }: DataSource,
): unknown {
  const { bytes } = space
  const codec = flags & CODEC_MASK
  if (codec === CODEC_NONE) return undefined
  if (codec === CODEC_BYTES) {
    // Where there are none, the padding before them is missing, too.
    if (start >= end) return bytes.subarray(end, end)
    // Not `subarray`, which takes half as long again.
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
  }
  if (codec === CODEC_STRUCT) {
    if (struct === undefined) throw new DecodeError('A struct of which nobody knows the fields')
    return struct.read(space, start, end)
  }
  // Binary values are decoded as views: they must not be views of a ring.
  if ((flags & HOLDS_BYTES) !== 0 && !detached) return decode(bytes.slice(start, end))
  return decode(bytes, start, end, decoder)
}
