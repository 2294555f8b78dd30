import { putCount, putText, Scratch } from './scratch.ts'

/** Objects with more keys are read and written key by key. */
const MAX_KEYS = 64
/** A text that JavaScript takes for an index: such keys come before all others, whatever the order they were set in. */
const INDEX = /^(0|[1-9]\d*)$/

/** What plain objects of one kind have in common: their keys, in their order. */
export type Shape = {
  readonly keys: readonly string[]
  /** In MessagePack; what precedes the first value has the header of the map before it. */
  readonly keyBytes: readonly Uint8Array[]
}

const scratch = new Scratch()

/** The shape with these keys; undefined if it is better to have none. */
export function shapeOf(keys: readonly string[]): Shape | undefined {
  if (keys.length === 0 || keys.length > MAX_KEYS) return undefined
  if (keys.some((key) => key === '__proto__' || INDEX.test(key) || key.length > 255 || !key.isWellFormed()))
    return undefined
  const keyBytes = keys.map((key, index) => {
    const start = index === 0 ? putCount(scratch, 0, keys.length, 0x80, 0xde) : 0
    return scratch.bytes.slice(0, putText(scratch, start, key))
  })
  return { keys, keyBytes }
}

/** Whether it is a shape with these keys. */
export function hasKeys({ keys }: Shape, others: readonly string[]): boolean {
  return keys.length === others.length && keys.every((key, index) => key === others[index])
}
