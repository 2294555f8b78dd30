import { ValueDecoder } from './msgpack/value-decoder.ts'

/** What the events of one topic have in common, as one thread reads them. */
export type EventOrigin = {
  readonly engineId: string
  /** Knows what their data look like; undefined if nobody has learned it. */
  readonly decoder: ValueDecoder | undefined
}

/** Data of so many topics are decoded by what was learned of them. */
const MAX_LEARNED = 4_096

/** Where the events of an engine come from, as one thread reads them. */
export class EventOrigins {
  readonly engineId: string
  private readonly topics: { nameOf(id: number): string }
  private readonly learned = new Map<string, EventOrigin>()
  private readonly unknown: EventOrigin

  constructor(engineId: string, topics: { nameOf(id: number): string }) {
    this.engineId = engineId
    this.topics = topics
    this.unknown = { engineId, decoder: undefined }
  }

  /** @throws DecodeError (`ERR_MILLRACE_DECODE`) if no topic has this id. */
  nameOf(topicId: number): string {
    return this.topics.nameOf(topicId)
  }

  of(topic: string): EventOrigin {
    const known = this.learned.get(topic)
    if (known !== undefined) return known
    if (this.learned.size >= MAX_LEARNED) return this.unknown
    const origin = { engineId: this.engineId, decoder: new ValueDecoder() }
    this.learned.set(topic, origin)
    return origin
  }
}
