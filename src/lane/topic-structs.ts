import type { KnownStructs } from '../event/origins.ts'
import { type Struct, structOf } from '../event/struct/struct.ts'
import { PatternIndex } from '../topic/matcher.ts'
import { isNotice } from './notices.ts'

/** What the data, and the answers, of the topics that match a pattern are, as descriptions of structs. */
export type StructEntry = {
  readonly pattern: string
  readonly data: string | undefined
  readonly answer: string | undefined
}

const NONE: TopicStruct = { data: undefined, answer: undefined }

type TopicStruct = { readonly data: Struct | undefined; readonly answer: Struct | undefined }

/** What is known of so many topics is remembered, the oldest forgotten first. */
const MAX_TOPICS = 4_096

/** From topics to the structs of their events, as the engine was told of them. */
export class TopicStructs implements KnownStructs {
  private readonly patterns = new PatternIndex<StructEntry>()
  private readonly isEmpty: boolean
  private readonly known = new Map<string, TopicStruct>()

  constructor(entries: readonly StructEntry[]) {
    this.isEmpty = entries.length === 0
    for (const entry of entries) this.patterns.add(entry.pattern, entry)
  }

  dataOf(topic: string): Struct | undefined {
    return this.isEmpty ? undefined : this.of(topic).data
  }

  answerOf(topic: string): Struct | undefined {
    return this.isEmpty ? undefined : this.of(topic).answer
  }

  private of(topic: string): TopicStruct {
    // What the engine says itself is as it says it, whatever the pattern.
    if (isNotice(topic)) return NONE
    const known = this.known.get(topic)
    if (known !== undefined) return known
    if (this.known.size >= MAX_TOPICS) this.known.delete(this.known.keys().next().value!)
    // Of several patterns, the first that says something.
    const entries = this.patterns.match(topic)
    const [data] = entries.flatMap(({ data }) => data ?? [])
    const [answer] = entries.flatMap(({ answer }) => answer ?? [])
    const found = { data: data && structOf(data), answer: answer && structOf(answer) } as TopicStruct
    this.known.set(topic, found)
    return found
  }
}
