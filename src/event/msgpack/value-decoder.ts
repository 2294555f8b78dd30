import { MAY_GENERATE } from './generate.ts'
import { type PlainReader, type Taking, UNREAD } from './plain-reader.ts'
import type { Shape } from './shape.ts'
import { ShapeCandidate } from './shape-candidate.ts'
import { readText } from './text.ts'

/** Values deeper in a topic's data are not looked at one by one. */
const MAX_DEPTH = 8

/** What an object's decoder answers for one that has not its shape. */
const OTHER: unique symbol = Symbol('other shape')

/** Reads an object of one shape at the reader's `at`, which is moved on; `OTHER` if it has another one, `UNREAD` as the reader. */
type ObjectDecoder = (reader: PlainReader) => unknown

/** Makes the function for one shape, given one object that has it. */
export type Make = (shape: Shape, values: readonly ValueDecoder[], sample: object) => ObjectDecoder

/**
 * Decodes the values at one place of a topic's data: learns the shapes of the objects that come there, and makes a function
 * for each. Same values as `PlainReader`, of which it moves the position.
 */
export class ValueDecoder implements Taking {
  private readonly make: Make
  private readonly depth: number
  private readonly objects: ObjectDecoder[] = []
  private readonly candidate = new ShapeCandidate()
  private ofItems: ValueDecoder | undefined

  /** `make` makes the functions: of text, or where that is not allowed, of closures. */
  constructor(make: Make = MAY_GENERATE ? generate : compose, depth = 0) {
    this.make = make
    this.depth = depth
  }

  /** The value that begins at the reader's position, or `UNREAD`. */
  take(reader: PlainReader): unknown {
    const head = reader.bytes[reader.at]!
    if (head >= 0x80 && head < 0xa0)
      return head < 0x90 ? this.takeObject(reader) : this.takeItems(reader, head & 0x0f)
    return head === 0xde ? this.takeObject(reader) : reader.take(this.depth)
  }

  private takeObject(reader: PlainReader): unknown {
    const { objects } = this
    const start = reader.at
    for (let i = 0; i < objects.length; i++) {
      const object = objects[i]!(reader)
      if (object !== OTHER) return object
      reader.at = start
    }
    const object = reader.take(this.depth)
    if (object !== UNREAD && this.candidate.isOpen) this.learn(object as object)
    return object
  }

  private takeItems(reader: PlainReader, count: number): unknown {
    if (this.depth === MAX_DEPTH) return reader.take(this.depth)
    this.ofItems ??= new ValueDecoder(this.make, this.depth + 1)
    const decoder = this.ofItems
    reader.at++
    const items: unknown[] = []
    for (let i = 0; i < count; i++) {
      const item = decoder.take(reader)
      if (item === UNREAD) return UNREAD
      items.push(item)
    }
    return items
  }

  private learn(object: object): void {
    if (this.depth === MAX_DEPTH) return
    const shape = this.candidate.meet(Object.keys(object))
    if (shape === undefined) return
    const values = shape.keys.map(() => new ValueDecoder(this.make, this.depth + 1))
    this.objects.push(this.make(shape, values, object))
  }
}

export function compose({ keys, keyBytes }: Shape, values: readonly ValueDecoder[]): ObjectDecoder {
  return (reader) => {
    const { bytes, end } = reader
    const object: Record<string, unknown> = {}
    for (let i = 0; i < keys.length; i++) {
      const key = keyBytes[i]!
      const { at } = reader
      if (at + key.length >= end) return OTHER
      for (let j = 0; j < key.length; j++) if (bytes[at + j] !== key[j]) return OTHER
      reader.at = at + key.length
      const value = values[i]!.take(reader)
      if (value === UNREAD) return UNREAD
      object[keys[i]!] = value
    }
    return object
  }
}

/** The same as straight-line code, which expects values of the kinds that `sample` has, with an object literal at its end. */
export function generate(
  { keys, keyBytes }: Shape,
  values: readonly ValueDecoder[],
  sample: object,
): ObjectDecoder {
  const read = keyBytes.map((key, index) => {
    const compared = [...key].map((byte, offset) => `bytes[at + ${offset}] !== ${byte}`).join(' || ')
    return `if (at + ${key.length} >= end || ${compared}) return OTHER
      at += ${key.length}
      let value${index} = bytes[at]
      ${takeCode(`value${index}`, (sample as Record<string, unknown>)[keys[index]!])}
      else {
        reader.at = at
        value${index} = values[${index}].take(reader)
        if (value${index} === UNREAD) return UNREAD
        at = reader.at
      }`
  })
  const fields = keys.map((key, index) => `${JSON.stringify(key)}: value${index}`)
  const code = `return function (reader) {
    const { bytes, end } = reader
    let { at } = reader
    ${read.join('\n')}
    reader.at = at
    return { ${fields.join(', ')} }
  }`
  const names = ['values', 'OTHER', 'UNREAD', 'readText']
  return new Function(...names, code)(values, OTHER, UNREAD, readText) as ObjectDecoder
}

/** Turns the head of a value with this name, of which `sample` is one, into it, if it is of that kind. */
function takeCode(value: string, sample: unknown): string {
  switch (typeof sample) {
    case 'string':
      return `if (${value} >= 0xa0 && ${value} < 0xc0) {
        const start = at + 1
        at = start + (${value} & 0x1f)
        if (at > end) return UNREAD
        ${value} = readText(bytes, start, at)
      }`
    case 'boolean':
      return `if (${value} === 0xc2 || ${value} === 0xc3) {
        ${value} = ${value} === 0xc3
        at++
      }`
    default:
      return `if (${value} < 0x80) at++
      else if (${value} === 0xcd && at + 2 < end) {
        ${value} = (bytes[at + 1] << 8) | bytes[at + 2]
        at += 3
      }`
  }
}
