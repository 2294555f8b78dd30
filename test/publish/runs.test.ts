import { describe, expect, test, vi } from 'vitest'
import { Parking, RingReader, wordsOf } from '../../native-free-ring/src/index.ts'
import { NORMAL } from '../../src/event/priority.ts'
import {
  CLOSING,
  committingWord,
  homeWord,
  idleWord,
  laneCount,
  parkedWord,
  publisherOf,
  STATE,
} from '../../src/lane/map.ts'
import { LANE_COUNTERS } from '../../src/lane/outcome.ts'
import { allocateMap, ringPlace } from '../../src/lane/places.ts'
import { Waits } from '../../src/lane/waits.ts'
import { Publisher } from '../../src/publish/publisher.ts'
import { publisherParts } from '../../src/publish/publisher-parts.ts'
import { TopicTable } from '../../src/topic/topic-table.ts'
import { mapShape } from '../fixtures/pool-shape.ts'

const shape = mapShape({ attachable: 1 })
const ATTACHED = 2

/** A publisher of this thread, in the place of thread 0 or of an attached one, and the readers of its rings. */
function setUp(thread = 0) {
  const map = allocateMap(shape, 'engine', TopicTable.allocate(16))
  const control = wordsOf(map.control)
  const waits = new Waits(new Parking(control, parkedWord(thread)), { drive: false })
  const parts = publisherParts(map, thread, waits)
  const { runs } = parts
  const publisher = new Publisher(parts, { thread, depth: 0 }, { onFull: 'block', closedFrom: CLOSING })
  const own = publisherOf(map, thread, 0, NORMAL)
  const readers = Array.from(
    { length: laneCount(shape) },
    (_, lane) => new RingReader(ringPlace(map, own, lane), LANE_COUNTERS),
  )
  /** How many more can be read; they are released if `release`. */
  const news = (release = false): number => {
    let count = 0
    for (const reader of readers) {
      reader.prefetch()
      while (reader.next() >= 0) count++
      if (release) reader.release(reader.position)
    }
    return count
  }
  /** Whether the reader says that it has nothing to do; at first it does. */
  const idle = (isIdle: boolean): void => void control.fill(isIdle ? 1 : 0, idleWord(1), idleWord(1) + 1)
  for (let lane = 0; lane < laneCount(shape); lane++) control[homeWord(shape, lane)] = 1
  idle(true)
  return { publisher, runs, news, control, idle }
}

/** With and without a key: the long way and the short one. */
describe.each([
  ['plain', undefined],
  ['with a key', { key: 'k' }],
])('%s', (_name, options) => {
  test('the first is visible at once, as its reader is idle; those after it with the 64th', () => {
    const { publisher, news, idle } = setUp()
    const publish = () => publisher.publish('a', 1, options)
    publish()
    expect(news()).toBe(1)
    idle(false)
    for (let n = 0; n < 63; n++) publish()
    expect(news()).toBe(0)
    publish()
    expect(news()).toBe(64)
  })

  test('an idle reader gets each at once', () => {
    const { publisher, news } = setUp()
    for (let n = 0; n < 10; n++) {
      publisher.publish('a', n, options)
      expect(news(true)).toBe(1)
    }
  })

  test('what is left when the synchronous run ends is visible then, or with flush', async () => {
    const { publisher, runs, news, idle } = setUp()
    publisher.publish('a', 0, options)
    expect(news()).toBe(1)
    idle(false)
    for (let n = 1; n < 4; n++) publisher.publish('a', n, options)
    expect(news()).toBe(0)
    await null
    await null
    expect(news()).toBe(3)
    expect(runs.isOpen).toBe(false)
    publisher.publish('a', 4, options)
    expect(news()).toBe(0)
    runs.flush()
    expect(news()).toBe(1)
  })
})

test('a full ring is made visible, and a batch at its end', () => {
  const { publisher, news } = setUp()
  const big = new Uint8Array(900)
  while (publisher.publish('a', big, { key: 'k' }));
  expect(news()).toBe(4)
  const batch = setUp()
  expect(batch.publisher.publishBatch([{ type: 'a' }, { type: 'b' }, { type: 'c' }])).toBe(3)
  expect(batch.news()).toBe(3)
})

test('a batch that fails takes nothing back but itself; and nothing can be published in the middle of it', () => {
  const { publisher, news, idle } = setUp()
  publisher.publish('a', 0, { key: 'k' })
  expect(news()).toBe(1)
  idle(false)
  for (let n = 1; n < 3; n++) publisher.publish('a', n, { key: 'k' })
  expect(news()).toBe(0)
  const bad = {
    get type(): string {
      publisher.publish('b', 1)
      return 'c'
    },
  }
  expect(() => publisher.publishBatch([{ type: 'a' }, bad])).toThrow(/getter in a batch/)
  expect(news()).toBe(2)
})

describe('an attached thread', () => {
  test('makes each event visible at once, and says so as long as it does', () => {
    const { publisher, control, news } = setUp(ATTACHED)
    const { store } = Atomics
    const said: number[] = []
    vi.spyOn(Atomics, 'store').mockImplementation(((words: Int32Array, word: number, value: number) => {
      if (words.buffer === control.buffer && word === committingWord(ATTACHED)) said.push(value)
      return store(words, word, value)
    }) as typeof Atomics.store)
    try {
      for (let n = 0; n < 3; n++) publisher.publish('a', n)
    } finally {
      vi.restoreAllMocks()
    }
    expect(news()).toBe(3)
    expect(said).toEqual([1, 0, 1, 0, 1, 0])
  })

  test('is refused when the engine began to close before it could say so, and writes nothing', () => {
    const { publisher, runs, control, news } = setUp(ATTACHED)
    publisher.publish('a', 1)
    expect(news(true)).toBe(1)
    // Between the look at the state when it is called, and the store.
    const { store } = Atomics
    vi.spyOn(Atomics, 'store').mockImplementation(((words: Int32Array, word: number, value: number) => {
      if (word === committingWord(ATTACHED)) store(control, STATE, CLOSING)
      return store(words, word, value)
    }) as typeof Atomics.store)
    try {
      expect(() => publisher.publish('a', 2)).toThrow(
        expect.objectContaining({ code: 'ERR_MILLRACE_CLOSED' }),
      )
    } finally {
      vi.restoreAllMocks()
    }
    runs.flush()
    expect(news()).toBe(0)
    expect(Atomics.load(control, committingWord(ATTACHED))).toBe(0)
  })
})
