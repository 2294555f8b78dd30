import { InvalidEventError } from '../errors.ts'
import { writeLength16 } from './little-endian.ts'

export const KEY_MAX_BYTES = 1_024
/** Of a key in a record: its length. */
export const KEY_BYTES_BEFORE = 2

/**
 * Checks a key and answers its length in UTF-8 bytes.
 *
 * @throws InvalidEventError (`ERR_MILLRACE_INVALID_EVENT`) if it is not a text of 1 to 1,024 bytes.
 */
export function keyBytes(key: unknown): number {
  if (typeof key !== 'string') throw new InvalidEventError(`A key is a string, not ${typeof key}`)
  let bytes = key.length
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) > 0x7f) {
      if (!key.isWellFormed())
        throw new InvalidEventError('A key is well-formed text: this one has a lone surrogate')
      bytes = Buffer.byteLength(key, 'utf8')
      break
    }
  }
  if (bytes < 1 || bytes > KEY_MAX_BYTES) {
    throw new InvalidEventError(`A key has 1 to ${KEY_MAX_BYTES} bytes, not ${bytes}`)
  }
  return bytes
}

/** Writes a key of so many bytes of UTF-8, behind its length; answers where it ends. */
export function putKey(bytes: Uint8Array, at: number, key: string, length: number): number {
  const start = writeLength16(bytes, at, length)
  if (length !== key.length) bytes.set(Buffer.from(key, 'utf8'), start)
  else for (let i = 0; i < length; i++) bytes[start + i] = key.charCodeAt(i)
  return start + length
}
