import { decode, encode } from './msgpack/codec.ts'
import type { ValueDecoder } from './msgpack/value-decoder.ts'
import type { ValueEncoder } from './msgpack/value-encoder.ts'
import { CODEC_BYTES, CODEC_MASK, CODEC_MSGPACK, CODEC_NONE, HOLDS_BYTES } from './record.ts'

/** Data as it travels: the first `length` of `bytes`, and the flags that say how to read them. */
export type Payload = { flags: number; bytes: Uint8Array | undefined; length: number }

/**
 * Encodes data into `payload`. What it refers to afterwards is the encoder's, until the next call, or the caller's own.
 *
 * `encoder` has learned what such data look like.
 *
 * @throws EncodeError, InvalidEventError for more than `limit` bytes of what is not bytes already.
 */
export function writePayload(payload: Payload, data: unknown, limit: number, encoder?: ValueEncoder): void {
  if (data instanceof Uint8Array) {
    payload.bytes = data
    payload.length = data.length
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
 * The data between `start` and `end`, as the flags say. Bytes are a view of `bytes`; of what else holds some, views only if
 * the bytes are `detached`: a copy that nobody writes. `decoder` has learned what such data look like.
 *
 * @throws DecodeError
 */
export function readPayload(
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  detached: boolean,
  decoder?: ValueDecoder,
): unknown {
  const codec = flags & CODEC_MASK
  if (codec === CODEC_NONE) return undefined
  if (codec === CODEC_BYTES) return bytes.subarray(start, end)
  // Binary values are decoded as views: they must not be views of a ring.
  if ((flags & HOLDS_BYTES) !== 0 && !detached) return decode(bytes.slice(start, end))
  return decode(bytes, start, end, decoder)
}
