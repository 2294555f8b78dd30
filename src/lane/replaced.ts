import { LatestWriter, wordsOf } from '../../native-free-ring/src/index.ts'
import { readRef } from '../event/block-ref.ts'
import { flagsOf, IN_BLOCK } from '../event/record.ts'
import { QUEUED, type ThreadBlocks } from './blocks.ts'
import { activeWord, laneCount, type SharedMap, USES_RELAYS } from './map.ts'
import { relayPlace } from './places.ts'

/** Frees the block of what a table's writer had replaced when it died, and not come to freeing: nothing refers to it any more. In that writer's place. */
export function freeReplaced(writer: LatestWriter, blocks: ThreadBlocks): void {
  if (!writer.hasReplaced()) return
  const { words, bytes, lostAt, lostEnd } = writer
  if ((flagsOf(words, lostAt) & IN_BLOCK) !== 0) blocks.free(readRef(bytes, lostEnd), QUEUED)
  writer.forget()
}

/** The same in all relays of a thread that has died, before another one has its place. */
export function freeReplacedBy(map: SharedMap, thread: number, blocks: ThreadBlocks): void {
  const control = wordsOf(map.control)
  map.publishers.forEach((slot, publisher) => {
    if (slot.thread !== thread || (Atomics.load(control, activeWord(slot)) & USES_RELAYS) === 0) return
    for (let lane = 0; lane < laneCount(map.shape); lane++)
      freeReplaced(new LatestWriter(relayPlace(map, publisher, lane).latest), blocks)
  })
}
