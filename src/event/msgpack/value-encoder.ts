import { MAY_GENERATE } from './generate.ts'
import { NOT_PLAIN, putPlain } from './plain-writer.ts'
import { COUNT_BYTES, NO_ROOM, NUMBER_BYTES, putCount, putNumber, putText, type Scratch } from './scratch.ts'
import type { Shape } from './shape.ts'
import { ShapeCandidate } from './shape-candidate.ts'

/** Values deeper in a topic's data are not looked at one by one. */
const MAX_DEPTH = 8

/** What an object's encoder answers for one that has not its shape. */
const OTHER = -3

/** Writes an object of one shape as `putPlain` does; `OTHER` if it has another one. */
type ObjectEncoder = (scratch: Scratch, at: number, object: object) => number

/** Makes the function for one shape, given one object that has it. */
export type Make = (shape: Shape, values: readonly ValueEncoder[], sample: object) => ObjectEncoder

/**
 * Encodes the values at one place of a topic's data: learns the shapes of the objects that come there, and makes a function
 * for each, which is several times as fast as `putPlain` and writes the same bytes.
 *
 * Decision 26 says how, and when.
 */
export class ValueEncoder {
  private readonly make: Make
  private readonly depth: number
  private readonly objects: ObjectEncoder[] = []
  private readonly candidate = new ShapeCandidate()
  private ofItems: ValueEncoder | undefined

  /** `make` makes the functions: of text, or where that is not allowed, of closures. */
  constructor(make: Make = MAY_GENERATE ? generate : compose, depth = 1) {
    this.make = make
    this.depth = depth
  }

  /** As `putPlain` does. */
  put(scratch: Scratch, at: number, value: unknown): number {
    if (typeof value !== 'object' || value === null || this.depth === MAX_DEPTH)
      return putPlain(scratch, at, value, this.depth)
    return Array.isArray(value) ? this.putItems(scratch, at, value) : this.putObject(scratch, at, value)
  }

  private putObject(scratch: Scratch, at: number, object: object): number {
    const { objects } = this
    for (let i = 0; i < objects.length; i++) {
      const end = objects[i]!(scratch, at, object)
      if (end !== OTHER) return end
    }
    const end = putPlain(scratch, at, object, this.depth)
    if (end >= 0 && this.candidate.isOpen) this.learn(object)
    return end
  }

  private putItems(scratch: Scratch, at: number, items: readonly unknown[]): number {
    if (Object.getPrototypeOf(items) !== Array.prototype) return NOT_PLAIN
    if (at + COUNT_BYTES > scratch.bytes.length) return NO_ROOM
    this.ofItems ??= new ValueEncoder(this.make, this.depth + 1)
    const encoder = this.ofItems
    let end = putCount(scratch, at, items.length, 0x90, 0xdc)
    for (let i = 0; i < items.length; i++) {
      end = encoder.put(scratch, end, items[i])
      if (end < 0) return end
    }
    return end
  }

  private learn(object: object): void {
    const shape = this.candidate.meet(Object.keys(object))
    if (shape === undefined) return
    const values = shape.keys.map(() => new ValueEncoder(this.make, this.depth + 1))
    this.objects.push(this.make(shape, values, object))
  }
}

function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object)
  return prototype === Object.prototype || prototype === null
}

/** The keys are compared as they are enumerated, which the compiler turns into a look at the object's hidden class. */
export function compose({ keys, keyBytes }: Shape, values: readonly ValueEncoder[]): ObjectEncoder {
  return (scratch, at, object) => {
    if (!isPlain(object)) return OTHER
    let count = 0
    for (const key in object) if (key !== keys[count++]) return OTHER
    if (count !== keys.length) return OTHER
    const { bytes } = scratch
    let end = at
    for (let i = 0; i < keys.length; i++) {
      const key = keyBytes[i]!
      if (end + key.length > bytes.length) return NO_ROOM
      for (let j = 0; j < key.length; j++) bytes[end++] = key[j]!
      end = values[i]!.put(scratch, end, (object as Record<string, unknown>)[keys[i]!])
      if (end < 0) return end
    }
    return end
  }
}

/** The same as straight-line code, which expects values of the kinds that `sample` has. */
export function generate(shape: Shape, values: readonly ValueEncoder[], sample: object): ObjectEncoder {
  const { keys, keyBytes } = shape
  const names = keys.map((key) => JSON.stringify(key))
  const compared = names.map((name, index) => `case ${index}: if (key !== ${name}) return OTHER; break`)
  const loaded = names.map((name, index) => `const value${index} = object[${name}]`)
  const written = keys.map((key, index) => {
    const bytes = keyBytes[index]!
    const stores = [...bytes].map((byte, offset) => `bytes[end + ${offset}] = ${byte}`).join('; ')
    return `if (end + ${bytes.length + NUMBER_BYTES} > bytes.length) return NO_ROOM
      ${stores}
      end += ${bytes.length}
      ${putCode(`value${index}`, Object.getOwnPropertyDescriptor(sample, key)?.value, index)}`
  })
  // The compiler knows the object's hidden class, and with it the prototype, once fields were loaded.
  const code = `return function (scratch, at, object) {
    let count = 0
    for (const key in object) switch (count++) { ${compared.join('; ')}; default: return OTHER }
    if (count !== ${keys.length}) return OTHER
    ${loaded.join('\n')}
    const prototype = Object.getPrototypeOf(object)
    if (prototype !== Object.prototype && prototype !== null) return OTHER
    const { bytes } = scratch
    let end = at
    ${written.join('\n')}
    return end
  }`
  const given = ['values', 'putNumber', 'putText', 'OTHER', 'NO_ROOM']
  return new Function(...given, code)(values, putNumber, putText, OTHER, NO_ROOM) as ObjectEncoder
}

/** Writes the value with this name, of which `sample` is one, and which may be of any other kind. */
function putCode(value: string, sample: unknown, index: number): string {
  const any = `{ end = values[${index}].put(scratch, end, ${value}); if (end < 0) return end }`
  switch (typeof sample) {
    case 'number':
      return `if (typeof ${value} === 'number') end = putNumber(scratch, end, ${value})
      else ${any}`
    case 'string':
      return `if (typeof ${value} === 'string') { end = putText(scratch, end, ${value}); if (end < 0) return end }
      else ${any}`
    case 'boolean':
      return `if (typeof ${value} === 'boolean') bytes[end++] = ${value} ? 0xc3 : 0xc2
      else ${any}`
    default:
      return any
  }
}
