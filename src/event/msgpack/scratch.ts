import { EncodeError } from '../../errors.ts'

/** What the functions below answer when there is no room. */
export const NO_ROOM = -1

/** The most that `putNumber` and `putCount` take. */
export const NUMBER_BYTES = 9
export const COUNT_BYTES = 5

const INITIAL_BYTES = 4_096
/** Up to so many characters, a loop over them beats a call into the runtime. */
const SHORT_TEXT = 48
const TEXT_HEADER_BYTES = 5

/** Memory that MessagePack is written into, from its start. What writes there says where it has come to. */
export class Scratch {
  bytes = new Uint8Array(INITIAL_BYTES)
  /** The same as words: it is copied by them. */
  words = new Int32Array(this.bytes.buffer, 0, INITIAL_BYTES / 4)
  view = new DataView(this.bytes.buffer)
  text = Buffer.from(this.bytes.buffer)

  /** Makes more room; what was written is gone. */
  grow(): void {
    const { length } = this.bytes
    this.bytes = new Uint8Array(2 * length)
    this.words = new Int32Array(this.bytes.buffer, 0, length / 2)
    this.view = new DataView(this.bytes.buffer)
    this.text = Buffer.from(this.bytes.buffer)
  }
}

/** Writes one byte: nil, false or true. */
export function putByte({ bytes }: Scratch, at: number, byte: number): number {
  if (at === bytes.length) return NO_ROOM
  bytes[at] = byte
  return at + 1
}

/** Writes a number in the shortest form that holds it, where there is room for `NUMBER_BYTES`. */
export function putNumber({ bytes, view }: Scratch, at: number, value: number): number {
  // Nearly all of the numbers that are not fractions.
  if ((value | 0) === value && value > 0) return putPositive(bytes, view, at, value)
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    bytes[at] = 0xcb
    view.setFloat64(at + 1, value)
    return at + 9
  }
  return value >= 0 ? putPositive(bytes, view, at, value) : putNegative(bytes, view, at, value)
}

function putPositive(bytes: Uint8Array, view: DataView, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value
    return at + 1
  }
  if (value < 0x100) {
    bytes[at] = 0xcc
    bytes[at + 1] = value
    return at + 2
  }
  if (value < 0x10000) {
    bytes[at] = 0xcd
    view.setUint16(at + 1, value)
    return at + 3
  }
  if (value < 0x100000000) {
    bytes[at] = 0xce
    view.setUint32(at + 1, value)
    return at + 5
  }
  bytes[at] = 0xcf
  return putWide(view, at + 1, value)
}

function putNegative(bytes: Uint8Array, view: DataView, at: number, value: number): number {
  if (value >= -0x20) {
    bytes[at] = value & 0xff
    return at + 1
  }
  if (value >= -0x80) {
    bytes[at] = 0xd0
    bytes[at + 1] = value & 0xff
    return at + 2
  }
  if (value >= -0x8000) {
    bytes[at] = 0xd1
    view.setInt16(at + 1, value)
    return at + 3
  }
  if (value >= -0x80000000) {
    bytes[at] = 0xd2
    view.setInt32(at + 1, value)
    return at + 5
  }
  bytes[at] = 0xd3
  return putWide(view, at + 1, value)
}

/** Eight bytes, two's complement. */
function putWide(view: DataView, at: number, value: number): number {
  const high = Math.floor(value / 0x100000000)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * 0x100000000)
  return at + 8
}

/** Header of a map or an array, where there is room for `COUNT_BYTES`: the short form holds up to 15. */
export function putCount(
  { bytes, view }: Scratch,
  at: number,
  count: number,
  short: number,
  long: number,
): number {
  if (count < 16) {
    bytes[at] = short | count
    return at + 1
  }
  bytes[at] = count < 0x10000 ? long : long + 1
  if (count < 0x10000) {
    view.setUint16(at + 1, count)
    return at + 3
  }
  view.setUint32(at + 1, count)
  return at + 5
}

/**
 * Writes text, if there is room for it.
 *
 * @throws EncodeError for text with a lone surrogate.
 */
export function putText(scratch: Scratch, at: number, text: string): number {
  const { length } = text
  if (length > SHORT_TEXT) return putLongText(scratch, at, text)
  const { bytes } = scratch
  const start = at + (length < 32 ? 1 : 2)
  if (start + length > bytes.length) return NO_ROOM
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return putLongText(scratch, at, text)
    bytes[start + i] = code
  }
  if (length < 32) {
    bytes[at] = 0xa0 | length
  } else {
    bytes[at] = 0xd9
    bytes[at + 1] = length
  }
  return start + length
}

function putLongText({ bytes, view, text }: Scratch, at: number, value: string): number {
  if (!value.isWellFormed())
    throw new EncodeError("Text with a lone surrogate can't be sent: it has no UTF-8")
  const length = Buffer.byteLength(value, 'utf8')
  if (at + length + TEXT_HEADER_BYTES > bytes.length) return NO_ROOM
  let start = at + 1
  if (length < 32) {
    bytes[at] = 0xa0 | length
  } else if (length < 0x100) {
    bytes[at] = 0xd9
    bytes[start++] = length
  } else if (length < 0x10000) {
    bytes[at] = 0xda
    view.setUint16(start, length)
    start += 2
  } else {
    bytes[at] = 0xdb
    view.setUint32(start, length)
    start += 4
  }
  text.write(value, start, 'utf8')
  return start + length
}
