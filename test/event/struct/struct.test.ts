import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OwnSpace } from '../../../src/event/space.ts'
import {
  bool,
  bytes,
  type Field,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  oneOf,
  optional,
  str,
  u8,
  u16,
  u32,
  u64,
} from '../../../src/event/struct/field.ts'
import { layOut, type PlacedField } from '../../../src/event/struct/layout.ts'
import { StructScratch } from '../../../src/event/struct/scratch.ts'
import { struct, structOf } from '../../../src/event/struct/struct.ts'
import { bind } from '../../../src/event/struct/view.ts'
import { viewClass } from '../../../src/event/struct/view-class.ts'
import { writeFunction } from '../../../src/event/struct/write-function.ts'
import { fieldsAndValue, SIMPLE } from './arbitrary.ts'

/** What `value` is as a struct with these fields: its size, and what it reads as. */
function roundTrip(fields: Record<string, Field>, value: unknown, generates: boolean): unknown {
  const layout = layOut(fields)
  const scratch = new StructScratch()
  scratch.limit = 2 ** 20
  scratch.bytes.fill(0xa5)
  writeFunction(layout, generates)(value, scratch, 0)
  expect(scratch.bytes[scratch.length]).toBe(0xa5)
  const view = new (viewClass(layout, generates))()
  const copy = scratch.bytes.slice(0, scratch.length)
  bind(view, new OwnSpace(copy), 0, copy.length)
  return view.toJSON()
}

