import { MAX_DEPTH, STOPPED } from '../lane/map.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import type { PublisherParts } from './publisher-parts.ts'

/**
 * As whom the handlers of a thread publish, by the depth of the events they handle (decision 11).
 *
 * They may until the engine has stopped: what they were called for was accepted before.
 */
export function handlerPublishers(
  parts: PublisherParts,
  thread: number,
  onFull: PublisherOptions['onFull'],
): Publisher[] {
  return Array.from(
    { length: MAX_DEPTH },
    (_, index) => new Publisher(parts, { thread, depth: index + 1 }, { onFull, closedFrom: STOPPED }),
  )
}
