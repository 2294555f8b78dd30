import { DecodeError } from '../errors.ts'
import { decodeExtras, type EventSource, type Extras } from './extras.ts'
import { type CloudEvent, type EventJSON, toCloudEvent, toJSON } from './formats.ts'
import type { EventOrigin, EventOrigins } from './origins.ts'
import { readPayload } from './payload.ts'
import {
  dataStartOf,
  flagsIn,
  flagsOf,
  HAS_EXTRAS,
  HEADER_BYTES,
  IN_BLOCK,
  isPlain,
  type RecordFields,
  readFields,
  readTopic,
} from './record.ts'
import { topicIdIn, withData } from './record-copy.ts'
import { OwnSpace, type Space } from './space.ts'
import { isView, unbind } from './struct/view.ts'

/** The type of an event whose record can't be read. */
export const UNREADABLE = 'millrace.unreadable'

/** What stands before an event's data. */
type Header = { readonly fields: RecordFields; extras: Extras | undefined }

const UNREAD = Symbol('unread')
const NO_EXTRAS: Extras = Object.freeze({})

/**
 * An event as handlers and subscribers see it.
 *
 * In a handler it is a window on the ring: fields are read and data is decoded on first access, and `bytes` is valid
 * until the handler settles. After that, a field that was never read throws a `DecodeError`; take `copy()` to keep
 * an event. An event from a subscription is a copy already.
 */
export class MillraceEvent<Type extends string = string, Data = any> {
  /** The topic. */
  readonly type: Type
  /** 1 for the first time that the event is handled. */
  readonly attempt: number
  private readonly origin: EventOrigin
  private space: Space | undefined
  private start: number
  private end: number
  private detached: boolean
  /** Read when one is asked for. */
  private header: Header | undefined
  private value: unknown = UNREAD
  /** Looks up its data, if they do not lie in the record. Not a field of those, which are nearly all, whose data do. */
  declare private elsewhere: (() => Uint8Array) | undefined

  /** @internal Its record lies from `start` to `end` of a ring, or of a copy if `detached`. */
  constructor(
    type: Type,
    attempt: number,
    origin: EventOrigin,
    space: Space,
    start: number,
    end: number,
    detached: boolean,
  ) {
    this.type = type
    this.attempt = attempt
    this.origin = origin
    this.space = space
    this.start = start
    this.end = end
    this.detached = detached
  }

  /** @internal An event from the copy of its record. */
  static fromCopy(record: Uint8Array, attempt: number, origins: EventOrigins): MillraceEvent {
    const type = typeOf(record, topicIdIn(record), origins)
    return new MillraceEvent(type, attempt, origins.of(type), new OwnSpace(record), 0, record.length, true)
  }

  /**
   * What was published. Binary data is a view of the ring (in a handler), everything else is decoded once.
   *
   * @throws DecodeError (`ERR_MILLRACE_DECODE`) if it was not read before the handler settled.
   */
  get data(): Data {
    if (this.value === UNREAD) this.value = this.read()
    return this.value as Data
  }

  /** Of the event format. */
  get version(): '1.0' {
    return '1.0'
  }

  /** The payload where it lies, starting at a multiple of 8 bytes: valid until the handler settles. */
  get bytes(): Uint8Array {
    const record = this.memory().bytes
    const dataStart = dataStartOf(record, this.start, this.end)
    return (flagsIn(record, this.start) & IN_BLOCK) === 0
      ? record.subarray(dataStart, this.end)
      : this.lookUp()
  }

  /** Unique. Given by the publisher, else made of engine, publisher and sequence. */
  get id(): string {
    const { id } = this.extras
    if (id !== undefined) return id
    const { publisher, sequence } = this.fields
    return `${this.origin.engineId}-${publisher.toString(36)}-${sequence.toString(36)}`
  }

  /** When it was published, in milliseconds since 1970. */
  get time(): number {
    return this.fields.time
  }

  /** The publisher's count of its events when it published this one. */
  get sequence(): number {
    return this.fields.sequence
  }

  /** Events with the same key are handled one after the other. */
  get key(): string | undefined {
    return this.fields.key
  }

  get source(): EventSource | undefined {
    return this.extras.source
  }

