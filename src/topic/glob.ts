import type { Token } from './alternatives.ts'
import { type CharSet, inCharSet } from './char-set.ts'

const STAR = -1
const ANY = -2

/** One step of a glob: a code point, a star, any character, or a set. */
type Piece = number | CharSet

/** A segment with wildcards in it: `img-*`, `v?`, `[a-f]x*`. */
export interface Glob {
  /** The text of the segment; two globs of the same source are the same. */
  readonly source: string
  /** The literal characters before the first wildcard. */
  readonly prefix: string
  /** The literal characters after the last wildcard. */
  readonly suffix: string
  /** The longest run of literal characters between two wildcards. */
  readonly inner: string
  /** What stands between prefix and suffix. */
  readonly middle: readonly Piece[]
  /** Where in `middle` the pieces after the last star begin; 0 without a star. */
  readonly tail: number
}

/** Compiles the tokens of one segment, at least one of which is a wildcard. */
export function compileGlob(tokens: readonly Token[]): Glob {
  const isWild = (token: Token) => token.kind !== 'char'
  const first = tokens.findIndex(isWild)
  const last = tokens.findLastIndex(isWild)
  const wild = tokens.slice(first, last + 1)
  let inner = ''
  let run = ''
  for (const token of wild) {
    run = token.kind === 'char' ? run + token.text : ''
    if (run.length > inner.length) inner = run
  }
  const middle = wild.map(pieceOf)
  return {
    source: textOf(tokens),
    prefix: textOf(tokens.slice(0, first)),
    suffix: textOf(tokens.slice(last + 1)),
    inner,
    middle,
    tail: middle.lastIndexOf(STAR) + 1,
  }
}

/**
 * Whether the glob matches the whole segment. A mismatch goes back to the latest star only: what an earlier star
 * could take, the latest one can take too. So the time is at most the product of the two lengths.
 */
export function matchesGlob(glob: Glob, segment: string): boolean {
  const { prefix, suffix, middle, tail } = glob
  const end = segment.length - suffix.length
  let at = prefix.length
  if (end < at || !segment.startsWith(prefix) || !segment.endsWith(suffix)) return false

  let index = 0
  let afterStar = -1
  let starEnd = 0
  while (at < end) {
    const piece = middle[index]
    if (piece === STAR) {
      afterStar = ++index
      starEnd = at
      if (index === tail) {
        // What follows the last star has a fixed number of characters, so it can only be at the very end.
        at = stepBack(segment, end, middle.length - tail)
        if (at < starEnd) return false
        afterStar = -1
      }
      continue
    }
    const code = segment.codePointAt(at)!
    if (piece !== undefined && accepts(piece, code)) {
      index++
      at += code > 0xffff ? 2 : 1
      continue
    }
    if (afterStar < 0) return false
    // The star takes one more character, whole: half of a surrogate pair could fall into a range.
    starEnd += segment.codePointAt(starEnd)! > 0xffff ? 2 : 1
    at = starEnd
    index = afterStar
  }
  while (middle[index] === STAR) index++
  return index === middle.length
}

/** The index of the character that stands `count` characters before `end`; negative if there is none. */
function stepBack(segment: string, end: number, count: number): number {
  let at = end
  for (let i = 0; i < count; i++) {
    at--
    const unit = segment.charCodeAt(at)
    if (unit >= 0xdc00 && unit <= 0xdfff) at--
  }
  return at
}

function accepts(piece: Piece, code: number): boolean {
  if (typeof piece === 'number') return piece === code || piece === ANY
  return inCharSet(piece, code)
}

function pieceOf(token: Token): Piece {
  if (token.kind === 'star') return STAR
  if (token.kind === 'any') return ANY
  return token.set ?? token.text.codePointAt(0)!
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map((token) => token.text).join('')
}
