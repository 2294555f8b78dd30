import { describe, expect, test } from 'vitest'
import { DecodeError, type MillraceEvent } from '../../src/index.ts'
import { eventOf, TYPE } from './event-of.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const everything = {
  data: { path: '/tmp/a.png', size: 12 },
  key: 'schlüssel',
  id: 'given',
  source: { component: 'upload', instanceId: 'u-1', correlationId: 'c-1' },
  metadata: { tries: 2, tags: ['a'] },
  ttlMs: 5_000,
  traceparent: TRACEPARENT,
}

/** Each field, as a user reads it. */
const FIELDS = [
  ['data', (event: MillraceEvent) => event.data],
  ['bytes', (event: MillraceEvent) => event.bytes],
  ['id', (event: MillraceEvent) => event.id],
  ['time', (event: MillraceEvent) => event.time],
  ['sequence', (event: MillraceEvent) => event.sequence],
  ['key', (event: MillraceEvent) => event.key],
  ['source', (event: MillraceEvent) => event.source],
  ['metadata', (event: MillraceEvent) => event.metadata],
  ['traceparent', (event: MillraceEvent) => event.traceparent],
  ['ttlMs', (event: MillraceEvent) => event.ttlMs],
  ['copy', (event: MillraceEvent) => event.copy()],
  ['toJSON', (event: MillraceEvent) => event.toJSON()],
  ['toCloudEvent', (event: MillraceEvent) => event.toCloudEvent()],
] as const

test('every field is as it was published', () => {
  const { event } = eventOf({ ...everything, sequence: 2 ** 40 + 1 })
  expect(event).toMatchObject({ ...everything, type: TYPE, version: '1.0', attempt: 1 })
  expect(event.sequence).toBe(2 ** 40 + 1)
  expect(event.time).toBe(1_700_000_000_123)
})

test('what was not given is undefined, and the id is made', () => {
  const { event } = eventOf({})
  for (const field of ['data', 'key', 'source', 'metadata', 'ttlMs', 'traceparent'] as const) {
    expect(event[field], field).toBeUndefined()
  }
  expect(event.bytes.length).toBe(0)
  expect(event.id).toBe('engine-3-7')
})

test('ids differ by publisher and by sequence', () => {
  const ids = [0, 1, 35, 36, 4_095].flatMap((publisher) =>
    [0, 1, 36, 2 ** 32, 2 ** 32 + 1].map((sequence) => eventOf({ publisher, sequence }).event.id),
  )
  expect(new Set(ids).size).toBe(ids.length)
})

test('data is decoded once, when it is first read', () => {
  const { event, overwrite } = eventOf({ data: { a: 1 } })
  const { data } = event
  overwrite()
  expect(event.data).toBe(data)
  expect(data).toEqual({ a: 1 })
})

test('nothing is decoded before it is read', () => {
  const { event, overwrite } = eventOf({ data: { a: 1 } })
  expect(event.key).toBeUndefined()
  overwrite()
  expect(() => event.data).toThrow(DecodeError)
})

describe('in a handler', () => {
  test('bytes are the payload where it lies, at a multiple of 8', () => {
    for (const key of [undefined, 'k', 'four', 'a long key 🐎']) {
      const { event, overwrite } = eventOf({
        data: new Uint8Array([1, 2, 3]),
        ...(key !== undefined && { key }),
      })
      expect(event.bytes).toEqual(new Uint8Array([1, 2, 3]))
      expect(event.bytes.byteOffset % 8).toBe(0)
      expect(event.data).toEqual(event.bytes)
      const { bytes } = event
      overwrite()
      expect(bytes[0]).toBe(0xa5)
    }
  })

  test('bytes inside of an object outlive the ring', () => {
    const parts = () => [
      new Uint8Array([1, 2]),
      new Map([['x', new Uint8Array([3])]]),
      new Float32Array([0.5]),
    ]
    const { event, overwrite } = eventOf({ data: { parts: parts() }, metadata: { raw: new Uint8Array([9]) } })
    const { data, metadata } = event
    overwrite()
    expect(data).toEqual({ parts: parts() })
    expect(metadata).toEqual({ raw: new Uint8Array([9]) })
  })
})

describe('after its handler has settled', () => {
  test.each(FIELDS)('%s, never read before, is a DecodeError', (_name, read) => {
    const { event, overwrite } = eventOf(everything)
    event.settle()
    overwrite()
    expect(() => read(event)).toThrow(DecodeError)
    expect(() => read(event)).toThrow(/settled/)
  })

  test('what was read before stays', () => {
    const { event, overwrite } = eventOf(everything)
    for (const [, read] of FIELDS) read(event)
    const { time, sequence } = event
    event.settle()
    overwrite()
    expect(event).toMatchObject({ ...everything, time, sequence })
    expect(event.id).toBe('given')
    expect(() => event.bytes).toThrow(DecodeError)
    expect(() => event.copy()).toThrow(DecodeError)
  })

  test('so does an id that was made', () => {
    const { event } = eventOf({})
    const { id } = event
    event.settle()
    expect(event.id).toBe(id)
  })

  test('type and attempt are always there', () => {
    const { event } = eventOf({})
    event.settle()
    expect([event.type, event.attempt]).toEqual([TYPE, 1])
  })
})

test('a copy survives the ring and the settling, its bytes too', () => {
  const { event, overwrite } = eventOf({ ...everything, data: new Uint8Array([1, 2, 3]) })
  const copy = event.copy()
  event.settle()
  overwrite()
  copy.settle()
  expect(copy).toMatchObject({ ...everything, data: new Uint8Array([1, 2, 3]), type: TYPE, sequence: 7 })
  expect(copy.bytes).toEqual(new Uint8Array([1, 2, 3]))
  expect(copy.bytes.byteOffset % 8).toBe(0)
  expect(copy.copy().toJSON()).toEqual(copy.toJSON())
})
