import { isTraced } from './traced.ts'

/** The private state of code under test: its numbers, wherever they stand in its objects. */
export type Snapshot = readonly (number | boolean | undefined | readonly number[])[]

type Visit = (holder: any, name: string, value: unknown) => void

/** Visits all fields that may change: numbers, flags, lists of numbers. Views of shared memory are not private. */
function eachField(object: object, visit: Visit, seen = new Set<object>()): void {
  if (seen.has(object)) return
  seen.add(object)
  for (const name of Object.keys(object)) {
    const value: unknown = (object as any)[name]
    if (typeof value === 'number' || typeof value === 'boolean' || value === undefined)
      visit(object, name, value)
    else if (typeof value !== 'object' || value === null || isTraced(value) || ArrayBuffer.isView(value)) {
      if (value instanceof Float64Array) visit(object, name, value)
    } else if (Array.isArray(value)) visit(object, name, value)
    else eachField(value, visit, seen)
  }
}

export function takeSnapshot(object: object): Snapshot {
  const fields: Snapshot[number][] = []
  eachField(object, (_, __, value) => {
    fields.push(Array.isArray(value) || value instanceof Float64Array ? Array.from(value) : (value as number))
  })
  return fields
}

/** Puts the fields back into an object of the same shape. */
export function putBack(object: object, snapshot: Snapshot): void {
  let index = 0
  eachField(object, (holder, name, value) => {
    const field = snapshot[index++]
    if (value instanceof Float64Array) value.set(field as number[])
    else if (Array.isArray(value)) value.splice(0, value.length, ...(field as number[]))
    else holder[name] = field
  })
}
