import { readText } from './text.ts'

/** What `read` answers for what it leaves to the complete codec. */
export const UNREAD: unique symbol = Symbol('unread')

const MAX_DEPTH = 100

/** Bytes that must follow the heads 0xc0 to 0xdf before their content is looked at. */
const LENGTH_BYTES = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4,
]

/** Takes values at the reader's position, as its own `take` does. */
export interface Taking {
  take(reader: PlainReader): unknown
}

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/**
 * Reads MessagePack of plain data where it lies, without a view or a copy of it: what `PlainWriter` writes.
 *
 * Binary data, extensions, `__proto__` as a key, and everything malformed are left to `@msgpack/msgpack`: `read`
 * answers `UNREAD`, and that codec decodes or refuses it.
 */
export class PlainReader {
  /** What is read: the bytes from `at`, of those before `end`. */
  bytes: Uint8Array = new Uint8Array()
  at = 0
  end = 0

  /** The value that fills the bytes from `start` to `end`, or `UNREAD`; taken by `decoder`, if there is one. */
  read(bytes: Uint8Array, start: number, end: number, decoder?: Taking): unknown {
    this.bytes = bytes
    this.at = start
    this.end = end
    const value = decoder === undefined ? this.take(0) : decoder.take(this)
    return this.at === end ? value : UNREAD
  }

  /** The value that begins at `at`, `depth` levels deep, or `UNREAD`. */
  take(depth: number): unknown {
    if (this.at >= this.end) return this.leave()
    const head = this.bytes[this.at++]!
    if (head < 0x80) return head
    if (head < 0x90) return this.takeMap(head & 0x0f, depth)
    if (head < 0xa0) return this.takeArray(head & 0x0f, depth)
    if (head < 0xc0) return this.takeText(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    return this.takeLong(head, depth)
  }

  private takeLong(head: number, depth: number): unknown {
    if (this.at + LENGTH_BYTES[head - 0xc0]! > this.end) return this.leave()
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xcb:
        return this.takeDouble()
      case 0xcc:
        return this.bytes[this.at++]!
      case 0xcd:
        return this.take16()
      case 0xce:
        return this.take32()
      case 0xcf:
        return this.take32() * 0x100000000 + this.take32()
      case 0xd0:
        return (this.bytes[this.at++]! << 24) >> 24
      case 0xd1:
        return (this.take16() << 16) >> 16
      case 0xd2:
        return this.take32() | 0
      case 0xd3:
        return (this.take32() | 0) * 0x100000000 + this.take32()
      case 0xd9:
        return this.takeText(this.bytes[this.at++]!)
      case 0xda:
        return this.takeText(this.take16())
      case 0xdb:
        return this.takeText(this.take32())
      case 0xdc:
        return this.takeArray(this.take16(), depth)
      case 0xdd:
        return this.takeArray(this.take32(), depth)
      case 0xde:
        return this.takeMap(this.take16(), depth)
      case 0xdf:
        return this.takeMap(this.take32(), depth)
      default:
        return this.leave()
    }
  }

  private takeMap(count: number, depth: number): unknown {
    // An entry has two bytes at least: no count can ask for more than the input is long.
    if (depth >= MAX_DEPTH || 2 * count > this.end - this.at) return this.leave()
    const map: Record<string, unknown> = {}
    for (let i = 0; i < count; i++) {
      const key = this.take(MAX_DEPTH)
      if (typeof key !== 'string' || key === '__proto__') return this.leave()
      const value = this.take(depth + 1)
      if (value === UNREAD) return UNREAD
      map[key] = value
    }
    return map
  }

  private takeArray(count: number, depth: number): unknown {
    if (depth >= MAX_DEPTH || count > this.end - this.at) return this.leave()
    const values: unknown[] = []
    for (let i = 0; i < count; i++) {
      const value = this.take(depth + 1)
      if (value === UNREAD) return UNREAD
      values.push(value)
    }
    return values
  }

  private takeText(length: number): unknown {
    const start = this.at
    const end = start + length
    if (end > this.end) return this.leave()
    this.at = end
    return readText(this.bytes, start, end)
  }

  private takeDouble(): number {
    for (let i = 7; i >= 0; i--) doubleBytes[i] = this.bytes[this.at++]!
    return double[0]!
  }

  private take16(): number {
    const { bytes, at } = this
    this.at = at + 2
    return (bytes[at]! << 8) | bytes[at + 1]!
  }

  private take32(): number {
    const { bytes, at } = this
    this.at = at + 4
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  /** Not for this reader: nothing that follows makes it so. */
  private leave(): typeof UNREAD {
    this.at = -1
    this.end = -2
    return UNREAD
  }
}
