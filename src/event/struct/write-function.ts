import { EncodeError } from '../../errors.ts'
import { binaryLength, isBinary, isDetached } from '../binary.ts'
import { MAY_GENERATE } from '../msgpack/generate.ts'
import type { Space } from '../space.ts'
import type { Kind } from './kind.ts'
import type { Layout, PlacedField, PlacedValue } from './layout.ts'

/** Where a struct is written. */
export interface Target extends Space {
  /** Makes room for so many bytes of what has this `tag`; answers where they start, a multiple of 8, or a negative number if there is no room. */
  claim(bytes: number, tag: number): number
}

/**
 * Writes an object's fields as a struct; answers what the target's `claim` has answered. Everything is read, and checked, before anything is claimed: getters may do
 * what they like, and nothing is half-written. `tag` is what the target knows it by.
 *
 * @throws EncodeError (`ERR_MILLRACE_ENCODE`) if a field is missing or of another type.
 */
export type Write = (value: any, target: Target, tag: number) => number

/** A field, and what comes before it is read and written. */
type Step = {
  readonly field: PlacedField
  readonly path: string
  /** The number of the step that it is a field of. */
  readonly parent: number | undefined
  /** It, or what it is a part of, may be missing. */
  readonly mayLack: boolean
}

/** Made as text that is compiled, or a loop where that is not allowed. */
export function writeFunction(layout: Layout, generates = MAY_GENERATE): Write {
  const steps = stepsOf(layout.fields)
  return generates ? generate(layout, steps) : compose(layout, steps)
}

function stepsOf(fields: readonly PlacedField[]): Step[] {
  const steps: Step[] = []
  const add = (inner: readonly PlacedField[], parent: number | undefined): void => {
    for (const field of inner) {
      const above = parent === undefined ? undefined : steps[parent]!
      const path = above === undefined ? field.name : `${above.path}.${field.name}`
      const mayLack = field.presence !== undefined || (above?.mayLack ?? false)
      const number = steps.push({ field, path, parent, mayLack }) - 1
      if (field.kind === undefined) add(field.fields, number)
    }
  }
  add(fields, undefined)
  return steps
}

function generate({ bytes, presenceAt }: Layout, steps: readonly Step[]): Write {
  const reads = steps.map(({ field, parent, mayLack }, index) => {
    const isWrong = field.kind === undefined ? `!isObject(f${index})` : `!accepts${index}(f${index})`
    const check = field.presence === undefined ? isWrong : `f${index} !== undefined && ${isWrong}`
    const from = parent === undefined ? 'value' : `f${parent}`
    const read = `f${index} = ${from}[${JSON.stringify(field.name)}]; if (${check}) throw wrong(${index}, f${index});`
    const isParentLacking = parent !== undefined && steps[parent]!.mayLack
    if (isParentLacking) return `let f${index}; if (f${parent} !== undefined) { ${read} }`
    return `${mayLack ? 'let' : 'const'} ${read}`
  })
  const variable = valuesOf(steps).filter(([, { kind }]) => kind.size !== undefined)
  const sizes = variable.map(([index]) => {
    const size = `size${index}(f${index})`
    return `const s${index} = ${steps[index]!.mayLack ? `f${index} === undefined ? 0 : ${size}` : size};`
  })
  const puts = valuesOf(steps).map(([index, { kind, at }]) => {
    const put =
      kind.size === undefined
        ? `put${index}(bytes, words, doubles, at + ${at}, f${index});`
        : `words[(at + ${at}) >> 2] = to - at; words[(at + ${at + 4}) >> 2] = s${index};
           put${index}(bytes, to, f${index}, s${index}); to += s${index};`
    return steps[index]!.mayLack ? `if (f${index} !== undefined) { ${put} }` : put
  })
  const presence: string[] = []
  for (let at = presenceAt; at < bytes; at++) {
    const bits = steps.flatMap(({ field }, index) =>
      field.presence?.at === at ? `(f${index} === undefined ? 0 : ${field.presence.mask})` : [],
    )
    presence.push(`bytes[at + ${at}] = ${bits.join(' | ')};`)
  }
  const names = (prefix: string): string => steps.map((_, index) => prefix + index).join(', ')
  const text = `
    const [${names('accepts')}] = accepts, [${names('size')}] = sizes, [${names('put')}] = puts;
    return function write(value, target, tag) {
      if (!isObject(value)) throw wrong(-1, value);
      ${reads.join('\n')}
      ${sizes.join('\n')}
      const at = target.claim(${[bytes, ...variable.map(([index]) => `s${index}`)].join(' + ')}, tag);
      if (at < 0) return at;
      const bytes = target.bytes, words = target.words, doubles = target.doubles;
      ${variable.length === 0 ? '' : `let to = at + ${bytes};`}
      ${puts.join('\n')}
      ${presence.join('\n')}
      return at;
    }`
  const kinds = steps.map(({ field }) => field.kind)
  const make = new Function('isObject', 'wrong', 'accepts', 'sizes', 'puts', text)
  return make(
    isObject,
    (index: number, value: unknown) => wrong(steps[index], value),
    kinds.map((kind) => kind?.accepts),
    kinds.map((kind) => kind?.size),
    kinds.map((kind) => kind?.put),
  ) as Write
}

