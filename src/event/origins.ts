import { ValueDecoder } from './msgpack/value-decoder.ts'
import type { DataSource } from './payload.ts'
import type { Struct } from './struct/struct.ts'

/** What the events of one topic have in common, as one thread reads them. */
export type EventOrigin = DataSource & {
  readonly engineId: string
  /** What answers to requests are; undefined if they are no structs. */
  readonly answer: Struct | undefined
}

/** What a thread knows of the topics of its engine. */
export interface KnownTopics {
  /** @throws DecodeError (`ERR_MILLRACE_DECODE`) if no topic has this id. */
  nameOf(id: number): string
}

/** What a thread knows of the structs of its engine. */
export interface KnownStructs {
  /** What the data of this topic's events are; undefined if they are no structs. */
  dataOf(topic: string): Struct | undefined
  /** What the answers to requests of this topic are; undefined if they are no structs. */
  answerOf(topic: string): Struct | undefined
}

/** Data of so many topics are decoded by what was learned of them. */
const MAX_LEARNED = 4_096

/** Where the events of an engine come from, as one thread reads them. */
export class EventOrigins {
  readonly engineId: string
  private readonly topics: KnownTopics
  private readonly structs: KnownStructs
  private readonly learned = new Map<string, EventOrigin>()

  constructor(engineId: string, topics: KnownTopics, structs: KnownStructs) {
    this.engineId = engineId
    this.topics = topics
    this.structs = structs
  }

  /** @throws DecodeError (`ERR_MILLRACE_DECODE`) if no topic has this id. */
  nameOf(topicId: number): string {
    return this.topics.nameOf(topicId)
  }

  of(topic: string): EventOrigin {
    const known = this.learned.get(topic)
    if (known !== undefined) return known
    const { engineId } = this
    const struct = this.structs.dataOf(topic)
    const answer = this.structs.answerOf(topic)
    if (this.learned.size >= MAX_LEARNED) return { engineId, struct, answer, decoder: undefined }
    const origin = { engineId, struct, answer, decoder: new ValueDecoder() }
    this.learned.set(topic, origin)
    return origin
  }
}
