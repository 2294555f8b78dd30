import { describe, expect, test } from 'vitest'
import { PatternError } from '../../src/errors.ts'
import { PATTERN_MAX_LENGTH, parsePattern, prefix, regex } from '../../src/topic/pattern.ts'

const errorFrom = (run: () => unknown): PatternError => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(PatternError)
    return error as PatternError
  }
  throw new Error('no PatternError was thrown')
}

const alternativesOf = (pattern: string): string[] => {
  const parsed = parsePattern(pattern)
  if (parsed.kind !== 'segments') throw new Error(`parsed as ${parsed.kind}`)
  return parsed.alternatives.map((segments) =>
    segments
      .map((segment) => {
        if (segment.kind === 'literal') return segment.text
        if (segment.kind === 'glob') return `<${segment.glob.source}>`
        return segment.kind
      })
      .join(' '),
  )
}

describe('parsePattern', () => {
  test.each<[string, string[]]>([
    ['sensor.mic.v1', ['sensor mic v1']],
    ['*', ['any']],
    ['**', ['globstar']],
    ['a.*.**.b', ['a any globstar b']],
    ['**.**.a.**.**', ['globstar a globstar']],
    ['img-*.a?.[x-z]', ['<img-*> <a?> <[x-z]>']],
    ['{a,b}', ['a', 'b']],
    ['{a}', ['a']],
    ['x.{a,b}.{c,d}', ['x a c', 'x a d', 'x b c', 'x b d']],
    ['{a,{b,c}d}e', ['ae', 'bde', 'cde']],
    ['{a.b,c.**}.d', ['a b d', 'c globstar d']],
    ['a{,.b}', ['a', 'a b']],
    ['a{}', ['a']],
    ['a.{b*,[c-d]}', ['a <b*>', 'a <[c-d]>']],
    ['[{,}.*?]', ['<[{,}.*?]>']],
    ['{[,],b}', ['<[,]>', 'b']],
    ['[]a]', ['<[]a]>']],
    ['[!]a]', ['<[!]a]>']],
    ['{*,a}*', ['globstar', '<a*>']],
    ['a!-^b', ['a!-^b']],
  ])('%s', (pattern, alternatives) => {
    expect(alternativesOf(pattern)).toEqual(alternatives)
  })

  test.each<[string, string, number]>([
    ['', 'empty pattern', 0],
    ['.', 'empty segment', 0],
    ['.a', 'empty segment', 0],
    ['a..b', 'empty segment', 2],
    ['a.', 'empty segment', 2],
    ['{a,}', 'empty segment', 3],
    ['{,a}', 'empty segment', 1],
    ['{}', 'empty segment', 1],
    ['a.{b,}', 'empty segment', 5],
    ['{a,}.b', 'empty segment', 3],
    ['{a,.b}', 'empty segment', 3],
    ['a.{b,.c}', 'empty segment', 5],
    ['a{b', 'unclosed {', 1],
    ['{a,{b}', 'unclosed {', 0],
    ['{a,{b', 'unclosed {', 3],
    ['a}', 'unopened }', 1],
    ['{a}}', 'unopened }', 3],
    ['a,b', 'a comma outside of braces', 1],
    ['a[b', 'unclosed [', 1],
    ['{a,[}', 'unclosed [', 3],
    ['a[b-', 'unclosed [', 1],
    ['x]', 'unopened ]', 1],
    ['[a-]]', 'unopened ]', 4],
    ['a.[]', 'empty set', 2],
    ['a.[!]', 'empty set', 2],
    ['[xz-a]', 'range out of order', 2],
    ['[!b-a]', 'range out of order', 2],
    ['a**', '** must be a segment of its own', 1],
    ['x.**a', '** must be a segment of its own', 2],
    ['***', '** must be a segment of its own', 0],
    ['a.b?**c', '** must be a segment of its own', 4],
    ['a{**,b}', '** must be a segment of its own', 2],
    ['a*{*,b}', '** must be a segment of its own', 1],
    ['a\tb', 'control character', 1],
    ['[\x7f]', 'control character', 1],
    ['ab\ud83d', 'half of a surrogate pair', 2],
    ['.prefix(a', 'unclosed prefix(', 9],
    ['.prefix(a*)', 'pattern character *', 9],
    ['.prefix(.a)', 'empty segment', 8],
    ['.prefix(a..b)', 'empty segment', 10],
    ['.prefix(a\n)', 'control character', 9],
    ['.regex(/a', 'unclosed regex(/', 9],
    ['.regex(/a/', 'unclosed regex(/', 10],
    ['.regex(/)', 'unclosed regex(/', 9],
    ['.regex(/(/)', 'Invalid regular expression', 8],
    ['.regex(/a/zz)', 'Invalid flags', 8],
    ['.other(a)', 'empty segment', 0],
  ])('%j: %s at %i', (pattern, reason, index) => {
    const error = errorFrom(() => parsePattern(pattern))
    expect(error.message).toContain(reason)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_PATTERN', pattern, index })
  })

  test.each<[string, string, number]>([
    ['1025 characters', 'x'.repeat(1025), 1024],
    ['2 to the power of 9', '{a,b}'.repeat(9), 40],
    ['2 to the power of 200', '{a,b}'.repeat(200), 40],
    ['a list of 257', `x.{${'a,'.repeat(256)}a}`, 2],
    // Nine alternatives, doubled from index 34 on: the fifth pair of braces comes to 288.
    ['nested ones', `${'{'.repeat(9)}a${',b}'.repeat(8)}${'{c,d}'.repeat(8)}}`, 54],
  ])('refuses what is too much: %s', (_, pattern, index) => {
    const error = errorFrom(() => parsePattern(pattern))
    expect(error.message).toMatch(/at most 1024|more than 256 alternatives/)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_PATTERN', pattern, index })
  })

  test('takes up to 1024 characters and 256 alternatives', () => {
    expect(alternativesOf('x'.repeat(PATTERN_MAX_LENGTH))).toHaveLength(1)
    expect(alternativesOf('{a,b}'.repeat(8))).toHaveLength(256)
    expect(alternativesOf(`{${'a,'.repeat(255)}a}`)).toHaveLength(256)
  })

  test('bears the deepest nesting the length allows', () => {
    expect(alternativesOf(`${'{'.repeat(511)}a${'}'.repeat(511)}`)).toEqual(['a'])
  })

  test.each([[undefined], [null], [3], [{}], [/a/]])('refuses %s', (pattern) => {
    expect(errorFrom(() => parsePattern(pattern as unknown as string)).message).toContain('must be a string')
  })
})

