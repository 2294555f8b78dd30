import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PatternIndex } from '../../src/topic/matcher.ts'
import { parsePattern, prefix, regex } from '../../src/topic/pattern.ts'

/** Replaces the innermost braces by each of their alternatives, until none is left: the first so many, of perhaps millions. */
function expand(pattern: string, limit = 257): string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern)
  if (braces === null) return [pattern]
  const after = pattern.slice(braces.index + braces[0].length)
  const expanded: string[] = []
  for (const one of braces[1]!.split(',')) {
    if (expanded.length >= limit) break
    expanded.push(...expand(pattern.slice(0, braces.index) + one + after, limit - expanded.length))
  }
  return expanded
}

const isShort = (pattern: string) => expand(pattern).length <= 256

const isValid = (alternative: string) =>
  alternative.split('.').every((s) => s !== '' && (s === '**' || !s.includes('**')))

function segmentsMatch(pattern: string[], topic: string[]): boolean {
  if (pattern.length === 0) return topic.length === 0
  const [head, ...rest] = pattern
  if (head === '**')
    return topic.some((_, i) => segmentsMatch(rest, topic.slice(i))) || segmentsMatch(rest, [])
  if (topic.length === 0) return false
  const source = head!.replaceAll('*', '.*').replaceAll('?', '.').replaceAll('[!', '[^')
  return new RegExp(`^${source}$`, 'u').test(topic[0]!) && segmentsMatch(rest, topic.slice(1))
}

function oracle(pattern: string, topic: string): boolean {
  const start = /^\.prefix\((.*)\)$/.exec(pattern)
  if (start !== null) return topic.startsWith(start[1]!)
  const expression = /^\.regex\(\/(.*)\/\)$/.exec(pattern)
  if (expression !== null) return new RegExp(expression[1]!).test(topic)
  return expand(pattern).some((one) => segmentsMatch(one.split('.'), topic.split('.')))
}

const piece = fc.constantFrom('a', 'b', 'c', 'ab', '😀', '*', '?', '[ab]', '[!a]', '[a-b]', '[b-😀]')
const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'ab', '*') },
  { weight: 2, arbitrary: fc.constant('**') },
  { weight: 4, arbitrary: fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')) },
)
const plain = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'))
const { braced } = fc.letrec<{ braced: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(piece, plain, fc.constantFrom('', '.', '.a', 'a.', '**')),
    fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((parts) => `{${parts.join(',')}}`),
  ),
  braced: fc.array(tie('part'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
}))
const valid = (pattern: string) => isShort(pattern) && expand(pattern).every(isValid)
const special = fc.constantFrom(prefix('a'), prefix('a.'), prefix('ab.b'), regex(/b.a/), regex(/^a|c$/))
const pattern = fc.oneof(
  { weight: 6, arbitrary: plain.filter(valid) },
  { weight: 3, arbitrary: braced.filter(valid) },
  { weight: 1, arbitrary: special },
)
const topic = fc
  .array(fc.array(fc.constantFrom('a', 'b', 'c', '😀', '😂'), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((segments) => segments.map((characters) => characters.join('')).join('.'))

test('a pattern is refused exactly if one of its expansions is malformed', () => {
  fc.assert(
    fc.property(braced.filter(isShort), (text) => {
      const parse = () => parsePattern(text)
      if (valid(text)) expect(parse).not.toThrow()
      else expect(parse).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_PATTERN' }))
    }),
    { numRuns: 1000 },
  )
})

test('one pattern matches what a naive matcher says', () => {
  fc.assert(
    fc.property(pattern, fc.array(topic, { minLength: 1, maxLength: 10 }), (text, topics) => {
      const index = new PatternIndex<string>()
      index.add(text, text)
      for (const one of topics) expect(index.match(one), one).toEqual(oracle(text, one) ? [text] : [])
    }),
    { numRuns: 2000 },
  )
})

test('many patterns, added and deleted, match what a naive matcher says', () => {
  const list = fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 3 }))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(list, fc.boolean()), { minLength: 20, maxLength: 80 }),
      fc.array(topic, { minLength: 1, maxLength: 8 }),
      (added, topics) => {
        const index = new PatternIndex<number>()
        const live = new Map<number, readonly string[]>()
        const check = () => {
          expect(index.size).toBe(live.size)
          for (const one of topics) {
            const expected = [...live].filter(([, patterns]) => patterns.some((text) => oracle(text, one)))
            expect(index.match(one), one).toEqual(expected.map(([value]) => value))
          }
        }
        for (const [i, [patterns]] of added.entries()) {
          index.add(patterns, i)
          live.set(i, [patterns].flat())
        }
        check()
        for (const [i, [, deleted]] of added.entries()) {
          if (deleted) expect(index.delete(i)).toBe(live.delete(i))
        }
        check()
        for (const value of [...live.keys()]) {
          index.delete(value)
          live.delete(value)
        }
        check()
      },
    ),
    { numRuns: 60 },
  )
})

test('arbitrary text as a pattern gives a PatternError or a pattern that can be matched', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'a.*?[]{}!-,😀()/'), maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'a.*?[]{}!-,()/') }).map((rest) => `.regex(/${rest}`),
  )
  fc.assert(
    fc.property(text, topic, (source, one) => {
      const index = new PatternIndex<string>()
      try {
        index.add(source, source)
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_MILLRACE_PATTERN', pattern: source })
        expect((error as { index: number }).index).toBeGreaterThanOrEqual(0)
        expect((error as { index: number }).index).toBeLessThanOrEqual(source.length)
        expect(index.size).toBe(0)
        return
      }
      expect(index.match(one).length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 3000 },
  )
})
