/** What `read` answers for what it leaves to the complete codec. */
export const NOT_PLAIN: unique symbol = Symbol('not plain')

const MAX_DEPTH = 100
/** Texts up to so many bytes are looked up among those read lately, before they are made again. */
const CACHED_BYTES = 24
const CACHE_SLOTS = 1_024

/** Bytes that must follow the heads 0xc0 to 0xdf before their content is looked at. */
const LENGTH_BYTES = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4,
]

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
/** A byte order mark is a character like any other here. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads MessagePack of plain data where it lies, without a view or a copy of it: what `PlainWriter` writes.
 *
 * Binary data, extensions, `__proto__` as a key, and everything malformed are left to `@msgpack/msgpack`: `read`
 * answers `NOT_PLAIN`, and that codec decodes or refuses it.
 */
export class PlainReader {
  private bytes: Uint8Array = new Uint8Array()
  private at = 0
  private end = 0
  private readonly texts: (string | undefined)[] = new Array(CACHE_SLOTS).fill(undefined)

  /** The value that fills the bytes from `start` to `end`, or `NOT_PLAIN`. */
  read(bytes: Uint8Array, start: number, end: number): unknown {
    this.bytes = bytes
    this.at = start
    this.end = end
    const value = this.take(0)
    return this.at === end ? value : NOT_PLAIN
  }

  private take(depth: number): unknown {
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
      if (value === NOT_PLAIN) return NOT_PLAIN
      map[key] = value
    }
    return map
  }

  private takeArray(count: number, depth: number): unknown {
    if (depth >= MAX_DEPTH || count > this.end - this.at) return this.leave()
    const values: unknown[] = []
    for (let i = 0; i < count; i++) {
      const value = this.take(depth + 1)
      if (value === NOT_PLAIN) return NOT_PLAIN
      values.push(value)
    }
    return values
  }

  private takeText(length: number): unknown {
    const start = this.at
    const end = start + length
    if (end > this.end) return this.leave()
    this.at = end
    if (length > CACHED_BYTES) return utf8.decode(this.bytes.slice(start, end))
    let hash = length
    for (let i = start; i < end; i++) {
      const byte = this.bytes[i]!
      if (byte > 0x7f) return utf8.decode(this.bytes.slice(start, end))
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1)
    const known = this.texts[slot]
    if (known !== undefined && this.equals(known, start, length)) return known
    let text = ''
    for (let i = start; i < end; i++) text += String.fromCharCode(this.bytes[i]!)
    this.texts[slot] = text
    return text
  }

  private equals(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== this.bytes[start + i]) return false
    return true
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
  private leave(): typeof NOT_PLAIN {
    this.at = -1
    this.end = -2
    return NOT_PLAIN
  }
}
