import type { Field } from './field.ts'
import type { Kind } from './kind.ts'

/** A value of a struct, and where it lies. */
export type PlacedValue = {
  readonly name: string
  readonly kind: Kind
  /** In the fixed part, from its start. */
  readonly at: number
  readonly presence: Presence | undefined
}

/** A struct within a struct. */
export type PlacedStruct = {
  readonly name: string
  readonly kind: undefined
  readonly fields: readonly PlacedField[]
  readonly presence: Presence | undefined
}

export type PlacedField = PlacedValue | PlacedStruct

/** The bit that says whether an optional field is there. */
export type Presence = { readonly at: number; readonly mask: number }

/**
 * Where everything lies in a struct:
 *
 * ```
 * ┌──────────┬──────────┬──────────┬─────────┬───────────────┬──────────────────┐
 * │ 8 bytes  │ 4 bytes  │ 2 bytes  │ 1 byte  │ presence bits │ of variable size │
 * └──────────┴──────────┴──────────┴─────────┴───────────────┴──────────────────┘
 * ```
 * Values in the order of their alignment, and of their declaration within one; those of structs inside are no different from others. A value of variable
 * size has two words: where it starts, from the start of the struct, and how many bytes it has. Optional values have their place in any case.
 */
export type Layout = {
  readonly fields: readonly PlacedField[]
  /** Of the fixed part. */
  readonly bytes: number
  /** Where the presence bits are. */
  readonly presenceAt: number
}

export function layOut(fields: Readonly<Record<string, Field>>): Layout {
  const kinds: Kind[] = []
  const options = collect(fields, kinds)
  const places = new Array<number>(kinds.length)
  let end = 0
  for (const align of [8, 4, 2, 1]) {
    for (const [index, kind] of kinds.entries()) {
      if (kind.align !== align) continue
      places[index] = end
      end += kind.bytes
    }
  }
  const next = { value: 0, bit: 0 }
  const place = (inner: Readonly<Record<string, Field>>): PlacedField[] =>
    Object.entries(inner).map(([name, { kind, fields: own, isOptional }]) => {
      const presence = isOptional ? { at: end + (next.bit >> 3), mask: 1 << (next.bit++ & 7) } : undefined
      if (kind === undefined) return { name, kind, fields: place(own!), presence }
      return { name, kind, at: places[next.value++]!, presence }
    })
  return { fields: place(fields), bytes: end + ((options + 7) >> 3), presenceAt: end }
}

/** The values in their order; answers how many fields are optional. */
function collect(fields: Readonly<Record<string, Field>>, kinds: Kind[]): number {
  let options = 0
  for (const { kind, fields: inner, isOptional } of Object.values(fields)) {
    if (isOptional) options++
    if (kind === undefined) options += collect(inner!, kinds)
    else kinds.push(kind)
  }
  return options
}
