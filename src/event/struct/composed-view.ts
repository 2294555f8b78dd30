import type { Space } from '../space.ts'
import type { PlacedField } from './layout.ts'
import { BIND, FIELDS, isPresent, readVariable, SETTLED, StructPart, StructView } from './view.ts'

/** Where a view, or a part of one, is. */
type Place = { space: Space; at: number; end: number }

/** Private to what is shown, as in generated classes; and the parts of each, made with it. */
const places = new WeakMap<object, Place>()
const parts = new WeakMap<object, readonly (StructPart | undefined)[]>()

type PartClass = new () => StructPart

/** A class of views of closures, which look up what generated text would have written down. */
export function composedView(fields: readonly PlacedField[]): new () => StructView {
  const classes = fields.map(partClass)
  const View = class extends StructView {
    constructor() {
      super()
      place(this, { space: SETTLED, at: 0, end: 0 }, classes)
    }

    [BIND](space: Space, at: number, end: number): void {
      Object.assign(places.get(this)!, { space, at, end })
    }
  }
  define(View.prototype, fields)
  return View
}

function partClass({ kind, ...field }: PlacedField): PartClass | undefined {
  if (kind !== undefined) return undefined
  const { fields } = field as { fields: readonly PlacedField[] }
  const classes = fields.map(partClass)
  const Part = class extends StructPart {}
  define(Part.prototype, fields)
  classesOf.set(Part, classes)
  return Part
}

/** Of the parts of a part. */
const classesOf = new WeakMap<PartClass, readonly (PartClass | undefined)[]>()

/** A view and all of its parts have one place. */
function place(shown: object, where: Place, classes: readonly (PartClass | undefined)[]): void {
  places.set(shown, where)
  const made = classes.map((Part) => {
    if (Part === undefined) return undefined
    const part = new Part()
    place(part, where, classesOf.get(Part)!)
    return part
  })
  parts.set(shown, made)
}

function define(prototype: object, fields: readonly PlacedField[]): void {
  Object.defineProperty(prototype, FIELDS, { value: fields })
  for (const [index, field] of fields.entries()) {
    const get = function (this: object): unknown {
      const { space, at, end } = places.get(this)!
      if (field.presence !== undefined && !isPresent(space, at, field.presence)) return undefined
      if (field.kind === undefined) return parts.get(this)![index]
      if (field.kind.size !== undefined) return readVariable(field.kind, space, at, end, field.at)
      return field.kind.get(space.bytes, space.words, space.doubles, at + field.at)
    }
    Object.defineProperty(prototype, field.name, { get, configurable: true })
  }
}