describe('prefix', () => {
  test('is a readable string that parses back', () => {
    expect(prefix('sensor.')).toBe('.prefix(sensor.)')
    expect(parsePattern(prefix('sensor.'))).toMatchObject({ kind: 'prefix', prefix: 'sensor.' })
    expect(parsePattern(prefix('f(x)'))).toMatchObject({ kind: 'prefix', prefix: 'f(x)' })
    expect(parsePattern(prefix(''))).toMatchObject({ kind: 'prefix', prefix: '' })
  })

  test('refuses at once what no topic starts with', () => {
    expect(errorFrom(() => prefix('a.*'))).toMatchObject({ pattern: '.prefix(a.*)', index: 10 })
    expect(errorFrom(() => prefix('.a'))).toMatchObject({ index: 8 })
    expect(errorFrom(() => prefix(undefined as unknown as string)).message).toContain('takes a string')
  })
})

describe('regex', () => {
  test('is a readable string that parses back', () => {
    expect(regex(/bench\..+/i)).toBe('.regex(/bench\\..+/i)')
    const parsed = parsePattern(regex(/bench\..+/i))
    expect(parsed.kind === 'regex' && parsed.regex).toEqual(/bench\..+/i)
  })

  test.each([[/a\/b/], [/[/)]/], [/\)/u], [/a\nb/], [/\n/], [/(?:)/], [/^😀{2}$/u]])(
    'keeps %s',
    (expression) => {
      const parsed = parsePattern(regex(expression))
      expect(parsed.kind === 'regex' && String(parsed.regex)).toBe(String(expression))
    },
  )

  test('drops the flags that keep a position', () => {
    expect(regex(/a/giy)).toBe('.regex(/a/i)')
    const parsed = parsePattern('.regex(/a/gy)')
    expect(parsed.kind === 'regex' && parsed.regex.flags).toBe('')
  })

  test('refuses what is no regular expression, or too long a one', () => {
    expect(errorFrom(() => regex('a' as unknown as RegExp)).message).toContain('takes a regular expression')
    expect(errorFrom(() => regex(new RegExp('x'.repeat(1100)))).message).toContain('at most 1024')
  })
})
