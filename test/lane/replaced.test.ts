import { expect, test } from 'vitest'
import { LatestWriter, wordsOf } from '../../native-free-ring/src/index.ts'
import { writeRef } from '../../src/event/block-ref.ts'
import { IN_BLOCK } from '../../src/event/record.ts'
import { QUEUED, ThreadBlocks } from '../../src/lane/blocks.ts'
import { activeWord, USES_RELAYS } from '../../src/lane/map.ts'
import { allocateMap, relayPlace } from '../../src/lane/places.ts'
import { freeReplacedBy } from '../../src/lane/replaced.ts'
import { TopicTable } from '../../src/topic/topic-table.ts'
import { mapShape } from '../fixtures/pool-shape.ts'

const shape = mapShape({ maxTopics: 1, blockPages: 8 })
const RECORD_BYTES = 40

test('the block of what a dead thread has replaced, and not come to freeing, is freed; that of what took its place is not', () => {
  const map = allocateMap(shape, 'engine', TopicTable.allocate(1))
  const blocks = new ThreadBlocks(map, 0)
  const publisher = map.publishers.findIndex(({ thread }) => thread === 1)
  const table = new LatestWriter(relayPlace(map, publisher, 0).latest)
  /** As a publisher does, up to the commit. */
  const coalesce = (): void => {
    const at = table.claim(7, RECORD_BYTES, () => true)
    const ref = blocks.allocate(100, 0)!
    table.words.fill(0, at >> 2, (at + RECORD_BYTES) >> 2)
    table.words[(at >> 2) + 3] = IN_BLOCK
    writeRef(table.words, at + 24, ref)
    table.commit()
    blocks.passOn(ref, QUEUED)
  }
  const used = () => blocks.usedBytes / 65_536
  coalesce()
  coalesce()
  expect(used()).toBe(2)
  // It uses no relays, as far as anybody knows.
  freeReplacedBy(map, 1, blocks)
  expect(used()).toBe(2)
  wordsOf(map.control)[activeWord(map.publishers[publisher]!)] = USES_RELAYS
  freeReplacedBy(map, 0, blocks)
  expect(used()).toBe(2)
  freeReplacedBy(map, 1, blocks)
  expect(used()).toBe(1)
  freeReplacedBy(map, 1, blocks)
  expect(used()).toBe(1)
})
