import { MAY_GENERATE } from '../msgpack/generate.ts'
import { composedView } from './composed-view.ts'
import type { Layout, PlacedField, PlacedValue } from './layout.ts'
import { BIND, FIELDS, readVariable, SETTLED, StructPart, StructView } from './view.ts'

export type ViewClass = new () => StructView

/** What the text of a generated class refers to. */
const NAMES = { BIND, FIELDS, SETTLED, StructPart, StructView, readVariable } as const

/** The class of views of structs with this layout: made as text that is compiled, or of closures where that is not allowed. */
export function viewClass({ fields }: Layout, generates = MAY_GENERATE): ViewClass {
  return generates ? generate(fields) : composedView(fields)
}

/** What the text refers to. */
type Referred = { readonly values: PlacedValue[]; readonly groups: (readonly PlacedField[])[] }

/** One class, and inside of it those of the structs inside, which can so read what is private to it: where the whole lies. */
function generate(fields: readonly PlacedField[]): ViewClass {
  const referred: Referred = { values: [], groups: [] }
  const { values, groups } = referred
  const text = `return class extends StructView {
    #space = SETTLED;
    #at = 0;
    #end = 0;
    [BIND](space, at, end) {
      // Storing an object where it is already costs more than a look.
      if (this.#space !== space) this.#space = space;
      this.#at = at;
      this.#end = end;
    }
    ${membersOf(fields, 'this', '', referred)}
  }`
  const gets = values.map(({ kind }) => kind.get)
  const head = `const { ${Object.keys(NAMES).join(', ')} } = names, [${gets.map((_, index) => `get${index}`).join(', ')}] = gets;`
  const make = new Function('names', 'kinds', 'groups', 'gets', head + text)
  const kinds = values.map(({ kind }) => kind)
  return make(NAMES, kinds, groups, gets) as ViewClass
}

/** The members of a class with these fields, as text. `root` is the view, as an expression; the constructor begins with `first`. */
function membersOf(fields: readonly PlacedField[], root: string, first: string, referred: Referred): string {
  const group = referred.groups.push(fields) - 1
  const parts: string[] = []
  const made: string[] = []
  const getters = fields.map((field, index) => {
    const part = `#part${group}_${index}`
    const value = field.kind === undefined ? `this.${part}` : readOf(field, referred.values)
    if (field.kind === undefined) {
      parts.push(`${part};`)
      made.push(`this.${part} = new (${partOf(field.fields, referred)})(${root});`)
    }
    const { presence } = field
    const isThere = presence && `(space.bytes[at + ${presence.at}] & ${presence.mask}) !== 0`
    return `get ${JSON.stringify(field.name)}() {
      const root = ${root}, space = root.#space, at = root.#at;
      return ${isThere ? `${isThere} ? ${value} : undefined` : value};
    }`
  })
  return `${parts.join(' ')}
    constructor(root) { super(); ${first} ${made.join(' ')} }
    static { Object.defineProperty(this.prototype, FIELDS, { value: groups[${group}] }); }
    ${getters.join('\n')}`
}

/** The class of a struct inside of another one. */
function partOf(fields: readonly PlacedField[], referred: Referred): string {
  return `class extends StructPart { #root; ${membersOf(fields, 'this.#root', 'this.#root = root;', referred)} }`
}

function readOf(field: PlacedValue, values: PlacedValue[]): string {
  const number = values.push(field) - 1
  return field.kind.size === undefined
    ? `get${number}(space.bytes, space.words, space.doubles, at + ${field.at})`
    : `readVariable(kinds[${number}], space, at, root.#end, ${field.at})`
}
