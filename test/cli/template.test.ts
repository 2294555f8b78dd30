import { describe, expect, it } from 'vitest'
import { compileField, compileTemplate } from '../../src/cli/template.ts'
import { OptionsError } from '../../src/errors.ts'
import { checkTopic } from '../../src/topic/topic.ts'

describe('compileTemplate', () => {
  it('fills in fields', () => {
    const topic = compileTemplate('flight.{origin}.{status}')
    expect(topic({ origin: 'LAX', status: 'late' })).toBe('flight.LAX.late')
    expect(topic({ origin: 'SFO', status: 'on time' })).toBe('flight.SFO.on_time')
  })

  it('takes a text without fields, a field alone, and fields side by side', () => {
    expect(compileTemplate('all')({})).toBe('all')
    expect(compileTemplate('{a}')({ a: 'x' })).toBe('x')
    expect(compileTemplate('{a}{b}-{a}')({ a: 1, b: true })).toBe('1true-1')
  })

  it('follows dotted paths, into arrays too', () => {
    const topic = compileTemplate('u.{user.name}.{tags.1}')
    expect(topic({ user: { name: 'Ann' }, tags: ['a', 'b'] })).toBe('u.Ann.b')
    expect(topic({ user: 'Ann' })).toBe('u.unknown.unknown')
  })

  it.each([
    [{}],
    [{ a: null }],
    [{ a: undefined }],
    [{ a: '' }],
    [{ a: {} }],
    [{ a: [1] }],
    [null],
    [7],
    ['text'],
  ])('says unknown for %j', (record) => {
    expect(compileTemplate('x.{a}')(record)).toBe('x.unknown')
  })

  it('reads own properties only', () => {
    const topic = compileTemplate('{constructor}.{__proto__}.{a.toString}.{a.length}')
    expect(topic({ a: 'text' })).toBe('unknown.unknown.unknown.unknown')
    expect(compileTemplate('{a}')(Object.create({ a: 'inherited' }))).toBe('unknown')
    expect(compileTemplate('{constructor}')(JSON.parse('{"constructor":"x"}'))).toBe('x')
  })

  it.each([
    ['a.b', 'a_b'],
    ['*?[]{},', '_______'],
    [' \t\n\r\u00a0\ufeff', '______'],
    ['\u0000\u001f\u007f\u009f', '____'],
    ['a\ud800b', 'a_b'],
    ['Zürich-🚂/$&', 'Zürich-🚂/$&'],
    [1.5, '1_5'],
    [0, '0'],
    [false, 'false'],
  ])('makes a segment of %j', (value, segment) => {
    const topic = compileTemplate('x.{a}')({ a: value })
    expect(topic).toBe(`x.${segment}`)
    expect(checkTopic(topic)).toBe(topic)
  })

  it.each(['{a', 'a}', '{a}}', '{{a}', '{a{b}}', 'x.{}', 'x.{a..b}', 'x.{.a}', '', 'a..{b}', '.{a}', 'a.*'])(
    'refuses %j',
    (template) => {
      expect(() => compileTemplate(template)).toThrow(OptionsError)
    },
  )
})

describe('compileField', () => {
  it('gives the field as a string', () => {
    expect(compileField('id')({ id: 'a.b c' })).toBe('a.b c')
    expect(compileField('id')({ id: 7 })).toBe('7')
    expect(compileField('id')({ id: false })).toBe('false')
    expect(compileField('user.id')({ user: { id: 1 } })).toBe('1')
  })

  it.each([[{}], [{ id: null }], [{ id: '' }], [{ id: {} }], [{ id: [1] }], [null], ['id']])(
    'gives nothing for %j',
    (record) => {
      expect(compileField('id')(record)).toBeUndefined()
    },
  )

  it('reads own properties only', () => {
    expect(compileField('constructor.name')({})).toBeUndefined()
    expect(compileField('a')(Object.create({ a: 'inherited' }))).toBeUndefined()
  })

  it.each(['', 'a.', '.a', 'a..b'])('refuses the path %j', (path) => {
    expect(() => compileField(path)).toThrow(OptionsError)
  })
})
