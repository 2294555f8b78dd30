import {
  EMPTY,
  LatestReader,
  LossyReader,
  Relay,
  RingReader,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import { readRef } from '../event/block-ref.ts'
import { MillraceEvent } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import { isInBlock, withData } from '../event/record-copy.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import {
  activeWord,
  laneCount,
  type SharedMap,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { attemptsOf, outcomeOf } from '../lane/mark.ts'
import { LANE_COUNTERS } from '../lane/outcome.ts'
import { relayPlace, ringPlace, spillwayPlace } from '../lane/places.ts'

/** What lies in the lanes of a stopped engine. */
export type Leftovers = {
  /** Events not dealt with, as copies: those of one publisher and key in their order. */
  left: MillraceEvent[]
  /** How many were, by outcome, and lie behind one that was not. */
  settled: Float64Array
}

/**
 * Only when nobody publishes or dispatches any more. The `attempt` of an event says how often its handling was begun.
 * `kept`: what had spilled, and is in the store.
 */
export function leftovers(
  map: SharedMap,
  origins: EventOrigins,
  kept: (publisher: number, lane: number) => readonly Uint8Array[],
  blocks: ThreadBlocks,
): Leftovers {
  const control = wordsOf(map.control)
  const left: MillraceEvent[] = []
  const settled = new Float64Array(LANE_COUNTERS)
  const add = (record: Uint8Array, attempts: number): void => {
    const data = isInBlock(record) ? blocks.find(readRef(record, record.length)) : undefined
    const whole = data === undefined ? record : withData(record, data)
    left.push(MillraceEvent.fromCopy(whole, attempts, origins))
  }
  const addRing = (reader: RingReader): void => {
    reader.prefetch()
    for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
      const mark = reader.words[(at >> 2) - 1]!
      const outcome = outcomeOf(mark)
      if (outcome === 0) add(reader.bytes.slice(at, at + reader.length), attemptsOf(mark))
      else settled[outcome]!++
    }
  }
  // Nobody writes, so each is whole. They are looked at, and not released.
  const addLossy = (reader: LossyReader): void => {
    for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
      if (reader.confirm()) add(reader.bytes.slice(at, at + reader.length), 0)
    }
  }
  const addLatest = (reader: LatestReader): void => {
    // It looks at each slot, and then at the queue's entries.
    const slots = new Set<number>()
    for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
      if (slots.has(reader.slot)) continue
      slots.add(reader.slot)
      add(reader.bytes.slice(at, at + reader.length), 0)
    }
  }
  map.publishers.forEach((slot, publisher) => {
    const used = Atomics.load(control, activeWord(slot))
    for (let lane = 0; lane < laneCount(map.shape); lane++) {
      if ((used & USES_RINGS) !== 0) addRing(new RingReader(ringPlace(map, publisher, lane), LANE_COUNTERS))
      if ((used & USES_SPILLWAYS) !== 0) {
        const { out, back } = spillwayPlace(map, publisher, lane)
        addRing(new RingReader(back, LANE_COUNTERS))
        for (const record of kept(publisher, lane)) add(record, 0)
        addRing(new RingReader(out))
      }
      if ((used & USES_RELAYS) === 0) continue
      const place = relayPlace(map, publisher, lane)
      // What was moved is said to be read.
      new Relay(place).resume(true)
      addRing(new RingReader(place.ring, LANE_COUNTERS))
      addLossy(new LossyReader(place.lossy))
      addLatest(new LatestReader(place.latest))
    }
  })
  return { left, settled }
}
