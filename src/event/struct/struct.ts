import { createHash } from 'node:crypto'
import { DecodeError, OptionsError } from '../../errors.ts'
import type { Space } from '../space.ts'
import { type Description, describe, fieldOf } from './description.ts'
import { checkField, type Field, type OptionalField } from './field.ts'
import { type Layout, layOut } from './layout.ts'
import { bind, type StructView } from './view.ts'
import { type ViewClass, viewClass } from './view-class.ts'
import { type Write, writeFunction } from './write-function.ts'

type FieldMap = Readonly<Record<string, Field>>

type Required<Fields extends FieldMap> = {
  [Name in keyof Fields as Fields[Name] extends OptionalField ? never : Name]: ValueOf<Fields[Name]>
}

type Optional<Fields extends FieldMap> = {
  [Name in keyof Fields as Fields[Name] extends OptionalField ? Name : never]?:
    | ValueOf<Fields[Name]>
    | undefined
}

type ValueOf<F> = F extends Field<infer Value> ? Value : never

type DataOf<Fields extends FieldMap> = Readonly<Required<Fields> & Optional<Fields>>

/** The data of a struct's events: `type Events = { 'cpu.load': StructData<typeof Load> }`. */
export type StructData<S> = S extends Struct<infer Data> ? Data : never

const MAX_FIELDS = 1_024
const MAX_DEPTH = 16
/** Names of what every object has, and a view has too. */
const isTaken = (name: string): boolean => name in Object.prototype || name === 'toJSON'

/** What the data of a topic's events look like: named fields, each of one type, each in its place. Made by `struct`. */
export class Struct<Data = any> implements Field<Data> {
  /** @internal */
  readonly fields: FieldMap
  /** @internal Only the compiler knows it. */
  declare readonly value?: Data
  /** @internal From which another thread makes the same one. */
  readonly description: string
  /** Of its fields, their types and their order: 16 hexadecimal digits. Structs with the same one are the same. */
  readonly fingerprint: string
  /** How many bytes each takes, without those of its values of variable size. */
  readonly bytes: number
  private readonly layout: Layout
  private made: { readonly View: ViewClass; readonly write: Write } | undefined

  /** @internal Use `struct`. */
  constructor(fields: FieldMap) {
    this.fields = fields
    this.layout = layOut(fields)
    this.bytes = this.layout.bytes
    this.description = JSON.stringify(describe({ fields }))
    this.fingerprint = createHash('sha256').update(this.description).digest('hex').slice(0, 16)
  }

  /** @internal A view that shows nothing yet. */
  view(): StructView {
    return new (this.compiled().View)()
  }

  /**
   * @internal A view of the struct from `at` to `end`.
   *
   * @throws DecodeError (`ERR_MILLRACE_DECODE`) if it is too short to be one.
   */
  read(space: Space, at: number, end: number): StructView {
    this.check(at, end)
    const view = this.view()
    bind(view, space, at, end)
    return view
  }

  /** @internal @throws DecodeError (`ERR_MILLRACE_DECODE`) if what lies from `at` to `end` is too short. */
  check(at: number, end: number): void {
    if (end - at < this.bytes)
      throw new DecodeError(`A struct of ${this.bytes} bytes can not lie in ${end - at}`)
  }

  /** @internal */
  get write(): Write {
    return this.compiled().write
  }

  /** When it is first used: a thread knows structs that it never sees. */
  private compiled(): { readonly View: ViewClass; readonly write: Write } {
    this.made ??= { View: viewClass(this.layout), write: writeFunction(this.layout) }
    return this.made
  }
}

/**
 * Declares a struct: events of a topic that has one are written field by field into the ring, and read there.
 *
 * Fields have the type that is given: numbers (`f64`, `i32`, …), `bool`, `oneOf`, texts (`str`), `bytes`, other structs; `optional` ones may be missing.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`) if there are none, more than 1,024, nested deeper than 16 levels, or a name can't be one.
 *
 * @example
 * const Load = struct({ host: str(16), value: f64, level: optional(oneOf('low', 'high')) })
 * const engine = await createEngine({ structs: { 'cpu.load': Load } })
 * engine.publish('cpu.load', { host: 'web-1', value: 0.7 })
 */
export function struct<const Fields extends FieldMap>(fields: Fields): Struct<DataOf<Fields>> {
  if (typeof fields !== 'object' || fields === null)
    throw new OptionsError('struct takes an object of fields')
  const own = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, checkField(name, field)]),
  )
  if (checkFields(own, 1) > MAX_FIELDS) throw new OptionsError(`A struct has at most ${MAX_FIELDS} fields`)
  return new Struct(own)
}

/** By description: a thread has each struct once. */
const known = new Map<string, Struct>()

/** The struct with this description, as another thread has made it. */
export function structOf(description: string): Struct {
  const found = known.get(description)
  if (found !== undefined) return found
  const made = new Struct(fieldOf(JSON.parse(description) as Description).fields!)
  known.set(description, made)
  return made
}

/** Answers how many there are. */
function checkFields(fields: FieldMap, depth: number): number {
  const entries = Object.entries(fields)
  if (entries.length === 0) throw new OptionsError('A struct has at least one field')
  if (depth > MAX_DEPTH) throw new OptionsError(`Structs are nested deeper than ${MAX_DEPTH} levels`)
  let count = 0
  for (const [name, { fields: inner }] of entries) {
    if (isTaken(name)) throw new OptionsError(`A field of a struct can not be named ${name}`)
    count += inner === undefined ? 1 : checkFields(inner, depth + 1)
  }
  return count
}
