import { expect, test } from 'vitest'
import { EMPTY, RingReader } from '../../native-free-ring/src/index.ts'
import { createEngine, type HandlerError } from '../../src/index.ts'
import { laneCount, type SharedMap } from '../../src/lane/map.ts'
import { ringPlace } from '../../src/lane/places.ts'
import { Gate } from '../fixtures/gate.ts'
import { Random } from '../kills/random.ts'

const gates = new URL('../fixtures/gate.ts', import.meta.url)
const readers = new URL('../fixtures/reader.ts', import.meta.url)

/** Spoils some bytes of each record of the main thread's that `spoils` says, by its place in its ring. */
function spoil(map: SharedMap, random: Random, lane: number, spoils: (index: number) => boolean): number {
  const reader = new RingReader(ringPlace(map, 0, lane))
  let spoilt = 0
  reader.prefetch()
  for (let at = reader.next(), index = 0; at !== EMPTY; at = reader.next(), index++) {
    if (!spoils(index)) continue
    spoilt++
    for (let i = 0; i < 3; i++)
      reader.bytes[at + random.integer(0, reader.length - 1)] = random.integer(0, 255)
  }
  return spoilt
}

test.each([
  [0, 200],
  [2, 15],
])(
  'records that are spoilt in their ring: typed errors, and the others go on (workers: %d)',
  async (workers, rounds) => {
    for (let seed = 0; seed < rounds; seed++) {
      const random = new Random(seed)
      const errors: HandlerError[] = []
      await using engine = await createEngine({
        workers,
        handlers: [gates, readers],
        lanes: 2,
        onError: (error) => errors.push(error as HandlerError),
      })
      using gate = new Gate(engine)
      await gate.hold('k')
      const options = { metadata: { a: 1 }, ttlMs: 1e6 }
      for (let i = 0; i < 12; i++) {
        engine.publish('read.all', { i, text: 'some text' }, { ...options, id: `id-${i}`, key: 'k' })
      }
      engine.flush()
      // The gate comes first.
      const { map } = engine as unknown as { map: SharedMap }
      let spoilt = 0
      for (let lane = 0; lane < laneCount(map.shape); lane++)
        spoilt += spoil(map, random, lane, (index) => index % 2 === 1)
      expect(spoilt).toBeGreaterThan(5)
      for (let i = 0; i < 20; i++) engine.publish('read.all', i, { key: `other-${i}` })
      gate.open()
      await engine.drain({ timeoutMs: 10_000 })
      const stats = engine.stats()
      expect(stats).toMatchObject({ pending: 0, balanced: true })
      // Those that were not touched: the gate and its notice, every other one, the twenty.
      expect(stats.completed + stats.unmatched).toBeGreaterThanOrEqual(1 + (12 - spoilt) + 20)
      expect(errors.length).toBe(stats.deadLettered)
      for (const { code, cause } of errors) {
        expect(code).toBe('ERR_MILLRACE_HANDLER')
        expect(cause).toMatchObject({ code: 'ERR_MILLRACE_DECODE' })
      }
      expect(engine.deadLetters.size).toBe(stats.deadLettered)
    }
  },
)
