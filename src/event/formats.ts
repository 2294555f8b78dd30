import type { EventSource } from './extras.ts'
import { isStruct } from './struct/view.ts'

/** The fields of an event that formats are made of. */
type Readable = {
  readonly id: string
  readonly type: string
  readonly time: number
  readonly version: string
  readonly source: EventSource | undefined
  readonly metadata: Record<string, unknown> | undefined
  readonly data: unknown
  readonly key: string | undefined
  readonly sequence: number
  readonly ttlMs: number | undefined
  readonly traceparent: string | undefined
}

/** The universal event format. What JSON lacks stands in its nearest form (`jsonValue`). */
export type EventJSON = {
  id: string
  event_type: string
  timestamp: string
  version: string
  source: { component: string; instance_id: string; correlation_id?: string }
  data: unknown
  metadata: Record<string, unknown>
}

/** CloudEvents 1.0 with the extensions that Millrace knows. Source: github.com/cloudevents/spec, v1.0.2. */
export type CloudEvent = {
  specversion: '1.0'
  id: string
  type: string
  source: string
  time: string
  datacontenttype?: string
  data?: unknown
  data_base64?: string
  partitionkey?: string
  correlationid?: string
  expirytime?: string
  traceparent?: string
  sequence: string
}

export function toJSON(event: Readable, instanceId: string): EventJSON {
  const { source, data } = event
  return {
    id: event.id,
    event_type: event.type,
    timestamp: new Date(event.time).toISOString(),
    version: event.version,
    source: {
      component: source?.component ?? 'millrace',
      instance_id: source?.instanceId ?? instanceId,
      ...(source?.correlationId !== undefined && { correlation_id: source.correlationId }),
    },
    data: jsonValue(data ?? null),
    metadata: jsonValue(event.metadata ?? {}) as Record<string, unknown>,
  }
}

export function toCloudEvent(event: Readable): CloudEvent {
  const { source, data, key, ttlMs, traceparent } = event
  const cloud: CloudEvent = {
    specversion: '1.0',
    id: event.id,
    type: event.type,
    source: sourceUri(source),
    time: new Date(event.time).toISOString(),
    sequence: String(event.sequence).padStart(16, '0'),
  }
  if (data instanceof Uint8Array) {
    cloud.datacontenttype = 'application/octet-stream'
    cloud.data_base64 = base64(data)
  } else if (data !== undefined) {
    cloud.datacontenttype = 'application/json'
    cloud.data = jsonValue(data)
  }
  if (key !== undefined) cloud.partitionkey = key
  if (source?.correlationId !== undefined) cloud.correlationid = source.correlationId
  // A time to live may end after the last date there is.
  const expiry = new Date(event.time + (ttlMs ?? Number.NaN))
  if (!Number.isNaN(expiry.getTime())) cloud.expirytime = expiry.toISOString()
  if (traceparent !== undefined) cloud.traceparent = traceparent
  return cloud
}

/** A source is a URI reference that is never empty. */
function sourceUri(source: EventSource | undefined): string {
  const parts = [source?.component ?? 'millrace', source?.instanceId].filter((part) => part !== undefined)
  return `/${parts.map(encodeURIComponent).join('/')}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Data as JSON can carry it: bytes as base64 text, a `bigint` as text, a `Map` as an object (its keys as text), a `Set` or a
 * typed array as a list; all else as it is.
 */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(jsonValue)
  if (isStruct(value)) return jsonValue(value.toJSON())
  if (value instanceof Uint8Array) return base64(value)
  if (value instanceof ArrayBuffer) return base64(new Uint8Array(value))
  if (value instanceof DataView)
    return base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, jsonValue)
  if (value instanceof Set) return Array.from(value, jsonValue)
  const entries = value instanceof Map ? value : Object.entries(value)
  const object: Record<string, unknown> = {}
  for (const [key, item] of entries) {
    // Not by assignment: a key may be `__proto__`.
    const own = { value: jsonValue(item), enumerable: true, writable: true, configurable: true }
    Object.defineProperty(object, typeof key === 'object' ? JSON.stringify(jsonValue(key)) : String(key), own)
  }
  return object
}
