/** Numbers in records, at any byte. */

export function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

export function readDouble(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i]!
  return double[0]!
}

export function readLength16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

/** Answers where it ends. */
export function writeLength16(bytes: Uint8Array, at: number, length: number): number {
  bytes[at] = length & 0xff
  bytes[at + 1] = length >>> 8
  return at + 2
}