  get metadata(): Record<string, unknown> | undefined {
    return this.extras.metadata
  }

  get traceparent(): string | undefined {
    return this.extras.traceparent
  }

  get ttlMs(): number | undefined {
    return this.extras.ttlMs
  }

  /** A detached event, valid for as long as it is kept. */
  copy(): MillraceEvent<Type, Data> {
    const { flags } = this.fields
    const copied = this.memory().bytes.slice(this.start, this.end)
    const record = (flags & IN_BLOCK) === 0 ? copied : withData(copied, this.lookUp())
    const { type, attempt, origin } = this
    return new MillraceEvent(type, attempt, origin, new OwnSpace(record), 0, record.length, true)
  }

  /** The universal event format: `id`, `event_type`, ISO `timestamp`, `version`, `source`, `data`, `metadata`. */
  toJSON(): EventJSON {
    return toJSON(this, `${this.origin.engineId}-${this.fields.publisher.toString(36)}`)
  }

  /** CloudEvents 1.0, in its JSON format. */
  toCloudEvent(): CloudEvent {
    return toCloudEvent(this)
  }

  /** @internal The same event as another attempt sees it: what was done to this one's data is not seen. */
  again(attempt: number): MillraceEvent<Type, Data> {
    const event = new MillraceEvent<Type, Data>(
      this.type,
      attempt,
      this.origin,
      this.memory(),
      this.start,
      this.end,
      this.detached,
    )
    event.elsewhere = this.elsewhere
    return event
  }

  /** @internal Its data lie in a block (decision 19). */
  lieIn(elsewhere: () => Uint8Array): void {
    this.elsewhere = elsewhere
  }

  /** @internal Its record is the one from `start` to `end`. */
  protected lie(space: Space, start: number, end: number): void {
    // Storing an object where it is already costs more than a look.
    if (this.space !== space) this.space = space
    this.start = start
    this.end = end
    this.header = undefined
  }

  /** @internal The whole of it, where it lies. */
  get recordBytes(): Uint8Array {
    return this.memory().bytes.subarray(this.start, this.end)
  }

  /** @internal Its bytes are about to be given back: what was not read is gone. */
  settle(): void {
    if (this.detached) return
    this.space = undefined
    if (this.origin.struct !== undefined && isView(this.value)) unbind(this.value)
  }

  private get fields(): RecordFields {
    this.header ??= { fields: readFields(this.memory().bytes, this.start, this.end), extras: undefined }
    return this.header.fields
  }

  private memory(): Space {
    if (this.space === undefined) throw settled(this.type)
    return this.space
  }

  private get extras(): Extras {
    const { flags, extrasStart, extrasEnd } = this.fields
    if ((flags & HAS_EXTRAS) === 0) return NO_EXTRAS
    const header = this.header!
    header.extras ??= decodeExtras(this.memory().bytes.slice(extrasStart, extrasEnd))
    return header.extras
  }

  private read(): unknown {
    const { origin, detached } = this
    const space = this.memory()
    const { start, end } = this
    // A copy has no words, as long as nobody asks for them.
    if (!detached && end - start >= HEADER_BYTES && isPlain(space.words, start))
      return readPayload(flagsOf(space.words, start), space, start + HEADER_BYTES, end, detached, origin)
    const dataStart = dataStartOf(space.bytes, start, end)
    const flags = flagsIn(space.bytes, start)
    if ((flags & IN_BLOCK) === 0) return readPayload(flags, space, dataStart, end, detached, origin)
    const data = this.lookUp()
    return readPayload(flags, new OwnSpace(data), 0, data.length, detached, origin)
  }

  private lookUp(): Uint8Array {
    if (this.elsewhere === undefined)
      throw new DecodeError(`The data of an event of type ${this.type} are gone`)
    return this.elsewhere()
  }
}

function settled(type: string): DecodeError {
  return new DecodeError(
    `An event of type ${type} was read after its handler had settled: read it before, or keep event.copy()`,
  )
}

/** Of a copy that need not be sound. */
function typeOf(record: Uint8Array, topicId: number, topics: EventOrigins): string {
  if (topicId === 0) return readTopic(record, 0)
  try {
    return topics.nameOf(topicId)
  } catch {
    return UNREADABLE
  }
}
