import { PatternError } from '../errors.ts'

/** A `[…]` of a pattern: sorted, disjoint ranges of code points, as `[from, to, from, to, …]`. */
export interface CharSet {
  readonly negated: boolean
  readonly ranges: readonly number[]
}

/**
 * Reads the set that opens at `open`, and says at which index the text after it begins.
 *
 * Everything between the brackets is a plain character, dots, commas, braces and stars too; they can't match
 * anything, because no segment holds them.
 */
export function readCharSet(pattern: string, open: number): { set: CharSet; end: number } {
  let at = open + 1
  const negated = pattern[at] === '!'
  if (negated) at++
  const first = at
  const pairs: [number, number][] = []
  // A `]` in first place is a character of the set; that is the only way to name it without an escape.
  while (at === first || pattern[at] !== ']') {
    const from = pattern.codePointAt(at)
    if (from === undefined) {
      const empty = pattern[first] === ']' && at === first + 1
      throw new PatternError(empty ? 'empty set' : 'unclosed [', pattern, open)
    }
    const start = at
    at += width(from)
    let to = from
    if (pattern[at] === '-' && pattern[at + 1] !== ']') {
      const end = pattern.codePointAt(at + 1)
      if (end === undefined) throw new PatternError('unclosed [', pattern, open)
      if (end < from) throw new PatternError('range out of order', pattern, start)
      to = end
      at += 1 + width(end)
    }
    pairs.push([from, to])
  }
  return { set: { negated, ranges: merge(pairs) }, end: at + 1 }
}

/** Whether the set takes a code point of a segment, which is never a dot: topics are split at them before. */
export function inCharSet(set: CharSet, code: number): boolean {
  const { ranges } = set
  // Finds the first range that does not end before the code point.
  let low = 0
  let high = ranges.length >> 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[middle * 2 + 1]! < code) low = middle + 1
    else high = middle
  }
  const inside = low * 2 < ranges.length && ranges[low * 2]! <= code
  return inside !== set.negated
}

function merge(pairs: [number, number][]): number[] {
  pairs.sort((a, b) => a[0] - b[0])
  const ranges: number[] = []
  for (const [from, to] of pairs) {
    const last = ranges.length - 1
    if (last > 0 && from <= ranges[last]! + 1) ranges[last] = Math.max(ranges[last]!, to)
    else ranges.push(from, to)
  }
  return ranges
}

function width(code: number): number {
  return code > 0xffff ? 2 : 1
}
