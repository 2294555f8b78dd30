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
} from './field.ts'

/** A struct as text, from which another thread makes the same one: what JSON has of its fields, in their order. */
export type Description = string | readonly (string | Description)[]

const SIMPLE: Readonly<Record<string, Field>> = { f64, f32, i8, u8, i16, u16, i32, u32, i64, u64, bool }

export function describe(field: Field): Description {
  if (field.isOptional) return ['optional', describe({ ...field, isOptional: false })]
  if (field.fields === undefined) return field.kind!.description as Description
  return ['struct', ...Object.entries(field.fields).map(([name, inner]) => [name, describe(inner)])]
}

/** The fields of a description that `describe` has made. */
export function fieldOf(description: Description): Field {
  if (typeof description === 'string') return simpleOf(description)
  const [what, ...rest] = description
  if (what === 'oneOf') return oneOf(...(rest as string[]))
  if (what === 'optional') return optional(fieldOf(rest[0]!))
  const fields = (rest as [string, Description][]).map(([name, inner]) => [name, fieldOf(inner)])
  return { fields: Object.fromEntries(fields) }
}

function simpleOf(description: string): Field {
  const known = SIMPLE[description]
  if (known !== undefined) return known
  const [, type, size] = /^(\w+)(?:\((\d+)\))?$/.exec(description)!
  const maxBytes = size === undefined ? undefined : Number(size)
  return type === 'str' ? str(maxBytes) : bytes(maxBytes)
}
