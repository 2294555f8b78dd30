import type { EventSource } from './extras.ts'

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

/** The universal event format. Binary data is base64 text under `data`. */
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
    data: data instanceof Uint8Array ? base64(data) : (data ?? null),
    metadata: event.metadata ?? {},
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
    cloud.data = data
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
