import { expect, test } from 'vitest'
import { EMPTY, Parking, RingReader } from '../../native-free-ring/src/index.ts'
import { parkedWord } from '../../src/lane/map.ts'
import { LANE_COUNTERS, RELEASED } from '../../src/lane/outcome.ts'
import { allocateMap, ringPlace, spillwayPlace } from '../../src/lane/places.ts'
import { Waits } from '../../src/lane/waits.ts'
import { Publisher } from '../../src/publish/publisher.ts'
import { publisherParts } from '../../src/publish/publisher-parts.ts'
import { memoryStore } from '../../src/store/index.ts'
import { Spillway } from '../../src/store/spillway.ts'
import { TopicTable } from '../../src/topic/topic-table.ts'
import { mapShape } from '../fixtures/pool-shape.ts'

const shape = mapShape({ ringBytes: 1_024, spills: true })

/** A publisher, the engine's end of its spillway, and the lane's readers, all in this thread. */
function setUp() {
  const map = allocateMap(shape, 'engine', TopicTable.allocate(16))
  const control = new Int32Array(map.control, 0, 64)
  const publish = () => {
    const waits = new Waits(new Parking(control, parkedWord(0)), { drive: false })
    const parts = publisherParts(map, 0, waits)
    return new Publisher(
      parts,
      { thread: 0, depth: 0 },
      {
        onFull: 'spill',
        closedFrom: 1,
      },
    )
  }
  const told = { room: 0, news: 0 }
  const spillway = new Spillway(map, 0, 0, true, memoryStore().overflow, {
    onRoom: () => told.room++,
    onNews: () => told.news++,
  })
  const ring = new RingReader(ringPlace(map, 0, 0), LANE_COUNTERS)
  const back = new RingReader(spillwayPlace(map, 0, 0).back, LANE_COUNTERS)
  return { map, publish, spillway, ring, back, told }
}

/** Reads and releases up to `limit` records: how many there were, and whether the writer is to be woken. */
function read(reader: RingReader, limit = Number.POSITIVE_INFINITY): { count: number; wake: boolean } {
  let count = 0
  reader.prefetch()
  while (count < limit && reader.next() !== EMPTY) count++
  reader.counts[RELEASED]! += count
  return { count, wake: reader.release(reader.position) }
}

/** Publishes until even the way out is full; answers how many had room. */
function fill(publisher: Publisher): number {
  let count = 0
  while (publisher.publish('t', undefined, { key: 'k' })) count++
  return count
}

test('readers of the ring wake the engine, which then gives back; the way out is free again', async () => {
  const { publish, spillway, ring, back, told } = setUp()
  const publisher = publish()
  const written = fill(publisher)
  // It is not the turn of what has gone out, before the ring is empty.
  await spillway.step()
  expect(read(back).count).toBe(0)
  const some = read(ring, 2)
  await spillway.step()
  expect(read(back).count).toBe(0)
  const rest = read(ring)
  expect(rest.wake).toBe(true)
  expect(told.news).toBe(0)
  let given = 0
  while (spillway.isReady) {
    await spillway.step()
    given += read(back).count
  }
  expect(some.count + rest.count + given).toBe(written)
  expect(told.news).toBeGreaterThan(0)
  // All of it was dealt with: the ring is used again, and nobody waits for it to be empty.
  expect(publisher.publish('t', undefined, { key: 'k' })).toBe(true)
  // The synchronous run ends: it is visible.
  await null
  await null
  const last = read(ring)
  expect(last).toEqual({ count: 1, wake: false })
})

test('who takes a publisher over goes on behind what that one has spilled, with its count', async () => {
  const { publish, spillway, ring, back } = setUp()
  const written = fill(publish())
  await spillway.step()
  const successor = publish()
  read(ring)
  expect(successor.publish('t', undefined, { key: 'k' })).toBe(true)
  expect(read(ring).count).toBe(0)
  let last = -1
  while (spillway.isReady) {
    await spillway.step()
    back.prefetch()
    for (let at = back.next(); at !== EMPTY; at = back.next()) {
      expect(back.words[(at >> 2) + 2]).toBeGreaterThan(last)
      last = back.words[(at >> 2) + 2]!
      back.counts[RELEASED]!++
    }
    back.release(back.position)
  }
  expect(last).toBe(written)
})

test('when the way back has no room, its reader says when it has', async () => {
  const { publish, spillway, ring, back } = setUp()
  const publisher = publish()
  const half = fill(publisher) / 2
  read(ring)
  // What has gone out fills the way back to its last byte.
  while (spillway.isReady) await spillway.step()
  fill(publisher)
  while (spillway.isReady) await spillway.step()
  const given = read(back)
  expect(given).toEqual({ count: half, wake: true })
  while (spillway.isReady) await spillway.step()
  expect(read(back)).toEqual({ count: half, wake: false })
})
