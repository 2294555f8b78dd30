/**
 * How a value of one type lies in memory. Its functions are small, and know nothing of structs: the compiler puts them into
 * what is made of them.
 */
export type Kind = FixedKind | VariableKind

type Common = {
  /** Its name, with its size if it has one; or, of `oneOf`, that and its values. */
  readonly description: string | readonly string[]
  /** Of the fixed part. */
  readonly bytes: number
  /** What its place there is a multiple of. */
  readonly align: 1 | 2 | 4 | 8
  /** Whether it can hold this value. */
  accepts(value: any): boolean
}

/** A value that has its place in the fixed part. */
export type FixedKind = Common & {
  readonly size: undefined
  get(bytes: Uint8Array, words: Int32Array, doubles: Float64Array, at: number): unknown
  put(bytes: Uint8Array, words: Int32Array, doubles: Float64Array, at: number, value: any): void
}

/** A value that lies behind the fixed part, which says where: two words, its start and its size. */
export type VariableKind = Common & {
  /** The bytes that a value takes. */
  size(value: any): number
  get(bytes: Uint8Array, start: number, end: number): unknown
  put(bytes: Uint8Array, start: number, value: any, size: number): void
}

/** What stands in the fixed part for a value of variable size. */
export const SPAN_BYTES = 8
