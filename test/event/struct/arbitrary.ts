import fc from 'fast-check'
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
import { struct } from '../../../src/event/struct/struct.ts'

/** A type, values of it, and what else it holds. */
export type Simple = {
  readonly field: Field
  readonly values: fc.Arbitrary<unknown>
  readonly holds: (value: unknown) => boolean
}

const isNumber = (value: unknown): boolean => typeof value === 'number'
const whole = (field: Field, min: number, max: number): Simple => ({
  field,
  values: fc.integer({ min, max }),
  holds: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
})
const big = (field: Field, min: bigint, max: bigint): Simple => ({
  field,
  values: fc.bigInt({ min, max }),
  holds: (value) => typeof value === 'bigint' && value >= min && value <= max,
})
const text = fc.string({ unit: 'binary' }).map((value) => value.replace(/[\ud800-\udfff]/g, '?'))
const upTo = (max: number) => text.filter((value) => Buffer.byteLength(value) <= max)
const isText = (value: unknown, max = Number.POSITIVE_INFINITY): boolean =>
  typeof value === 'string' && Buffer.byteLength(value) <= max
const isBytes = (value: unknown, max = Number.POSITIVE_INFINITY): boolean =>
  value instanceof Uint8Array && value.length <= max
const many = Array.from({ length: 300 }, (_, index) => `v${index}`)

export const SIMPLE: readonly Simple[] = [
  { field: f64, values: fc.double(), holds: isNumber },
  { field: f32, values: fc.float(), holds: isNumber },
  whole(i8, -(2 ** 7), 2 ** 7 - 1),
  whole(u8, 0, 2 ** 8 - 1),
  whole(i16, -(2 ** 15), 2 ** 15 - 1),
  whole(u16, 0, 2 ** 16 - 1),
  whole(i32, -(2 ** 31), 2 ** 31 - 1),
  whole(u32, 0, 2 ** 32 - 1),
  big(i64, -(2n ** 63n), 2n ** 63n - 1n),
  big(u64, 0n, 2n ** 64n - 1n),
  { field: bool, values: fc.boolean(), holds: (value) => typeof value === 'boolean' },
  { field: str(12), values: upTo(12), holds: (value) => isText(value, 12) },
  {
    field: str(300),
    values: text.map((value) => value.repeat(8).slice(0, 75)),
    holds: (value) => isText(value, 300),
  },
  { field: str(), values: text.map((value) => value.repeat(10)), holds: (value) => isText(value) },
  { field: bytes(12), values: fc.uint8Array({ maxLength: 12 }), holds: (value) => isBytes(value, 12) },
  { field: bytes(), values: fc.uint8Array({ maxLength: 200 }), holds: (value) => isBytes(value) },
  {
    field: oneOf('low', 'high'),
    values: fc.constantFrom('low', 'high'),
    holds: (value) => value === 'low' || value === 'high',
  },
  {
    field: oneOf(...many),
    values: fc.constantFrom(...many),
    holds: (value) => many.includes(value as string),
  },
]

export type Sample = { readonly fields: Record<string, Field>; readonly value: Record<string, unknown> }

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    'at',
    'end',
    'space',
    'root',
    'bytes',
    'words',
    '0',
    'a b',
    '"',
    'value',
    'f0',
    'prototype',
  ),
)

/** A struct of structs up to `depth` deep, and an object of that kind. */
export function fieldsAndValue(depth: number): fc.Arbitrary<Sample> {
  const simple = fc
    .constantFrom(...SIMPLE)
    .chain(({ field, values }) => values.map((value) => ({ field, value })))
  const one: fc.Arbitrary<{ field: Field; value: unknown }> =
    depth === 0
      ? simple
      : fc.oneof(
          { weight: 4, arbitrary: simple },
          {
            weight: 1,
            arbitrary: fieldsAndValue(depth - 1).map(({ fields, value }) => ({
              field: struct(fields),
              value,
            })),
          },
        )
  const maybe = fc
    .tuple(one, fc.constantFrom('given', 'optional', 'missing'))
    .map(([{ field, value }, is]) => {
      if (is === 'given') return { field, value }
      return { field: optional(field), value: is === 'missing' ? undefined : value }
    })
  return fc
    .uniqueArray(fc.tuple(name, maybe), { minLength: 1, maxLength: 7, selector: ([key]) => key })
    .filter((entries) => entries.every(([key]) => !(key in {}) && key !== 'toJSON'))
    .map((entries) => ({
      fields: Object.fromEntries(entries.map(([key, { field }]) => [key, field])),
      value: Object.fromEntries(
        entries.flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value] as const])),
      ),
    }))
}
