import { PatternError } from '../errors.ts'
import { type CharSet, readCharSet } from './char-set.ts'

/** The most alternatives that the braces of one pattern may come to. */
export const PATTERN_MAX_ALTERNATIVES = 256

/**
 * One element of a pattern with the index it came from, so that an error in an expanded alternative still
 * points into what the user wrote. `nothing` stands for an empty alternative, which has a place but no text.
 */
export interface Token {
  readonly kind: 'char' | 'star' | 'any' | 'set' | 'dot' | 'nothing'
  readonly text: string
  readonly at: number
  readonly set?: CharSet
}

interface Frame {
  readonly open: number
  /** Where the alternative that is being read begins. */
  start: number
  /** The expansions of the alternatives already ended by a comma. */
  done: Token[][]
  /** The expansions, so far, of the alternative that is being read. */
  current: Token[][]
}

/**
 * Splits a pattern into tokens and expands its braces, outermost left to right.
 *
 * Throws `ERR_MILLRACE_PATTERN` for unbalanced brackets and braces, and for more than 256 alternatives.
 */
export function expandAlternatives(pattern: string): Token[][] {
  const outer: Frame[] = []
  let frame: Frame = { open: -1, start: 0, done: [], current: [[]] }
  let at = 0
  while (at < pattern.length) {
    const text = String.fromCodePoint(pattern.codePointAt(at)!)
    let end = at + text.length
    if (text === '{') {
      outer.push(frame)
      frame = { open: at, start: end, done: [], current: [[]] }
    } else if (text === ',' || text === '}') {
      const parent = outer.at(-1)
      if (parent === undefined) {
        throw new PatternError(text === ',' ? 'a comma outside of braces' : 'unopened }', pattern, at)
      }
      if (frame.start === at) append(frame, { kind: 'nothing', text: '', at })
      frame.done = limited(frame.done.concat(frame.current), pattern, frame.open)
      frame.current = [[]]
      frame.start = end
      if (text === '}') {
        parent.current = product(parent.current, frame.done, pattern, frame.open)
        frame = parent
        outer.pop()
      }
    } else if (text === '[') {
      const read = readCharSet(pattern, at)
      end = read.end
      append(frame, { kind: 'set', text: pattern.slice(at, end), at, set: read.set })
    } else if (text === ']') {
      throw new PatternError('unopened ]', pattern, at)
    } else {
      append(frame, { kind: kindOf(text), text, at })
    }
    at = end
  }
  if (outer.length > 0) throw new PatternError('unclosed {', pattern, frame.open)
  return frame.current
}

function kindOf(text: string): Token['kind'] {
  return text === '*' ? 'star' : text === '?' ? 'any' : text === '.' ? 'dot' : 'char'
}

function append(frame: Frame, token: Token): void {
  for (const tokens of frame.current) tokens.push(token)
}

function product(left: Token[][], right: Token[][], pattern: string, open: number): Token[][] {
  // Checked before anything is built: the product of a few dozen braces would not fit into memory.
  if (left.length * right.length > PATTERN_MAX_ALTERNATIVES) throw tooMany(pattern, open)
  return left.flatMap((before) => right.map((after) => before.concat(after)))
}

function limited(tokens: Token[][], pattern: string, open: number): Token[][] {
  if (tokens.length > PATTERN_MAX_ALTERNATIVES) throw tooMany(pattern, open)
  return tokens
}

function tooMany(pattern: string, open: number): PatternError {
  return new PatternError(`more than ${PATTERN_MAX_ALTERNATIVES} alternatives`, pattern, open)
}
