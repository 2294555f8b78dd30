import { describe, expect, test } from 'vitest'
import { PatternError } from '../../src/errors.ts'
import { matches, PatternIndex } from '../../src/topic/matcher.ts'
import { prefix, regex } from '../../src/topic/pattern.ts'

const words = (list: string) => list.split(' ').filter((word) => word !== '')

describe('matches', () => {
  test.each<[string | string[], string, string]>([
    // A name
    [
      'sensor.mic.v1',
      'sensor.mic.v1',
      'sensor.mic sensor.mic.v1.x sensor.mic.v2 Sensor.mic.v1 x.sensor.mic.v1',
    ],
    ['constructor', 'constructor', '__proto__ toString'],
    // * as a segment
    ['*', 'a agent 😀', 'a.b'],
    ['image.*', 'image.uploaded', 'image image.a.b images.a'],
    ['*.error', 'a.error', 'error a.b.error'],
    ['a.*.*.b', 'a.x.y.b', 'a.x.b a.b a.x.y.z.b'],
    // * inside a segment
    ['img-*', 'img- img-1 img-png-2', 'img im-g img-1.x ximg-'],
    ['*-foo', '-foo a-foo a-foo-foo', 'foo a-foo- a.-foo'],
    ['a*b*c', 'abc axbyc abbcc abcbc', 'ab acb abcx xabc'],
    ['*x*', 'x axb xx', 'ab'],
    ['ab*ba', 'abba abxba', 'aba ab'],
    ['v*.*.z', 'v.a.z v1.a.z', 'v1.z w.a.z'],
    // **
    ['**', 'a a.b a.b.c.d', ''],
    ['agent.**', 'agent agent.a agent.a.b', 'agents agents.a b.agent'],
    ['**.error', 'error a.error a.b.error error.error', 'error.a aerror'],
    ['a.**.b', 'a.b a.x.b a.x.y.b a.b.b', 'a b a.b.x ab x.a.b'],
    ['**.a.**', 'a a.a x.a a.x x.y.a.z', 'x x.y aa'],
    ['**.a.**.b.**', 'a.b x.a.x.b.x a.a.b.b', 'b.a a b x.b.a'],
    ['a.**.**.b', 'a.b a.x.b', 'a'],
    ['**.*', 'a a.b a.b.c', ''],
    ['*.**', 'a a.b a.b.c', ''],
    ['a.**.*', 'a.b a.b.c', 'a'],
    ['**.*.*', 'a.b a.b.c', 'a'],
    // ?
    ['v?', 'v1 vx v😀 vé', 'v v12 v.1 v.'],
    ['?', 'a 😀 日', 'aa 😀😀 a.b'],
    ['a?c', 'abc a😀c', 'ac abbc a.c'],
    ['*?', 'a ab 😀', 'a.b'],
    ['*??', 'ab 😀a abc', 'a 😀'],
    ['a.?.c', 'a.b.c', 'a.c a.bb.c'],
    // sets
    ['[abc]', 'a b c', 'd ab A a.b'],
    ['v[0-9]', 'v0 v5 v9', 'v va v10 v/ v:'],
    ['[a-cx-z1]', 'a c x z 1', 'd w 2'],
    ['[!abc]', 'd 1 😀', 'a b c dd'],
    ['[!a-c]x', 'dx', 'ax bx cx x'],
    ['a[!b]c', 'axc', 'abc a.c ac'],
    ['a[+-9]c', 'a+c a-c a/c a5c', 'a.c a:c'],
    ['a[.]c', '', 'a.c abc'],
    ['a[!.]c', 'abc', 'a.c'],
    ['[]a]', 'a', 'b'],
    ['[!]a]', 'b', 'a'],
    ['[a-]', 'a -', 'b'],
    ['[-a]', 'a -', 'b'],
    ['[a!]', 'a !', 'b'],
    ['[^a]', 'a ^', 'b'],
    ['[😀-😂]', '😀 😁 😂', '😃 a'],
    ['x*[a-😁]', 'xa x😁', 'x😂 x'],
    ['x*[a-😁]*', 'xa x😁 x😂😁', 'x😂 x x😂😂'],
    ['*[!😂]?*', 'a😂 😀😀', '😂 😂a a'],
    ['[a-z]*[!0-9]', 'ab a1b', 'a a1 1a'],
    ['[acegikmoqsuwy]*', 'a ca yb', 'b za'],
    // braces
    ['{a,b}', 'a b', 'c ab'],
    ['{agent,workflow}.error', 'agent.error workflow.error', 'agent error.agent'],
    ['x{a,b}y', 'xay xby', 'xy xaby'],
    ['{a,b{c,d}}', 'a bc bd', 'b ac c'],
    ['{a.b,c.**}.d', 'a.b.d c.d c.x.d', 'a.d b.d'],
    ['a{,.b,.c.*}', 'a a.b a.c.x', 'a.c b'],
    ['{*-x,y?,[0-9]}.{**,z}', 'a-x y1.q 5.a.b', 'y xy.z'],
    ['{a,a,a}', 'a', 'b'],
    // lists
    [
      ['tool.*.completed', '{agent,workflow}.error'],
      'tool.x.completed agent.error workflow.error',
      'tool.error',
    ],
    [['a', prefix('b.'), regex(/c$/)], 'a b.x xc', 'b ca'],
    // prefix
    [prefix('sensor.'), 'sensor.a sensor.a.b', 'sensor sensors.a a.sensor.a'],
    [prefix('sens'), 'sens sensor sensor.a', 'sen asens'],
    [prefix(''), 'a a.b', ''],
    // regex
    [regex(/^bench\.(a|b)+$/), 'bench.a bench.abab', 'bench. bench.c'],
    [regex(/MID/i), 'a.mid.b mid', 'm.i.d'],
  ])('%j', (pattern, yes, no) => {
    for (const topic of words(yes)) expect(matches(pattern, topic), topic).toBe(true)
    for (const topic of words(no)) expect(matches(pattern, topic), topic).toBe(false)
  })

  test('a regular expression with g or y gives the same answer each time', () => {
    const index = new PatternIndex<string>()
    index.add(regex(/a/gy), 'v')
    for (let i = 0; i < 4; i++) expect(index.match('ab')).toEqual(['v'])
  })

  test('throws for a malformed pattern', () => {
    expect(() => matches('a..b', 'a')).toThrow(PatternError)
  })
})

