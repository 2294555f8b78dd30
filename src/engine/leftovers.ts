import { EMPTY, RingReader } from '../../native-free-ring/src/index.ts'
import { MillraceEvent } from '../event/event.ts'
import { readTopic, topicIdOf } from '../event/record.ts'
import { activeWord, laneCount, ringPlace, type SharedMap } from '../lane/map.ts'
import { attemptsOf, LANE_COUNTERS, outcomeOf } from '../lane/outcome.ts'
import type { TopicTable } from '../topic/topic-table.ts'

/** What lies in the lanes of a stopped engine. */
export type Leftovers = {
  /** Events not dealt with, as copies: those of one publisher and key in their order. */
  left: MillraceEvent[]
  /** How many were, by outcome, and lie behind one that was not. */
  settled: Float64Array
}

/** Only when nobody publishes or dispatches any more. The `attempt` of an event says how often its handling was begun. */
export function leftovers(map: SharedMap, topics: TopicTable): Leftovers {
  const control = new Int32Array(map.control)
  const left: MillraceEvent[] = []
  const settled = new Float64Array(LANE_COUNTERS)
  map.publishers.forEach((slot, publisher) => {
    if (Atomics.load(control, activeWord(slot)) === 0) return
    for (let lane = 0; lane < laneCount(map.shape); lane++) {
      const reader = new RingReader(ringPlace(map, publisher, lane), LANE_COUNTERS)
      reader.prefetch()
      for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
        const mark = reader.words[(at >> 2) - 1]!
        const outcome = outcomeOf(mark)
        if (outcome !== 0) {
          settled[outcome]!++
          continue
        }
        const topicId = topicIdOf(reader.words, at)
        const type = topicId === 0 ? readTopic(reader.bytes, at) : topics.nameOf(topicId)
        const record = reader.bytes.slice(at, at + reader.length)
        left.push(new MillraceEvent(type, attemptsOf(mark), map.engineId, record, 0, record.length, true))
      }
    }
  })
  return { left, settled }
}
