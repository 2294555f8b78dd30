import { expect, test } from 'vitest'
import { Parking, RelayGauge, wordsOf } from '../../native-free-ring/src/index.ts'
import type { Executor } from '../../src/dispatch/executor.ts'
import { type LaneHost, LaneReader } from '../../src/dispatch/lane-reader.ts'
import { NORMAL } from '../../src/event/priority.ts'
import { CLOSING, parkedWord, publisherOf } from '../../src/lane/map.ts'
import { COMPLETED, LANE_COUNTERS, RELEASED } from '../../src/lane/outcome.ts'
import { allocateMap, relayPlace } from '../../src/lane/places.ts'
import { Waits } from '../../src/lane/waits.ts'
import { Publisher } from '../../src/publish/publisher.ts'
import { publisherParts } from '../../src/publish/publisher-parts.ts'
import { TopicTable } from '../../src/topic/topic-table.ts'
import { mapShape } from '../fixtures/pool-shape.ts'

const shape = mapShape({ ringBytes: 16_384, maxTopics: 4 })

test('a lane that is let go of in the middle of a drain is kept until what was dispatched is released', () => {
  const map = allocateMap(shape, 'engine', TopicTable.allocate(4))
  const control = wordsOf(map.control)
  const waits = new Waits(new Parking(control, parkedWord(0)), { drive: false })
  const parts = publisherParts(map, 0, waits)
  const publisher = new Publisher(
    parts,
    { thread: 0, depth: 0 },
    { onFull: 'drop-oldest', closedFrom: CLOSING },
  )
  for (let n = 0; n < 50; n++) publisher.publish('work', n, { key: 'k' })
  const own = publisherOf(map, 0, 0, NORMAL)
  const gauge = new RelayGauge(relayPlace(map, own, 0), LANE_COUNTERS)
  expect(gauge.counts()).toMatchObject({ pending: 50 })

  let dispatched = 0
  const looks: boolean[] = []
  const host = {
    thread: 1,
    publisherAfter: () => publisher,
    limit: undefined,
    mayStart: () => true,
    mayStartSuspect: () => true,
    isUrgent: () => false,
    flight: { began: () => 0, ended() {}, leave() {} },
    tenants: { isAsked: false },
    // What a look at the registry may find, after some have been dispatched.
    synchronise() {
      if (dispatched === 0) return
      lane.letGo()
      looks.push(lane.isHeld)
    },
  } as unknown as LaneHost
  const executor = {
    directOf: () => undefined,
    hold: () => undefined,
    run: () => {
      dispatched++
      return COMPLETED
    },
  } as unknown as Executor
  const lane = new LaneReader(map, 0, 8, host, executor, 64, true)
  lane.openRelay(own)
  expect(lane.hasNews(NORMAL) && lane.take()).toBe(true)
  lane.drain(NORMAL, 100)
  expect(looks).toEqual([true])
  expect(gauge.counts().released[RELEASED]).toBe(dispatched)
  expect(dispatched).toBeLessThan(50)
  lane.giveBack()
  expect([lane.isHeld, lane.hasNews(NORMAL)]).toEqual([false, false])
  lane.keep()
  expect(lane.hasNews(NORMAL)).toBe(true)
})
