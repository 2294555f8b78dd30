import { ValueEncoder } from '../event/msgpack/value-encoder.ts'
import type { DataFormat } from '../event/payload.ts'
import type { TopicStructs } from '../lane/topic-structs.ts'
import { TopicMap } from '../topic/topic-map.ts'

/** How one thread writes the data that it publishes, by topic. */
export class TopicFormats {
  private readonly structs: TopicStructs
  private readonly byId = new TopicMap<DataFormat>()

  constructor(structs: TopicStructs) {
    this.structs = structs
  }

  /** Of a topic and its id, or 0: there may be any number of those, of which nothing is learned. */
  of(topic: string, topicId: number): DataFormat {
    return this.byId.get(topicId) ?? this.add(topic, topicId)
  }

  private add(topic: string, topicId: number): DataFormat {
    const write = this.structs.dataOf(topic)?.write
    if (topicId === 0) return { write, encoder: undefined }
    const format = { write, encoder: new ValueEncoder() }
    this.byId.set(topicId, format)
    return format
  }
}
