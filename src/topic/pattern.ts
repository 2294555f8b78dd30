import { PatternError } from '../errors.ts'
import { expandAlternatives, type Token } from './alternatives.ts'
import { compileGlob, type Glob } from './glob.ts'
import { isControl } from './topic.ts'

/** The most characters a pattern may have. */
export const PATTERN_MAX_LENGTH = 1024

declare const patternBrand: unique symbol

/** A pattern made by `prefix()` or `regex()`: a string, so that it can be a computed key of an object. */
export type Pattern = string & { readonly [patternBrand]: true }

/** One segment of a pattern: a name, `*`, `**`, or a name with wildcards in it. */
export type PatternSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'globstar' }
  | { readonly kind: 'glob'; readonly glob: Glob }

/** A compiled pattern: braces expanded, segments told apart. */
export type ParsedPattern =
  | {
      readonly kind: 'segments'
      readonly source: string
      readonly alternatives: readonly (readonly PatternSegment[])[]
    }
  | { readonly kind: 'prefix'; readonly source: string; readonly prefix: string }
  | { readonly kind: 'regex'; readonly source: string; readonly regex: RegExp }

// The leading dot is an empty first segment, which no other pattern can have, so these can't be mistaken.
const PREFIX_OPEN = '.prefix('
const REGEX_OPEN = '.regex(/'

const ANY_SEGMENT: PatternSegment = { kind: 'any' }
const GLOBSTAR: PatternSegment = { kind: 'globstar' }

/**
 * A pattern that matches every topic which starts with the text, whether or not a segment ends there.
 *
 * Throws `ERR_MILLRACE_PATTERN` if no topic can start so.
 *
 * ```ts
 * engine.subscribe(prefix('sensor.'))
 * ```
 */
export function prefix(text: string): Pattern {
  requireType(typeof text === 'string', 'prefix() takes a string')
  return checked(`${PREFIX_OPEN}${text})`)
}

/**
 * A pattern that tries a regular expression on the whole topic, once per topic; flags `g` and `y` are dropped.
 *
 * Throws `ERR_MILLRACE_PATTERN` if it is too long. An expression that backtracks badly makes matching slow.
 *
 * ```ts
 * engine.subscribe(regex(/^bench\.[a-c]/i))
 * ```
 */
export function regex(expression: RegExp): Pattern {
  requireType(typeof expression?.source === 'string', 'regex() takes a regular expression')
  const flags = expression.flags.replace(/[gy]/g, '')
  return checked(`${REGEX_OPEN}${expression.source}/${flags})`)
}

/**
 * Compiles a pattern; what it gives is never changed and may be shared.
 *
 * Throws `ERR_MILLRACE_PATTERN` with the index at which a malformed pattern goes wrong.
 *
 * ```ts
 * parsePattern('image.{uploaded,resized}').kind // 'segments'
 * ```
 */
export function parsePattern(pattern: string): ParsedPattern {
  requireType(typeof pattern === 'string', 'a pattern must be a string')
  if (pattern === '') throw new PatternError('empty pattern', pattern, 0)
  if (pattern.length > PATTERN_MAX_LENGTH) {
    throw new PatternError(
      `a pattern of ${pattern.length} characters, at most ${PATTERN_MAX_LENGTH} are allowed,`,
      pattern,
      PATTERN_MAX_LENGTH,
    )
  }
  if (pattern.startsWith(REGEX_OPEN)) return parseRegex(pattern)
  refuseUnprintable(pattern)
  if (pattern.startsWith(PREFIX_OPEN)) return parsePrefix(pattern)
  const alternatives = expandAlternatives(pattern).map((tokens) => parseSegments(tokens, pattern))
  return Object.freeze({ kind: 'segments', source: pattern, alternatives })
}

// The types say so already, but patterns also come from JavaScript and from files.
function requireType(right: boolean, rule: string): void {
  if (!right) throw new PatternError(`${rule}; wrong type`, '', 0)
}

function checked(pattern: string): Pattern {
  parsePattern(pattern)
  return pattern as Pattern
}

function parseSegments(tokens: readonly Token[], pattern: string): PatternSegment[] {
  const segments: PatternSegment[] = []
  let pending: Token[] = []
  const end: Token = { kind: 'dot', text: '.', at: pattern.length }
  for (const token of [...tokens, end]) {
    pending.push(token)
    if (token.kind !== 'dot') continue
    const content = pending.filter(({ kind }) => kind !== 'dot' && kind !== 'nothing')
    if (content.length === 0) throw new PatternError('empty segment', pattern, pending[0]!.at)
    const segment = parseSegment(content, pattern)
    // `**.**` says no more than `**`.
    if (segment !== GLOBSTAR || segments.at(-1) !== GLOBSTAR) segments.push(segment)
    pending = []
  }
  return segments
}

function parseSegment(tokens: readonly Token[], pattern: string): PatternSegment {
  const double = tokens.findIndex(({ kind }, i) => kind === 'star' && tokens[i + 1]?.kind === 'star')
  if (double >= 0) {
    if (tokens.length > 2) {
      throw new PatternError('** must be a segment of its own, it is glued', pattern, tokens[double]!.at)
    }
    return GLOBSTAR
  }
  if (tokens.length === 1 && tokens[0]!.kind === 'star') return ANY_SEGMENT
  if (tokens.every(({ kind }) => kind === 'char')) {
    return { kind: 'literal', text: tokens.map(({ text }) => text).join('') }
  }
  return { kind: 'glob', glob: compileGlob(tokens) }
}

function parsePrefix(pattern: string): ParsedPattern {
  if (!pattern.endsWith(')')) throw new PatternError('unclosed prefix(', pattern, pattern.length)
  const text = pattern.slice(PREFIX_OPEN.length, -1)
  // What no topic can hold would make a subscription that silently never gets anything.
  const wrong = /[*?[\]{},]|^\.|(?<=\.)\./.exec(text)
  if (wrong !== null) {
    const what = wrong[0] === '.' ? 'empty segment' : `pattern character ${wrong[0]} in a prefix`
    throw new PatternError(what, pattern, PREFIX_OPEN.length + wrong.index)
  }
  return Object.freeze({ kind: 'prefix', source: pattern, prefix: text })
}

function parseRegex(pattern: string): ParsedPattern {
  const slash = pattern.lastIndexOf('/')
  if (slash < REGEX_OPEN.length || !pattern.endsWith(')')) {
    throw new PatternError('unclosed regex(/', pattern, pattern.length)
  }
  // `g` and `y` keep a position between calls: the same topic would match every other time.
  const flags = pattern.slice(slash + 1, -1).replace(/[gy]/g, '')
  try {
    const expression = new RegExp(pattern.slice(REGEX_OPEN.length, slash), flags)
    return Object.freeze({ kind: 'regex', source: pattern, regex: expression })
  } catch (error) {
    throw new PatternError((error as Error).message, pattern, REGEX_OPEN.length)
  }
}

function refuseUnprintable(pattern: string): void {
  for (let i = 0; i < pattern.length; i++) {
    const code = pattern.codePointAt(i)!
    if (isControl(code)) throw new PatternError('control character', pattern, i)
    if (code >= 0xd800 && code <= 0xdfff) throw new PatternError('half of a surrogate pair', pattern, i)
    if (code > 0xffff) i++
  }
}
