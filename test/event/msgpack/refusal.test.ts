import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { decode, encode } from '../../../src/event/msgpack/codec.ts'

function cyclicObject(): object {
  const value: Record<string, unknown> = { a: 1 }
  value.self = value
  return value
}

function cyclicArray(): unknown[] {
  const value: unknown[] = [1]
  value.push(value)
  return value
}

function cyclicMap(): Map<string, unknown> {
  const value = new Map<string, unknown>()
  value.set('self', value).set('again', value)
  return value
}

function cyclicSet(): Set<unknown> {
  const value = new Set<unknown>()
  return value.add([value])
}

/** Objects within objects. */
function nest(levels: number): unknown {
  let value: unknown = {}
  for (let level = 1; level < levels; level++) value = { v: value }
  return value
}

describe('what can not travel is an EncodeError', () => {
  test.each<[string, unknown]>([
    ['a function', () => {}],
    ['a class', class Point {}],
    ['a symbol', Symbol('s')],
    ['a cyclic object', cyclicObject()],
    ['a cyclic array', cyclicArray()],
    ['a map in itself', cyclicMap()],
    ['a set in itself', cyclicSet()],
    ['101 levels', nest(101)],
    ['101 levels beside a date', [new Date(1), nest(100)]],
    ['10,000 levels', nest(10_000)],
    ['an error', new RangeError('no')],
    ['a promise', Promise.resolve(1)],
    ['a weak map', new WeakMap()],
    ['a weak set', new WeakSet()],
    ['a regular expression', /a/],
    ['an invalid date', new Date(Number.NaN)],
    ['shared memory', new SharedArrayBuffer(8)],
    ['a generator', (function* () {})()],
    ['a boxed number', Object(1)],
    ['an own __proto__, which no reader would take', JSON.parse('{"__proto__": {"admin": true}}')],
  ])('%s, alone, in an object, an array and a map', (_name, value) => {
    for (const data of [value, { a: 1, value }, [value], new Map([['value', value]])]) {
      expect(() => encode(data)).toThrow(EncodeError)
    }
    expect(decode(bytesOf({ after: 'it' }))).toEqual({ after: 'it' })
  })

  test('a getter that throws: its error is the cause', () => {
    const reason = new Error('not now')
    const value = {
      get a() {
        throw reason
      },
    }
    const refused = thrownBy(() => encode(value))
    expect(refused).toBeInstanceOf(EncodeError)
    expect((refused as EncodeError).cause).toBe(reason)
  })

  test('a proxy that throws', () => {
    const value = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys')
        },
      },
    )
    expect(() => encode({ value })).toThrow(EncodeError)
  })

  test('the code is stable and the message says what is wrong', () => {
    expect(thrownBy(() => encode(cyclicObject()))).toMatchObject({
      code: 'ERR_MILLRACE_ENCODE',
      message: expect.stringMatching(/100 levels, or cyclic/),
    })
    expect(thrownBy(() => encode([() => {}]))).toMatchObject({ message: expect.stringContaining('function') })
  })
})

describe('what is no MessagePack is a DecodeError', () => {
  const valid = bytesOf({
    name: 'x'.repeat(40),
    list: [1, 300, -5, 1.5],
    when: new Date(5),
    text: 'é',
  })
  const plain = bytesOf({
    name: 'x'.repeat(40),
    list: [1, 300, 70_000, -5, 1.5],
    text: 'é',
    more: null,
  })

  test('bytes that end too early, wherever they end', () => {
    for (const whole of [valid, plain]) {
      for (let end = 0; end < whole.length; end++) {
        expect(() => decode(whole, 0, end), `${end} of ${whole.length} bytes`).toThrow(DecodeError)
      }
    }
  })

  test.each<[string, number[]]>([
    ['nothing', []],
    ['the head that is never used', [0xc1]],
    ['a value and something after it', [0x01, 0x02]],
    ['a map with a key that is a map', [0x81, 0x80, 0x01]],
    ['an array that claims four billion values', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a text that claims four billion bytes', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['a typed array of an unknown kind', [0xc7, 0x02, 0x04, 0x63, 0x00]],
    ['a typed array that ends within an element', [0xc7, 0x04, 0x04, 0x04, 0x00, 0x01, 0x02]],
    ['a bigint that is none', [0xc7, 0x02, 0x03, 0x78, 0x79]],
    ['a map of pairs that are none', [0xc7, 0x02, 0x01, 0x91, 0x05]],
  ])('%s', (_name, bytes) => {
    expect(() => decode(new Uint8Array(bytes))).toThrow(DecodeError)
  })

  test('any bytes decode, or are a DecodeError, and leave the decoder as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
        expect(decode(plain)).toMatchObject({ more: null, text: 'é' })
      }),
      { numRuns: 1_000 },
    )
  })
})

function thrownBy(what: () => unknown): unknown {
  try {
    what()
  } catch (error) {
    return error
  }
  return undefined
}

function bytesOf(value: unknown): Uint8Array {
  const { bytes, length } = encode(value)
  return bytes.slice(0, length)
}
