/** Up to so many bytes, a loop over them beats a call into the runtime. */
const SHORT = 64

const view = Object.getPrototypeOf(Uint8Array.prototype)
/** Of a subclass they may be whatever that says. */
const lengthOf = Object.getOwnPropertyDescriptor(view, 'length')!.get as (this: Uint8Array) => number
const bufferOf = Object.getOwnPropertyDescriptor(view, 'buffer')!.get as (this: Uint8Array) => ArrayBufferLike

/** Bytes, and not what only has their prototype. */
export function isBinary(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && ArrayBuffer.isView(value)
}

/** How many bytes there are, whatever they say. */
export function binaryLength(bytes: Uint8Array): number {
  return lengthOf.call(bytes)
}

/** Whether they have been transferred to somebody else. */
export function isDetached(bytes: Uint8Array): boolean {
  return lengthOf.call(bytes) === 0 && (bufferOf.call(bytes) as ArrayBuffer).detached === true
}

/** Copies the first `length` of `from` to byte `at`, and no more, even if there are more by now. */
export function copyBinary(to: Uint8Array, at: number, from: Uint8Array, length: number): void {
  if (length > SHORT && lengthOf.call(from) === length && !mayGrow(from)) to.set(from, at)
  else for (let i = 0; i < length; i++) to[at + i] = from[i]!
}

/** Another thread may make it longer at any time. */
function mayGrow(bytes: Uint8Array): boolean {
  return (bufferOf.call(bytes) as SharedArrayBuffer).growable === true
}
