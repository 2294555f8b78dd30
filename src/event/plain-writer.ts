import { EncodeError } from '../errors.ts'

/** What `write` throws as soon as data takes more bytes than its limit: nobody knows how many it would be. */
export const TOO_LARGE = Symbol('too large')

/** Nesting beyond this is left to the complete codec, which refuses it with an error. */
const MAX_DEPTH = 100
const INITIAL_BYTES = 4_096
/** More than is ever asked for and not needed, so that what just fits is not refused. */
const SLACK = 256
/** Up to so many characters, a loop over them beats a call into the runtime. */
const SHORT_TEXT = 48

/**
 * MessagePack for plain data (null, booleans, numbers, text, arrays, plain objects), into a buffer of its own: the same
 * bytes that `@msgpack/msgpack` writes, several times as fast.
 *
 * Everything else, and everything that must be refused, is left to that codec: `write` answers false. But for text that is
 * not well-formed, and data beyond a limit: these are refused here, before they take more memory.
 * Source of the format: github.com/msgpack/msgpack, spec.md.
 */
export class PlainWriter {
  /** What was written last is its first `length` bytes, until the next call. */
  bytes = new Uint8Array(INITIAL_BYTES)
  private text = Buffer.from(this.bytes.buffer)
  private view = new DataView(this.bytes.buffer)
  private at = 0
  private writing = false
  private limit = 0

  get length(): number {
    return this.at
  }

  /**
   * Writes `value`, if it is plain.
   *
   * @throws TOO_LARGE as soon as it takes more than `limit` bytes, EncodeError for text with a lone surrogate.
   */
  write(value: unknown, limit: number): boolean {
    // Called by a getter of the value that is being written.
    if (this.writing) return false
    this.writing = true
    this.limit = limit
    this.at = 0
    try {
      return this.put(value, 1)
    } finally {
      this.writing = false
    }
  }

  private put(value: unknown, depth: number): boolean {
    if (this.at + 16 > this.bytes.length) this.grow(16)
    switch (typeof value) {
      case 'string':
        this.putText(value)
        return true
      case 'number':
        this.putNumber(value)
        return true
      case 'boolean':
        this.bytes[this.at++] = value ? 0xc3 : 0xc2
        return true
      case 'undefined':
        this.bytes[this.at++] = 0xc0
        return true
      case 'object':
        if (value === null) {
          this.bytes[this.at++] = 0xc0
          return true
        }
        return depth <= MAX_DEPTH && this.putObject(value, depth)
      default:
        return false
    }
  }

  private putObject(value: object, depth: number): boolean {
    const prototype = Object.getPrototypeOf(value)
    if (prototype === Array.prototype) return this.putArray(value as unknown[], depth)
    if (prototype !== Object.prototype && prototype !== null) return false
    const keys = Object.keys(value)
    this.putCount(keys.length, 0x80, 0xde)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      if (key === '__proto__') return false
      if (this.at + 16 > this.bytes.length) this.grow(16)
      this.putText(key)
      if (!this.put((value as Record<string, unknown>)[key], depth + 1)) return false
    }
    return true
  }

  private putArray(values: readonly unknown[], depth: number): boolean {
    this.putCount(values.length, 0x90, 0xdc)
    for (let i = 0; i < values.length; i++) if (!this.put(values[i], depth + 1)) return false
    return true
  }

  /** Header of a map or an array: the short form holds up to 15. */
  private putCount(count: number, short: number, long: number): void {
    if (count < 16) {
      this.bytes[this.at++] = short | count
    } else if (count < 0x10000) {
      this.bytes[this.at] = long
      this.view.setUint16(this.at + 1, count)
      this.at += 3
    } else {
      this.bytes[this.at] = long + 1
      this.view.setUint32(this.at + 1, count)
      this.at += 5
    }
  }

  private putNumber(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.bytes[this.at] = 0xcb
      this.view.setFloat64(this.at + 1, value)
      this.at += 9
    } else if (value >= 0) {
      this.putPositive(value)
    } else {
      this.putNegative(value)
    }
  }

  private putPositive(value: number): void {
    const { bytes } = this
    if (value < 0x80) {
      bytes[this.at++] = value
    } else if (value < 0x100) {
      bytes[this.at++] = 0xcc
      bytes[this.at++] = value
    } else if (value < 0x10000) {
      bytes[this.at] = 0xcd
      this.view.setUint16(this.at + 1, value)
      this.at += 3
    } else if (value < 0x100000000) {
      bytes[this.at] = 0xce
      this.view.setUint32(this.at + 1, value)
      this.at += 5
    } else {
      bytes[this.at] = 0xcf
      this.putWide(value)
    }
  }

  private putNegative(value: number): void {
    const { bytes } = this
    if (value >= -0x20) {
      bytes[this.at++] = value & 0xff
    } else if (value >= -0x80) {
      bytes[this.at++] = 0xd0
      bytes[this.at++] = value & 0xff
    } else if (value >= -0x8000) {
      bytes[this.at] = 0xd1
      this.view.setInt16(this.at + 1, value)
      this.at += 3
    } else if (value >= -0x80000000) {
      bytes[this.at] = 0xd2
      this.view.setInt32(this.at + 1, value)
      this.at += 5
    } else {
      bytes[this.at] = 0xd3
      this.putWide(value)
    }
  }

  /** Eight bytes, two's complement. */
  private putWide(value: number): void {
    const high = Math.floor(value / 0x100000000)
    this.view.setInt32(this.at + 1, high)
    this.view.setUint32(this.at + 5, value - high * 0x100000000)
    this.at += 9
  }

  private putText(value: string): void {
    const { length } = value
    if (length > SHORT_TEXT) {
      this.putLongText(value)
      return
    }
    // At most three bytes a character, and a header.
    if (this.at + 3 * SHORT_TEXT + 5 > this.bytes.length) this.grow(3 * SHORT_TEXT + 5)
    const { bytes } = this
    const start = this.at + (length < 32 ? 1 : 2)
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) {
        this.putLongText(value)
        return
      }
      bytes[start + i] = code
    }
    if (length < 32) {
      bytes[this.at] = 0xa0 | length
    } else {
      bytes[this.at] = 0xd9
      bytes[this.at + 1] = length
    }
    this.at = start + length
  }

  private putLongText(value: string): void {
    if (!value.isWellFormed())
      throw new EncodeError("Text with a lone surrogate can't be sent: it has no UTF-8")
    const length = Buffer.byteLength(value, 'utf8')
    if (this.at + length + 5 > this.bytes.length) this.grow(length + 5)
    const { bytes } = this
    if (length < 32) {
      bytes[this.at++] = 0xa0 | length
    } else if (length < 0x100) {
      bytes[this.at++] = 0xd9
      bytes[this.at++] = length
    } else if (length < 0x10000) {
      bytes[this.at] = 0xda
      this.view.setUint16(this.at + 1, length)
      this.at += 3
    } else {
      bytes[this.at] = 0xdb
      this.view.setUint32(this.at + 1, length)
      this.at += 5
    }
    this.text.write(value, this.at, 'utf8')
    this.at += length
  }

  private grow(bytes: number): void {
    if (this.at + bytes > this.limit + SLACK) throw TOO_LARGE
    const grown = new Uint8Array(Math.max(this.at + bytes, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
    this.text = Buffer.from(grown.buffer)
    this.view = new DataView(grown.buffer)
  }
}
