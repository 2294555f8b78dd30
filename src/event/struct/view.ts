import { inspect } from 'node:util'
import { DecodeError } from '../../errors.ts'
import type { Space } from '../space.ts'
import type { VariableKind } from './kind.ts'
import type { PlacedField, Presence } from './layout.ts'

/** On a view's prototype, symbols: a struct may have fields of any name. */
export const BIND = Symbol('bind')
export const FIELDS = Symbol('fields')

/** The fields of a struct as an object has them. Each is read where it lies, whenever it is asked for. */
abstract class Fields {
  declare readonly [FIELDS]: readonly PlacedField[]

  /** A plain object with the same fields. */
  toJSON(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    for (const { name } of this[FIELDS]) {
      const value = (this as unknown as Record<string, unknown>)[name]
      if (value !== undefined) object[name] = value instanceof Fields ? value.toJSON() : value
    }
    return object
  }

  [inspect.custom](): unknown {
    return this.toJSON()
  }
}

/** A struct where it lies. What it is bound to is private: nothing that copies an object's fields takes it along. */
export abstract class StructView extends Fields {
  abstract [BIND](space: Space, at: number, end: number): void
}

/** A struct inside of another one. */
export abstract class StructPart extends Fields {}

export function isView(value: unknown): value is StructView {
  return value instanceof StructView
}

/** Whether it shows a struct, or one inside of another. */
export function isStruct(value: unknown): value is Fields {
  return value instanceof Fields
}

/** From here on the view shows the struct from `at` to `end`. */
export function bind(view: StructView, space: Space, at: number, end: number): void {
  view[BIND](space, at, end)
}

/** What it showed is about to be given back: reading it is an error from here on. */
export function unbind(view: StructView): void {
  view[BIND](SETTLED, 0, 0)
}

export function isPresent({ bytes }: Space, at: number, presence: Presence): boolean {
  return (bytes[at + presence.at]! & presence.mask) !== 0
}

/** A value of variable size of the struct from `at` to `end`; `place` is that of its two words. */
export function readVariable(
  kind: VariableKind,
  space: Space,
  at: number,
  end: number,
  place: number,
): unknown {
  const word = (at + place) >> 2
  const from = space.words[word]!
  const size = space.words[word + 1]!
  if (from < 0 || size < 0 || at + from + size > end)
    throw new DecodeError(`A value of ${size} bytes at ${from} is beyond its struct of ${end - at} bytes`)
  return kind.get(space.bytes, at + from, at + from + size)
}

/** The same shape as any space; what is read here has settled. */
class SettledSpace implements Space {
  get bytes(): Uint8Array {
    throw settled()
  }
  get words(): Int32Array {
    throw settled()
  }
  get doubles(): Float64Array {
    throw settled()
  }
}

export const SETTLED: Space = new SettledSpace()

function settled(): DecodeError {
  return new DecodeError(
    'A struct was read after its handler had settled: read it before, or keep event.copy()',
  )
}
