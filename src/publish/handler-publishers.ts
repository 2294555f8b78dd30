import { MAX_DEPTH, publisherOf, type SharedMap, STOPPED } from '../lane/map.ts'
import type { Waits } from '../lane/waits.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import type { Requests } from './requests.ts'

/**
 * As whom the handlers of a thread publish, by the depth of the events they handle (decision 11).
 *
 * They may until the engine has stopped: what they were called for was accepted before.
 */
export function handlerPublishers(
  map: SharedMap,
  thread: number,
  topics: TopicTable,
  waits: Waits,
  requests: Requests,
  onFull: PublisherOptions['onFull'],
): Publisher[] {
  return Array.from({ length: MAX_DEPTH }, (_, depth) => {
    const number = publisherOf(map, thread, depth + 1)
    return new Publisher(map, number, topics, waits, requests, { onFull, closedFrom: STOPPED })
  })
}
