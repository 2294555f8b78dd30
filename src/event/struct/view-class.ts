import { MAY_GENERATE } from '../msgpack/generate.ts'
import type { Layout, PlacedField } from './layout.ts'
import { AT, END, FIELDS, isPresent, ROOT, readVariable, SPACE, StructPart, StructView } from './view.ts'

export type ViewClass = new () => StructView
type PartClass = new (root: StructView) => StructPart

/** What the text of a generated class refers to. */
const NAMES = { SPACE, AT, END, ROOT, StructPart, StructView, isPresent, readVariable } as const

/** The class of views of structs with this layout: made as text that is compiled, or of closures where that is not allowed. */
export function viewClass({ fields }: Layout, generates = MAY_GENERATE): ViewClass {
  const parts: PartClass[] = []
  return define(fields, undefined, parts, generates) as ViewClass
}

/** `part`: its number, of a struct inside. Its own parts are in `parts` afterwards. */
function define(
  fields: readonly PlacedField[],
  part: number | undefined,
  parts: PartClass[],
  generates: boolean,
): ViewClass | PartClass {
  const numbers = fields.map((field) => {
    if (field.kind !== undefined) return undefined
    const number = parts.push(undefined!) - 1
    parts[number] = define(field.fields, number, parts, generates) as PartClass
    return number
  })
  const made = (generates ? generate : compose)(fields, part !== undefined, numbers, parts)
  Object.defineProperty(made.prototype, FIELDS, { value: fields })
  return made
}

/** `numbers`: those of its parts. */
function generate(
  fields: readonly PlacedField[],
  isPart: boolean,
  numbers: readonly (number | undefined)[],
  parts: readonly PartClass[],
): ViewClass | PartClass {
  const root = isPart ? 'this[ROOT]' : 'this'
  const kinds = fields.map(({ kind }) => kind)
  const gets = kinds.map((kind) => kind?.get)
  const made = numbers.flatMap((number, index) =>
    number === undefined ? [] : `this.#part${index} = new parts[${number}](${isPart ? 'root' : 'this'});`,
  )
  const getters = fields.map(({ kind, name, presence, ...field }, index) => {
    const isThere = presence && `(space.bytes[at + ${presence.at}] & ${presence.mask}) !== 0`
    const value =
      kind === undefined
        ? `this.#part${index}`
        : kind.size === undefined
          ? `get${index}(space.bytes, space.words, space.doubles, at + ${(field as { at: number }).at})`
          : `readVariable(kinds[${index}], space, at, root[END], ${(field as { at: number }).at})`
    return `get ${JSON.stringify(name)}() {
      const root = ${root}, space = root[SPACE], at = root[AT];
      return ${isThere ? `${isThere} ? ${value} : undefined` : value};
    }`
  })
  const text = `
    const [${gets.map((_, index) => `get${index}`).join(', ')}] = gets;
    return class extends ${isPart ? 'StructPart' : 'StructView'} {
      ${numbers.map((number, index) => (number === undefined ? '' : `#part${index};`)).join('')}
      constructor(root) { super(root); ${made.join('')} }
      ${getters.join('\n')}
    }`
  const make = new Function(...Object.keys(NAMES), 'gets', 'kinds', 'parts', text)
  return make(...Object.values(NAMES), gets, kinds, parts) as ViewClass | PartClass
}

/** Where it looks up what the text would have written down. */
function compose(
  fields: readonly PlacedField[],
  isPart: boolean,
  numbers: readonly (number | undefined)[],
  parts: readonly PartClass[],
): ViewClass | PartClass {
  const made = new WeakMap<object, (StructPart | undefined)[]>()
  const makeParts = (view: object, root: StructView): void => {
    made.set(
      view,
      numbers.map((number) => (number === undefined ? undefined : new parts[number]!(root))),
    )
  }
  const composed = isPart
    ? class extends StructPart {
        constructor(root: StructView) {
          super(root)
          makeParts(this, root)
        }
      }
    : class extends StructView {
        constructor() {
          super()
          makeParts(this, this)
        }
      }
  for (const [index, field] of fields.entries()) {
    const { name, presence } = field
    const get = function (this: StructView | StructPart): unknown {
      const root = this instanceof StructPart ? this[ROOT] : this
      const space = root[SPACE]
      const at = root[AT]
      if (presence !== undefined && !isPresent(space, at, presence)) return undefined
      if (field.kind === undefined) return made.get(this)![index]
      if (field.kind.size !== undefined) return readVariable(field.kind, space, at, root[END], field.at)
      return field.kind.get(space.bytes, space.words, space.doubles, at + field.at)
    }
    Object.defineProperty(composed.prototype, name, { get, configurable: true })
  }
  return composed as unknown as ViewClass | PartClass
}
