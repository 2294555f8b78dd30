import { DecodeError } from '../../errors.ts'

/** Bytes of the extensions of fixed size, 0xd4 to 0xd8. */
const EXT_FIXED = [1, 2, 4, 8, 16]

/**
 * Checks that bytes are one MessagePack value and no more, before anything is allocated for it: every length that they
 * declare fits into what is left, and nothing is nested deeper than `maxDepth`. Five bytes can't ask for memory that they
 * could not fill.
 *
 * @throws DecodeError (`ERR_MILLRACE_DECODE`)
 */
export function checkSound(bytes: Uint8Array, start: number, end: number, maxDepth: number): void {
  /** How many values are still to come, at each depth. */
  const left = [1]
  let at = start
  const need = (count: number): void => {
    if (count > end - at)
      throw new DecodeError(`${count} bytes are missing at byte ${at - start} of MessagePack`)
  }
  const takeLength = (size: number): number => {
    need(size)
    let length = 0
    for (let i = 0; i < size; i++) length = length * 256 + bytes[at++]!
    return length
  }
  const skip = (count: number): void => {
    need(count)
    at += count
  }
  const nest = (values: number): void => {
    // Each value has a byte at least.
    need(values)
    if (left.length > maxDepth) throw new DecodeError(`MessagePack nested deeper than ${maxDepth} levels`)
    left.push(values)
  }
  while (left.length > 0) {
    if (left.at(-1) === 0) {
      left.pop()
      continue
    }
    left[left.length - 1]!--
    need(1)
    const head = bytes[at++]!
    if (head < 0x80 || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) continue
    if (head < 0x90) nest(2 * (head & 0x0f))
    else if (head < 0xa0) nest(head & 0x0f)
    else if (head < 0xc0) skip(head & 0x1f)
    else if (head === 0xc1) throw new DecodeError(`There is no MessagePack value that starts with 0xc1`)
    else if (head < 0xc7) skip(takeLength(1 << (head - 0xc4)))
    else if (head < 0xca) skip(1 + takeLength(1 << (head - 0xc7)))
    else if (head === 0xca || head === 0xce || head === 0xd2) skip(4)
    else if (head === 0xcb || head === 0xcf || head === 0xd3) skip(8)
    else if (head < 0xd2) skip(1 << ((head - 0xcc) & 3))
    else if (head >= 0xd4 && head <= 0xd8) skip(1 + EXT_FIXED[head - 0xd4]!)
    else if (head < 0xdc) skip(takeLength(1 << (head - 0xd9)))
    else if (head < 0xde) nest(takeLength(head === 0xdc ? 2 : 4))
    else nest(2 * takeLength(head === 0xde ? 2 : 4))
  }
  if (at !== end) throw new DecodeError(`${end - at} bytes more than one MessagePack value has`)
}
