/**
 * Shared memory whose every access is an operation that somebody decides about: views of a traced buffer look like typed
 * arrays to the code under test.
 *
 * Memory is words of 32 bits; a byte view reads and writes whole words, four bytes apart (copies), or single bytes of words.
 */
export type Operation = {
  readonly kind: 'load' | 'store' | 'compareExchange' | 'exchange' | 'add' | 'or' | 'wait' | 'notify'
  readonly word: number
  /** Sequentially consistent, by Atomics. */
  readonly atomic: boolean
  readonly value: number
  readonly expected: number
}

/** Answers an operation: what it loads, or 0. */
export type Memory = (operation: Operation) => number

const originals = {
  Int32Array: globalThis.Int32Array,
  Uint8Array: globalThis.Uint8Array,
  Float64Array: globalThis.Float64Array,
}
const atomics = {
  ...Object.fromEntries(Object.getOwnPropertyNames(Atomics).map((name) => [name, (Atomics as any)[name]])),
}

type View = { readonly base: number; readonly bytes: boolean; readonly length: number }
const views = new WeakMap<object, View>()
/** The first word of each traced buffer. */
const buffers = new Map<SharedArrayBuffer, number>()
let memory: Memory = () => 0

/** Traces these buffers, and no others any more. */
export function traceOnly(...traced: SharedArrayBuffer[]): void {
  buffers.clear()
  let words = 0
  for (const buffer of traced) {
    buffers.set(buffer, words)
    words += buffer.byteLength / 4
  }
}

export function isTraced(value: object): boolean {
  return views.has(value)
}

function load(word: number): number {
  return memory({ kind: 'load', word, atomic: false, value: 0, expected: 0 })
}

function store(word: number, value: number): void {
  memory({ kind: 'store', word, atomic: false, value: value | 0, expected: 0 })
}

/** Copies whole words, as far as they go. */
function copyWords(to: View, toIndex: number, from: View, bytes: number): void {
  for (let i = 0; i < bytes; i += 4) store(to.base + (toIndex + i) / 4, load(from.base + i / 4))
}

const handler: ProxyHandler<View> = {
  get(view, property, self) {
    if (typeof property === 'string' && property.charCodeAt(0) <= 57 && property.charCodeAt(0) >= 48) {
      const index = Number(property)
      if (index >= view.length) return undefined
      if (!view.bytes) return load(view.base + index)
      return (load(view.base + (index >> 2)) >>> (8 * (index & 3))) & 0xff
    }
    switch (property) {
      case 'length':
        return view.length
      case 'subarray':
        return (start: number, end: number) =>
          makeView({ base: view.base + start / (view.bytes ? 4 : 1), bytes: view.bytes, length: end - start })
      case 'set':
        return (source: object, at = 0) => copyWords(view, at, views.get(source)!, views.get(source)!.length)
      default:
        return Reflect.get(view, property, self)
    }
  },
  set(view, property, value) {
    const index = Number(property)
    // As with typed arrays, nothing happens.
    if (index >= view.length) return true
    if (!view.bytes) {
      store(view.base + index, value)
      return true
    }
    const word = view.base + (index >> 2)
    const shift = 8 * (index & 3)
    store(word, (load(word) & ~(0xff << shift)) | ((value & 0xff) << shift))
    return true
  },
}

function makeView(view: View): object {
  const proxy = new Proxy(view, handler)
  views.set(proxy, view)
  return proxy
}

function traced(name: keyof typeof originals, size: number): unknown {
  const original = originals[name] as any
  return new Proxy(original, {
    construct(target, [buffer, offset, length], newTarget): object {
      const base = buffers.get(buffer)
      if (base === undefined) {
        const operands = [buffer, offset, length].filter((operand) => operand !== undefined)
        return Reflect.construct(target, operands, newTarget === proxies[name] ? original : newTarget)
      }
      return makeView({ base: base + (offset ?? 0) / 4, bytes: size === 1, length })
    },
  })
}

const proxies: Record<string, unknown> = {
  Int32Array: traced('Int32Array', 4),
  Uint8Array: traced('Uint8Array', 1),
  Float64Array: traced('Float64Array', 8),
}

function atomic(kind: Operation['kind'], pick: (operands: number[]) => Partial<Operation>) {
  return (view: object, index: number, ...operands: number[]) => {
    const place = views.get(view)
    if (place === undefined) return atomics[kind](view, index, ...operands)
    return memory({ kind, word: place.base + index, atomic: true, value: 0, expected: 0, ...pick(operands) })
  }
}

const tracedAtomics: Record<string, unknown> = {
  load: atomic('load', () => ({})),
  store: atomic('store', ([value]) => ({ value: value! | 0 })),
  compareExchange: atomic('compareExchange', ([expected, value]) => ({
    expected: expected! | 0,
    value: value! | 0,
  })),
  exchange: atomic('exchange', ([value]) => ({ value: value! | 0 })),
  add: atomic('add', ([value]) => ({ value: value! | 0 })),
  or: atomic('or', ([value]) => ({ value: value! | 0 })),
  notify: atomic('notify', () => ({})),
  wait: (view: object, index: number, value: number) => {
    const place = views.get(view)!
    const outcome = memory({ kind: 'wait', word: place.base + index, atomic: true, value, expected: value })
    return outcome === 0 ? 'ok' : 'not-equal'
  },
}

/** Runs code under test, which sees traced buffers through `answer`. */
export function withMemory<Result>(answer: Memory, run: () => Result): Result {
  const outer = memory
  memory = answer
  Object.assign(globalThis, proxies)
  Object.assign(Atomics, tracedAtomics)
  try {
    return run()
  } finally {
    memory = outer
    Object.assign(globalThis, originals)
    Object.assign(Atomics, atomics)
  }
}