describe('PatternIndex', () => {
  test('gives values in order of addition, whatever kind their pattern is', () => {
    const patterns = [
      regex(/a/),
      '**',
      prefix('a'),
      'a.*',
      '*.b',
      '?.b',
      'a.b',
      'a.**',
      '{a,x}.{b,y}',
      '**.b',
    ]
    for (const order of [patterns, patterns.toReversed()]) {
      const index = new PatternIndex<string>()
      for (const pattern of order) index.add(pattern, pattern)
      expect(index.match('a.b')).toEqual(order)
    }
  })

  test('gives a value once, however many of its patterns match', () => {
    const index = new PatternIndex<string>()
    index.add(['a.b', '*.b', '**', '**.b', '?.*', prefix('a'), regex(/b/), '{a,*}.{b,*}', 'a.b'], 'v')
    expect(index.match('a.b')).toEqual(['v'])
    expect(index.size).toBe(1)
  })

  test('a value added again keeps its place and gains the pattern', () => {
    const index = new PatternIndex<string>()
    index.add('a', 'first')
    index.add('*', 'second')
    index.add('b', 'first')
    expect(index.size).toBe(2)
    expect(index.match('b')).toEqual(['first', 'second'])
    expect(index.delete('first')).toBe(true)
    expect(index.match('a')).toEqual(['second'])
    expect(index.match('b')).toEqual(['second'])
  })

  test('delete takes out all patterns of a value and nothing else', () => {
    const index = new PatternIndex<string>()
    const patterns = ['a.b', 'a.*', 'a.**', 'a.?', 'a.{b,c*}', prefix('a'), regex(/a/)]
    index.add(patterns, 'gone')
    index.add(patterns, 'stays')
    index.add('a.b.c', 'below')
    expect(index.delete('gone')).toBe(true)
    expect(index.delete('gone')).toBe(false)
    expect(index.match('a.b')).toEqual(['stays'])
    expect(index.match('a.b.c')).toEqual(['stays', 'below'])
    expect(index.delete('stays')).toBe(true)
    expect(index.match('a.b')).toEqual([])
    expect(index.match('a.b.c')).toEqual(['below'])
    expect(index.delete('below')).toBe(true)
    expect(index.size).toBe(0)
    index.add('a.b', 'new')
    expect(index.match('a.b')).toEqual(['new'])
  })

  test('a list with a malformed pattern, or none at all, adds nothing', () => {
    const index = new PatternIndex<string>()
    expect(() => index.add(['a', 'b['], 'v')).toThrow(PatternError)
    expect(() => index.add([], 'v')).toThrow('empty list')
    expect(index.size).toBe(0)
    expect(index.match('a')).toEqual([])
  })

  test('values are told apart as keys of a Map are', () => {
    const index = new PatternIndex<unknown>()
    const one = {}
    for (const value of [one, {}, Number.NaN, undefined]) index.add('a', value)
    expect(index.match('a')).toHaveLength(4)
    expect(index.delete(one)).toBe(true)
    expect(index.delete({})).toBe(false)
    expect(index.delete(Number.NaN)).toBe(true)
    expect(index.match('a')).toEqual([{}, undefined])
  })

  test.each([
    ['prefixes', (i: number) => `img-${i}-*`, 'img-42-x'],
    ['suffixes', (i: number) => `*-${i}`, 'x-42'],
    ['inner text', (i: number) => `*-word${i}-*`, 'a-word42-b'],
    ['a shared prefix', (i: number) => `tenant-*-job-${i}`, 'tenant-x-job-42'],
    ['a shared prefix and suffix', (i: number) => `t-*-k${i}k-*-j`, 't-x-k42k-y-j'],
    ['single characters', (i: number) => `?${i}?`, 'x42x'],
    ['sets only', (i: number) => `[${String.fromCharCode(0x4e00 + i)}]`, String.fromCharCode(0x4e00 + 42)],
  ])('finds one of many globs with %s, until it is deleted', (_, patternOf, topic) => {
    const index = new PatternIndex<number>()
    for (let i = 0; i < 300; i++) index.add(patternOf(i), i)
    expect(index.match(topic)).toEqual([42])
    for (let i = 0; i < 300; i += 2) expect(index.delete(i)).toBe(true)
    expect(index.match(topic)).toEqual([])
    for (let i = 0; i < 300; i += 2) index.add(patternOf(i), i)
    expect(index.match(topic)).toEqual([42])
  })

  test('a glob whose key lies in a segment several times is found once', () => {
    const index = new PatternIndex<string>()
    index.add('*ab*', 'v')
    expect(index.match('ababab')).toEqual(['v'])
  })

  test('patterns and topics made to backtrack come to an end', () => {
    const index = new PatternIndex<string>()
    index.add(`${'a*'.repeat(100)}b`, 'stars')
    index.add(`${'**.a.'.repeat(60)}b`, 'globstars')
    index.add(`${'*.**.'.repeat(60)}b`, 'mixed')
    index.add(`${'[!b]*'.repeat(100)}b`, 'sets')
    expect(index.match('a'.repeat(255))).toEqual([])
    expect(index.match(`${'a.'.repeat(127)}a`)).toEqual([])
    expect(index.match(`${'a'.repeat(254)}b`)).toEqual(['stars', 'sets'])
    expect(index.match(`${'a.'.repeat(127)}b`)).toEqual(['globstars', 'mixed'])
  })
})
