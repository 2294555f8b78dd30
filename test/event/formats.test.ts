import { CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventOf, TYPE } from './event-of.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

describe('toJSON', () => {
  test('the universal event format', () => {
    const { event } = eventOf({
      data: { path: '/a' },
      id: 'given',
      source: { component: 'upload', instanceId: 'u-1', correlationId: 'c-1' },
      metadata: { tries: 2 },
    })
    expect(event.toJSON()).toEqual({
      id: 'given',
      event_type: TYPE,
      timestamp: '2023-11-14T22:13:20.123Z',
      version: '1.0',
      source: { component: 'upload', instance_id: 'u-1', correlation_id: 'c-1' },
      data: { path: '/a' },
      metadata: { tries: 2 },
    })
    expect(JSON.parse(JSON.stringify(event))).toEqual(event.toJSON())
  })

  test('what is absent has its default', () => {
    expect(eventOf({}).event.toJSON()).toEqual({
      id: 'engine-3-7',
      event_type: TYPE,
      timestamp: '2023-11-14T22:13:20.123Z',
      version: '1.0',
      source: { component: 'millrace', instance_id: 'engine-3' },
      data: null,
      metadata: {},
    })
  })

  test('bytes are base64', () => {
    expect(eventOf({ data: new Uint8Array([0, 255, 1]) }).event.toJSON().data).toBe('AP8B')
  })
})

describe('toCloudEvent', () => {
  test('every attribute', () => {
    const { event } = eventOf({
      data: { path: '/a' },
      key: 'k',
      id: 'given',
      source: { component: 'up load', instanceId: 'u/1', correlationId: 'c-1' },
      ttlMs: 1_000,
      traceparent: TRACEPARENT,
    })
    expect(event.toCloudEvent()).toEqual({
      specversion: '1.0',
      id: 'given',
      type: TYPE,
      source: '/up%20load/u%2F1',
      time: '2023-11-14T22:13:20.123Z',
      datacontenttype: 'application/json',
      data: { path: '/a' },
      partitionkey: 'k',
      correlationid: 'c-1',
      expirytime: '2023-11-14T22:13:21.123Z',
      traceparent: TRACEPARENT,
      sequence: '0000000000000007',
    })
  })

  test('no data, no content type; bytes as data_base64', () => {
    const empty = eventOf({}).event.toCloudEvent()
    expect(empty).not.toHaveProperty('data')
    expect(empty).not.toHaveProperty('datacontenttype')
    const binary = eventOf({ data: new Uint8Array([0, 255, 1]) }).event.toCloudEvent()
    expect(binary).toMatchObject({ datacontenttype: 'application/octet-stream', data_base64: 'AP8B' })
    expect(binary).not.toHaveProperty('data')
  })

  test('sequences sort as text', () => {
    const sequences = [9, 10, 2 ** 32, 2 ** 52 - 1].map(
      (sequence) => eventOf({ sequence }).event.toCloudEvent().sequence,
    )
    expect([...sequences].sort()).toEqual(sequences)
  })

  test('a time to live beyond the last date has no expiry time', () => {
    for (const ttlMs of [Number.MAX_SAFE_INTEGER, 1e300]) {
      expect(eventOf({ ttlMs }).event.toCloudEvent()).not.toHaveProperty('expirytime')
    }
  })

  test('passes the strict validation of the CloudEvents SDK, and comes back from it', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    const written = fc.record(
      {
        data: fc.oneof(
          fc.constant(undefined),
          fc.constant({ a: 1 }),
          fc.uint8Array({ minLength: 1, maxLength: 9 }),
        ),
        key: name,
        id: name,
        source: fc.record({ component: name, instanceId: name, correlationId: name }, { requiredKeys: [] }),
        ttlMs: fc.integer({ min: 1 }),
        traceparent: fc.constant(TRACEPARENT),
        sequence: fc.integer({ min: 0, max: 2 ** 52 - 1 }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(written, (given) => {
        const json = eventOf(given).event.toCloudEvent()
        const cloud = new CloudEvent(json)
        expect(cloud.validate()).toBe(true)
        expect(cloud).toMatchObject({
          ...json,
          ...(given.data instanceof Uint8Array && { data: given.data }),
        })
      }),
    )
  })
})

test('what JSON lacks stands in its nearest form, however deep', () => {
  const data = {
    big: 2n ** 70n,
    map: new Map<unknown, unknown>([
      ['a', 1n],
      [2, new Set([3])],
    ]),
    bytes: new Uint8Array([1, 2, 3]),
    list: [new Float32Array([1.5]), new BigInt64Array([-1n])],
    at: new Date(0),
  }
  const { event } = eventOf({ data, metadata: { big: 1n } })
  const expected = {
    big: '1180591620717411303424',
    map: { a: '1', 2: [3] },
    bytes: 'AQID',
    list: [[1.5], ['-1']],
    at: '1970-01-01T00:00:00.000Z',
  }
  expect(JSON.parse(JSON.stringify(event))).toMatchObject({ data: expected, metadata: { big: '1' } })
  expect(JSON.parse(JSON.stringify(event.toCloudEvent())).data).toEqual(expected)
})