function compose({ bytes: fixed, presenceAt }: Layout, steps: readonly Step[]): Write {
  const values = valuesOf(steps)
  return (value, target, tag) => {
    if (!isObject(value)) throw wrong(undefined, value)
    const found: any[] = []
    for (const step of steps) {
      const { field, parent } = step
      const from = parent === undefined ? value : found[parent]
      const own = from === undefined ? undefined : from[field.name]
      found.push(own)
      if (own === undefined && (from === undefined || field.presence !== undefined)) continue
      if (!(field.kind === undefined ? isObject(own) : field.kind.accepts(own))) throw wrong(step, own)
    }
    // Once all have been read: a getter of another may have made them longer.
    const sizes = values.map(([index, { kind }]) =>
      found[index] === undefined ? 0 : (kind.size?.(found[index]) ?? 0),
    )
    const at = target.claim(
      sizes.reduce((sum, size) => sum + size, fixed),
      tag,
    )
    if (at < 0) return at
    const { bytes, words, doubles } = target
    bytes.fill(0, at + presenceAt, at + fixed)
    for (const [index, { field }] of steps.entries()) {
      const { presence } = field
      if (presence !== undefined && found[index] !== undefined) bytes[at + presence.at]! |= presence.mask
    }
    let to = at + fixed
    for (const [number, [index, { kind, at: place }]] of values.entries()) {
      const own = found[index]
      if (own === undefined) continue
      if (kind.size === undefined) kind.put(bytes, words, doubles, at + place, own)
      else {
        const size = sizes[number]!
        words[(at + place) >> 2] = to - at
        words[(at + place + 4) >> 2] = size
        kind.put(bytes, to, own, size)
        to += size
      }
    }
    return at
  }
}

/** Those that are no structs, with the numbers of their steps. */
function valuesOf(steps: readonly Step[]): (readonly [number, PlacedValue])[] {
  return steps.flatMap(({ field }, index) =>
    field.kind === undefined ? [] : [[index, field as PlacedValue] as const],
  )
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function wrong(step: Step | undefined, value: unknown): EncodeError {
  if (step === undefined) return new EncodeError(`A struct is written from an object, not ${shown(value)}`)
  const { field, path } = step
  return new EncodeError(`Field ${path} of a struct is ${nameOf(field.kind)}, not ${shown(value)}`)
}

function nameOf(kind: Kind | undefined): string {
  if (kind === undefined) return 'a struct'
  const { description } = kind
  return typeof description === 'string' ? description : `one of ${description.slice(1).join(', ')}`
}

function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 32 ? `a text of ${value.length} characters` : JSON.stringify(value)
  if (isBinary(value))
    return isDetached(value) ? 'bytes that were transferred' : `${binaryLength(value)} bytes`
  return typeof value === 'object' || typeof value === 'function' ? `an ${typeof value}` : String(value)
}
