import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../../src/event/msgpack/codec.ts'

function bytesOf(value: unknown): Uint8Array {
  const { bytes, length } = encode(value)
  return bytes.slice(0, length)
}

/** Through a copy, as through a ring. */
function roundTrip(value: unknown): unknown {
  return decode(bytesOf(value))
}

describe('what goes in comes out', () => {
  test.each([
    ['null', null],
    ['an empty object', {}],
    ['an empty array', []],
    ['nested data', { a: [1, { b: 'x' }, [null, true, false]], c: -1.5 }],
    ['numbers at the edges', [0, -0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1]],
    [
      'negative ones',
      [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1],
    ],
    ['numbers that are no integers', [1e300, 5e-324, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 64]],
    ['a date', new Date(1_700_000_000_123)],
    ['a date before 1970', new Date(-1)],
    ['the last date', new Date(8.64e15)],
    ['the first date', new Date(-8.64e15)],
    [
      'a map',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, 'b'],
        [{ c: 1 }, new Map([['d', new Set([1])]])],
      ]),
    ],
    ['a set', new Set([1, 'a', null, new Date(5)])],
    ['an empty map and set', [new Map(), new Set()]],
    ['a bigint', 12n],
    ['a bigint of thousands of bits', -(3n ** 4_000n)],
    ['bigints in objects', { a: [0n, 2n ** 64n] }],
    ['floats', new Float64Array([1.5, Number.NaN, -0])],
    [
      'all integer arrays',
      [new Int8Array([-1]), new Uint8ClampedArray([255]), new Int16Array([-2]), new Uint16Array([3])],
    ],
    [
      'wide integers',
      [new Int32Array([-4]), new Uint32Array([5]), new BigInt64Array([-6n]), new BigUint64Array([7n])],
    ],
    ['single precision', new Float32Array([0.5, -0.25])],
    ['a buffer', new Uint8Array([1, 2, 3]).buffer],
    ['text with a byte order mark', '\ufeffname'],
    ['a long text with a byte order mark', `\ufeff${'x'.repeat(300)}`],
    ['a byte order mark beside a date', { when: new Date(1), text: '\ufeffname' }],
    ['all sorts of characters', ['', 'é', '日本語', '🐎'.repeat(100), '\u0000', 'a'.repeat(70_000)]],
    ['keys of all sorts', { '': 1, é: 2, 'a.b': 3, constructor: 4, '0': 5, ['k'.repeat(300)]: 6 }],
  ])('%s', (_name, value) => {
    expect(roundTrip(value)).toEqual(value)
  })

  test('more entries than the short headers count', () => {
    const map = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]))
    expect(roundTrip(map)).toEqual(map)
    const list = Array.from({ length: 70_000 }, (_, index) => index)
    expect(roundTrip(list)).toEqual(list)
  })

  test('a DataView keeps its bytes', () => {
    const view = new DataView(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2)
    const back = roundTrip(view) as DataView
    expect(back).toBeInstanceOf(DataView)
    expect([back.byteLength, back.getUint8(0), back.getUint8(1)]).toEqual([2, 1, 2])
  })

  test('a typed array that is a window on a larger buffer brings only its own part', () => {
    const back = roundTrip(new Float64Array([1, 2, 3, 4]).subarray(1, 3)) as Float64Array
    expect(back).toEqual(new Float64Array([2, 3]))
    expect(back.buffer.byteLength).toBe(16)
  })

  test('bytes inside of objects, and bytes alone', () => {
    const value = { name: 'x', parts: [new Uint8Array([1, 2]), { more: new Uint8Array([3]) }] }
    expect(roundTrip(value)).toEqual(value)
    expect(roundTrip(new Map([['x', new Uint8Array([4])]]))).toEqual(new Map([['x', new Uint8Array([4])]]))
  })

  test('undefined inside an object arrives as null', () => {
    expect(roundTrip({ a: undefined, b: [undefined, 1] })).toEqual({ a: null, b: [null, 1] })
  })

  test('instances of classes arrive as plain objects with their fields', () => {
    class Point {
      x = 1
      get twice() {
        return 2 * this.x
      }
    }
    const back = roundTrip({ at: new Point() }) as { at: object }
    expect(back).toEqual({ at: { x: 1 } })
    expect(Object.getPrototypeOf(back.at)).toBe(Object.prototype)
  })

  test('any date', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        expect(roundTrip({ date })).toEqual({ date })
      }),
    )
  })

  // Without -0, which arrives as 0 beside what is not plain.
  test('any data that structured cloning would take too', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: false,
      values: [fc.boolean(), fc.double(), fc.integer(), fc.string({ unit: 'grapheme' }), fc.constant(null)],
    })
    const plausible = anything.filter(
      (value) => !holds(value, (inner) => inner === undefined || Object.is(inner, -0) || isInvalid(inner)),
    )
    fc.assert(
      fc.property(plausible, (value) => {
        expect(roundTrip(value)).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })
})

test('a hundred levels are not too deep', () => {
  const value = nest(100)
  expect(roundTrip(value)).toEqual(value)
  expect(roundTrip({ when: new Date(1), deep: nest(99) })).toEqual({ when: new Date(1), deep: nest(99) })
})

test('what was encoded first is still right after what was encoded next, once copied', () => {
  const first = bytesOf({ a: 'first' })
  encode({ b: 'second, and longer' })
  expect(decode(first)).toEqual({ a: 'first' })
})

test('what a getter encodes meanwhile leaves what is being encoded as it was', () => {
  const value = {
    binary: new Uint8Array([1, 2, 3]),
    get inner() {
      return encode({ plain: true }).holdsBytes
    },
  }
  const { bytes, length, holdsBytes } = encode(value)
  expect(holdsBytes).toBe(true)
  expect(decode(bytes, 0, length)).toEqual({ binary: new Uint8Array([1, 2, 3]), inner: false })
})

/** Objects within objects. */
function nest(levels: number): unknown {
  let value: unknown = {}
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { v: value }
  return value
}

function isInvalid(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime())
}

function holds(value: unknown, what: (inner: unknown) => boolean): boolean {
  if (what(value)) return true
  if (value instanceof Map) return [...value].flat().some((inner) => holds(inner, what))
  if (value instanceof Set) return [...value].some((inner) => holds(inner, what))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some((inner) => holds(inner, what))
}
