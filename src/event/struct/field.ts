import { OptionsError } from '../../errors.ts'
import type { Kind } from './kind.ts'
import { BOOL, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64 } from './numbers.ts'
import { BYTES, choice, fixedBytes, fixedText, TEXT } from './text-kinds.ts'

/** What a field of a struct holds: one of the types below, or another struct. */
export interface Field<Value = unknown> {
  /** @internal Undefined if it is a struct, whose fields those are. */
  readonly kind?: Kind | undefined
  /** @internal */
  readonly fields?: Readonly<Record<string, Field>> | undefined
  /** @internal May be missing. */
  readonly isOptional?: boolean
  /** @internal Only the compiler knows it. */
  readonly value?: Value
}

/** A field that may be missing. */
export type OptionalField<Value = unknown> = Field<Value | undefined> & { readonly isOptional: true }

const MAX_FIXED_BYTES = 65_535

/** A double. */
export const f64: Field<number> = { kind: F64 }
/** A number of single precision: what is written is rounded to it. */
export const f32: Field<number> = { kind: F32 }
/** Whole numbers of 8, 16 and 32 bits, with a sign and without. */
export const i8: Field<number> = { kind: I8 }
export const u8: Field<number> = { kind: U8 }
export const i16: Field<number> = { kind: I16 }
export const u16: Field<number> = { kind: U16 }
export const i32: Field<number> = { kind: I32 }
export const u32: Field<number> = { kind: U32 }
/** Whole numbers of 64 bits, as `bigint`. */
export const i64: Field<bigint> = { kind: I64 }
export const u64: Field<bigint> = { kind: U64 }
export const bool: Field<boolean> = { kind: BOOL }

/**
 * Text of up to `maxBytes` bytes of UTF-8 (up to 65,535), which always takes that much; without a limit, text of any length.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`)
 */
export function str(maxBytes?: number): Field<string> {
  return { kind: maxBytes === undefined ? TEXT : fixedText(checkSize('str', maxBytes)) }
}

/**
 * Up to `maxBytes` bytes (up to 65,535), which always take that much; without a limit, any number of them. A handler sees them where they lie, until it has settled.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`)
 */
export function bytes(maxBytes?: number): Field<Uint8Array> {
  return { kind: maxBytes === undefined ? BYTES : fixedBytes(checkSize('bytes', maxBytes)) }
}

/**
 * One of these texts; it takes a byte, or two if there are more than 256 of them.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`)
 */
export function oneOf<const Value extends string>(...values: readonly Value[]): Field<Value> {
  if (values.length === 0 || values.length > 65_536 || values.some((value) => typeof value !== 'string'))
    throw new OptionsError('oneOf takes 1 to 65,536 texts')
  if (new Set(values).size < values.length) throw new OptionsError('oneOf has a text twice')
  return { kind: choice(values) }
}

/** A field that may be missing: then it is undefined. */
export function optional<Value>(field: Field<Value>): OptionalField<Value> {
  return { ...checkField('optional', field), isOptional: true } as OptionalField<Value>
}

/** @throws OptionsError if it is no field. */
export function checkField(name: string, field: unknown): Field {
  const { kind, fields } = (field ?? {}) as Field
  if (kind === undefined && fields === undefined)
    throw new OptionsError(`Field ${name} of a struct is none of the types that a field can have`)
  return field as Field
}

function checkSize(type: string, maxBytes: unknown): number {
  if (!Number.isInteger(maxBytes) || (maxBytes as number) < 1 || (maxBytes as number) > MAX_FIXED_BYTES)
    throw new OptionsError(`${type} takes 1 to 65,535 bytes, not ${String(maxBytes)}`)
  return maxBytes as number
}