for (const generates of [true, false]) {
  const how = generates ? 'generated' : 'composed'

  test(`whatever the fields, every value comes back (${how})`, () => {
    fc.assert(
      fc.property(fieldsAndValue(2), ({ fields, value }) => {
        expect(roundTrip(fields, value, generates)).toEqual(value)
      }),
      { numRuns: 1_000 },
    )
  })

  test(`a value of another type is an EncodeError, and nothing was claimed (${how})`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SIMPLE),
        fc.anything({ withBigInt: true, withTypedArray: true, withDate: true }),
        ({ field, holds }, value) => {
          fc.pre(!holds(value))
          const scratch = new StructScratch()
          const write = writeFunction(layOut({ first: f64, field, last: f64 }), generates)
          expect(() => write({ first: 1, field: value, last: 2 }, scratch, 0)).toThrow(
            expect.objectContaining({ code: 'ERR_MILLRACE_ENCODE' }),
          )
          expect(scratch.length).toBe(0)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test(`an error names the field, with its path, what it is and what was given (${how})`, () => {
    const inner = struct({ x: f64, level: oneOf('low', 'high') })
    const write = writeFunction(layOut({ pos: inner, name: optional(str(4)) }), generates)
    const scratch = new StructScratch()
    const thrown = (value: unknown) => () => write(value, scratch, 0)
    expect(thrown({ pos: { x: '1', level: 'low' } })).toThrow('Field pos.x of a struct is f64, not "1"')
    expect(thrown({ pos: { x: 1, level: 'mid' } })).toThrow(
      'Field pos.level of a struct is one of low, high, not "mid"',
    )
    expect(thrown({ pos: 5 })).toThrow('Field pos of a struct is a struct, not 5')
    expect(thrown({ pos: { x: 1, level: 'low' }, name: 'five!' })).toThrow(
      'Field name of a struct is str(4), not "five!"',
    )
    expect(thrown(undefined)).toThrow('A struct is written from an object, not undefined')
  })

  test(`bytes that grow before all is read are written no further than was claimed (${how})`, () => {
    for (const field of [bytes(4), bytes()]) {
      const buffer = new ArrayBuffer(4, { maxByteLength: 4_000 })
      const scratch = new StructScratch()
      scratch.limit = 4_096
      scratch.bytes.fill(0xa5)
      const value = {
        data: new Uint8Array(buffer),
        get last() {
          buffer.resize(3_000)
          return 5
        },
      }
      writeFunction(layOut({ data: field, last: f64 }), generates)(value, scratch, 0)
      expect(scratch.bytes.subarray(scratch.length).every((byte) => byte === 0xa5)).toBe(true)
    }
  })

  test(`getters are asked once, and before anything is claimed (${how})`, () => {
    const asked: string[] = []
    const value = {
      get a() {
        asked.push('a')
        return 1
      },
      get b() {
        asked.push('b')
        return 'text'
      },
    }
    const scratch = new StructScratch()
    scratch.limit = 100
    const target = {
      bytes: scratch.bytes,
      words: scratch.words,
      doubles: scratch.doubles,
      claim: (length: number) => {
        asked.push('claim')
        return scratch.claim(length)
      },
    }
    writeFunction(layOut({ a: f64, b: str() }), generates)(value, target, 0)
    expect(asked).toEqual(['a', 'b', 'claim'])
  })
}

test('values never overlap, and lie at multiples of their size', () => {
  fc.assert(
    fc.property(fieldsAndValue(2), ({ fields }) => {
      const layout = layOut(fields)
      const taken = new Set<number>()
      const walk = (placed: readonly PlacedField[]): void => {
        for (const field of placed) {
          if (field.presence !== undefined) {
            const bit = 8 * field.presence.at + Math.log2(field.presence.mask)
            expect(taken.has(-bit - 1)).toBe(false)
            taken.add(-bit - 1)
            expect(field.presence.at).toBeGreaterThanOrEqual(layout.presenceAt)
            expect(field.presence.at).toBeLessThan(layout.bytes)
          }
          if (field.kind === undefined) {
            walk(field.fields)
            continue
          }
          expect(field.at % field.kind.align).toBe(0)
          for (let at = field.at; at < field.at + field.kind.bytes; at++) {
            expect(taken.has(at)).toBe(false)
            taken.add(at)
            expect(at).toBeLessThan(layout.presenceAt)
          }
        }
      }
      walk(layout.fields)
    }),
  )
})

test('a description makes the same struct in another thread', () => {
  fc.assert(
    fc.property(fieldsAndValue(2), ({ fields, value }) => {
      const made = struct(fields)
      const again = structOf(made.description)
      expect(again.fingerprint).toBe(made.fingerprint)
      const scratch = new StructScratch()
      scratch.limit = 2 ** 20
      made.write(value, scratch, 0)
      expect(again.read(scratch, 0, scratch.length).toJSON()).toEqual(value)
    }),
  )
})

test('a fingerprint tells names, types and order apart', () => {
  const prints = [
    { a: f64, b: i32 },
    { b: i32, a: f64 },
    { a: f64, c: i32 },
    { a: f64, b: u32 },
    { a: f64, b: optional(i32) },
    { a: struct({ x: f64 }), b: i32 },
    { a: struct({ y: f64 }), b: i32 },
    { a: str(8), b: i32 },
    { a: str(9), b: i32 },
    { a: str(), b: i32 },
    { a: bytes(8), b: i32 },
    { a: oneOf('x', 'y'), b: i32 },
    { a: oneOf('y', 'x'), b: i32 },
  ].map((fields) => struct(fields).fingerprint)
  expect(new Set(prints).size).toBe(prints.length)
  expect(struct({ a: f64, b: i32 }).fingerprint).toBe(prints[0])
  expect(prints[0]).toMatch(/^[0-9a-f]{16}$/)
})

test('it takes no more than its fields', () => {
  expect(struct({ value: f64, host: str(16), ok: bool }).bytes).toBe(8 + 17 + 1)
  expect(struct({ a: i8, b: i64, c: u16, d: f32, e: optional(u8) }).bytes).toBe(8 + 4 + 2 + 1 + 1 + 1)
  expect(struct({ text: str(), raw: bytes() }).bytes).toBe(16)
})

test('a view shows its fields, as an object would be shown', () => {
  const Load = struct({ value: f64, pos: struct({ x: i16 }), note: optional(str()), big: u64 })
  const scratch = new StructScratch()
  scratch.limit = 1_000
  Load.write({ value: 0.5, pos: { x: -2 }, big: 7n }, scratch, 0)
  const view = Load.read(scratch, 0, scratch.length) as unknown as Record<string, unknown>
  expect(inspect(view)).toBe('{ value: 0.5, pos: { x: -2 }, big: 7n }')
  expect(inspect(view.pos)).toBe('{ x: -2 }')
  expect(JSON.stringify(view.pos)).toBe('{"x":-2}')
  expect(view.note).toBeUndefined()
  expect(view.pos).toBe(view.pos)
})

test('what is too short to be the struct, or says of a value that it lies beyond, is a DecodeError', () => {
  const Note = struct({ text: str() })
  const space = new OwnSpace(new Uint8Array(16))
  const refused = expect.objectContaining({ code: 'ERR_MILLRACE_DECODE' })
  expect(() => Note.read(space, 0, 7)).toThrow(refused)
  for (const [from, size] of [
    [8, 9],
    [-1, 4],
    [8, -1],
    [2 ** 31 - 1, 1],
  ]) {
    space.words.set([from!, size!])
    const view = Note.read(space, 0, 16) as unknown as { text: string }
    expect(() => view.text).toThrow(refused)
  }
  space.words.set([8, 8])
  expect((Note.read(space, 0, 16) as unknown as { text: string }).text).toBe('\0'.repeat(8))
})

test('what is no struct is refused, and why', () => {
  const options = expect.objectContaining({ code: 'ERR_MILLRACE_OPTIONS' })
  const deep = (levels: number): Field => (levels === 0 ? f64 : struct({ inner: deep(levels - 1) }))
  for (const declare of [
    () => struct({}),
    () => struct({ a: {} as Field }),
    () => struct({ a: undefined as unknown as Field }),
    () => struct(undefined as unknown as Record<string, Field>),
    () => struct({ constructor: f64 }),
    () => struct({ toJSON: f64 }),
    () => struct({ hasOwnProperty: f64 }),
    () => struct(Object.fromEntries([['__proto__', f64]])),
    () => struct(Object.fromEntries(Array.from({ length: 1_025 }, (_, index) => [`f${index}`, f64]))),
    () => deep(17),
    () => str(0),
    () => str(65_536),
    () => bytes(1.5),
    () => oneOf(),
    () => oneOf('a', 'a'),
    () => optional({} as Field),
  ]) {
    expect(declare).toThrow(options)
  }
  expect(() => deep(16)).not.toThrow()
})
