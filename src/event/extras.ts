import { InvalidEventError } from '../errors.ts'
import { decode, encode } from './msgpack/codec.ts'

/** Where an event comes from. */
export type EventSource = {
  component?: string
  instanceId?: string
  correlationId?: string
}

/** What an event may carry beside type, data and key; written only when something is there. */
export type Extras = {
  id?: string | undefined
  source?: EventSource | undefined
  metadata?: Record<string, unknown> | undefined
  /** Milliseconds after its time at which an event that was not handled expires. */
  ttlMs?: number | undefined
  /** W3C trace context, `00-<32 hex>-<16 hex>-<2 hex>`. */
  traceparent?: string | undefined
}

export const ID_MAX_BYTES = 255
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const SOURCE_FIELDS = ['component', 'instanceId', 'correlationId'] as const

/** The extras as they travel: one letter a name, the id first. */
type Compact = {
  i?: string
  s?: EventSource
  m?: Record<string, unknown>
  t?: number
  p?: string
}

/** Extras as they travel, and whether a time to live is among them. */
export type EncodedExtras = {
  readonly bytes: Uint8Array
  readonly expires: boolean
  readonly id: string | undefined
}

/** Picks the extras out of publish options and encodes them; undefined if there are none. */
export function encodeExtras(options: Extras): EncodedExtras | undefined {
  const { id, source, metadata, ttlMs, traceparent } = options
  const compact: Compact = {}
  if (id !== undefined) compact.i = checkId(id)
  if (source !== undefined) compact.s = checkSource(source)
  if (metadata !== undefined) compact.m = checkMetadata(metadata)
  if (ttlMs !== undefined) compact.t = checkTtl(ttlMs)
  if (traceparent !== undefined) compact.p = checkTraceparent(traceparent)
  if (Object.keys(compact).length === 0) return undefined
  const { bytes, length } = encode(compact)
  return { bytes: bytes.slice(0, length), expires: compact.t !== undefined, id: compact.i }
}

export function decodeExtras(bytes: Uint8Array): Extras {
  const compact = decode(bytes) as Compact
  const extras: Extras = {}
  if (compact.i !== undefined) extras.id = compact.i
  if (compact.s !== undefined) extras.source = compact.s
  if (compact.m !== undefined) extras.metadata = compact.m
  if (compact.t !== undefined) extras.ttlMs = compact.t
  if (compact.p !== undefined) extras.traceparent = compact.p
  return extras
}

const FIXSTR = 0xa0
const FIXSTR_MAX = 0xbf
const LETTER_I = 0x69

/** Where the id's UTF-8 bytes lie in extras that start at `start`: the offset, and 0 as length without one. */
export function idSpan(bytes: Uint8Array, start: number): { at: number; length: number } {
  // A map's header, then the first name, of one letter, then its value.
  if (bytes[start + 1] !== FIXSTR + 1 || bytes[start + 2] !== LETTER_I) return { at: 0, length: 0 }
  const header = bytes[start + 3]!
  if (header >= FIXSTR && header <= FIXSTR_MAX) return { at: start + 4, length: header - FIXSTR }
  return { at: start + 5, length: bytes[start + 4]! }
}

function checkId(id: unknown): string {
  if (
    typeof id !== 'string' ||
    id.length === 0 ||
    Buffer.byteLength(id) > ID_MAX_BYTES ||
    !id.isWellFormed()
  ) {
    throw new InvalidEventError(`An id is well-formed text of 1 to ${ID_MAX_BYTES} bytes`)
  }
  return id
}

function checkSource(source: unknown): EventSource {
  if (typeof source !== 'object' || source === null) throw new InvalidEventError('A source is an object')
  const checked: EventSource = {}
  for (const field of SOURCE_FIELDS) {
    const value = (source as EventSource)[field]
    if (value === undefined) continue
    if (typeof value !== 'string')
      throw new InvalidEventError(`source.${field} is a string, not ${typeof value}`)
    checked[field] = value
  }
  return checked
}

function checkMetadata(metadata: unknown): Record<string, unknown> {
  const prototype = typeof metadata === 'object' && metadata !== null && Object.getPrototypeOf(metadata)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidEventError('metadata is a plain object')
  }
  return metadata as Record<string, unknown>
}

function checkTtl(ttlMs: unknown): number {
  if (typeof ttlMs !== 'number' || !(ttlMs > 0) || !Number.isFinite(ttlMs)) {
    throw new InvalidEventError(`ttlMs is a positive number of milliseconds, not ${String(ttlMs)}`)
  }
  return ttlMs
}

function checkTraceparent(traceparent: unknown): string {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) {
    throw new InvalidEventError('traceparent is 00-<32 hex>-<16 hex>-<2 hex>, lower case, with no zero id')
  }
  return traceparent
}
