import { ValueEncoder } from '../event/msgpack/value-encoder.ts'
import { TopicMap } from '../topic/topic-map.ts'

/** What one thread has learned of the data that it publishes, by topic. */
export class TopicEncoders {
  private readonly byId = new TopicMap<ValueEncoder>()

  /** Undefined for a topic without an id: there may be any number of those. */
  of(topicId: number): ValueEncoder | undefined {
    return this.byId.get(topicId) ?? this.add(topicId)
  }

  private add(topicId: number): ValueEncoder | undefined {
    if (topicId === 0) return undefined
    const encoder = new ValueEncoder()
    this.byId.set(topicId, encoder)
    return encoder
  }
}
