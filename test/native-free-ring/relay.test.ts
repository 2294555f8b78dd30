import { expect, test } from 'vitest'
import {
  allocateLatest,
  allocateLossy,
  allocateRing,
  EMPTY,
  LatestWriter,
  LossyWriter,
  Relay,
  RelayGauge,
  type RelayPlace,
  RingReader,
  resetLossy,
  resetRing,
} from '../../native-free-ring/src/index.ts'
import { beforeStep, dyingAt } from './steps.ts'

/** Records of the lossy ring are a number; values of the table a key and a number from 100 on. */
class Rig {
  readonly place: RelayPlace
  readonly gauge: RelayGauge
  readonly lossy: LossyWriter
  latest: LatestWriter
  relay: Relay
  reader: RingReader
  readonly got: number[] = []

  constructor(start = 0, ringBytes = 256) {
    this.place = {
      // Four records of 16 bytes.
      lossy: allocateLossy(64, 8),
      latest: allocateLatest(4, 16),
      ring: allocateRing(ringBytes),
    }
    resetLossy(this.place.lossy, start)
    resetRing(this.place.ring, start)
    const control = new Int32Array(this.place.ring.buffer)
    // The count that says how far the lossy ring was read, in both blocks of the tally.
    for (const block of [3, 3 + 13]) control[block + 1 + 2] = start
    this.gauge = new RelayGauge(this.place, 1)
    this.lossy = new LossyWriter(this.place.lossy)
    this.latest = new LatestWriter(this.place.latest)
    this.relay = new Relay(this.place)
    this.relay.resume(true)
    this.reader = new RingReader(this.place.ring)
  }

  publish(number: number): void {
    const at = this.lossy.claim(8)
    this.lossy.bytes[at] = number
    this.lossy.commit()
  }

  put(key: number, number: number): void {
    const at = this.latest.claim(key % 2, 8, (other) => this.latest.bytes[other] === key)
    this.latest.bytes[at] = key
    this.latest.bytes[at + 1] = 100 + number
    this.latest.commit()
  }

  /** Releases all that lies in the ring. */
  read(): void {
    this.reader.prefetch()
    for (let at = this.reader.next(); at !== EMPTY; at = this.reader.next()) {
      const { bytes } = this.reader
      this.got.push(bytes[at + 1]! || bytes[at]!)
      this.reader.counts[0]!++
    }
    this.reader.release(this.reader.position)
  }

  moveAll(): void {
    while (this.relay.hasRecords) {
      this.relay.move(16)
      this.read()
    }
  }

  /** The next holder of the lease. */
  succeed(): void {
    this.relay = new Relay(this.place)
    this.relay.resume(true)
    this.reader = new RingReader(this.place.ring)
  }

  counts() {
    const { accepted, overwritten, replaced, pending, released, agree } = this.gauge.counts()
    expect(agree).toBe(true)
    expect(accepted).toBe(overwritten + replaced + pending + released[0]!)
    return { accepted, overwritten, replaced, pending, released: released[0]! }
  }
}

test('records are moved in their order, those that were overwritten are counted', () => {
  const rig = new Rig()
  for (const number of [1, 2, 3, 4, 5, 6]) rig.publish(number)
  for (const number of [7, 8, 9]) rig.put(number % 2, number)
  expect(rig.counts()).toEqual({ accepted: 9, overwritten: 2, replaced: 1, pending: 6, released: 0 })
  expect(rig.relay.move(2)).toBe(4)
  expect(rig.counts()).toMatchObject({ pending: 6, released: 0 })
  expect(rig.gauge.isEmpty).toBe(false)
  rig.read()
  expect(rig.got).toEqual([3, 4, 109, 108])
  rig.moveAll()
  expect(rig.got.slice(4)).toEqual([5, 6])
  expect(rig.counts()).toEqual({ accepted: 9, overwritten: 2, replaced: 1, pending: 0, released: 6 })
  expect(rig.gauge.isEmpty).toBe(true)
})

test('a full ring holds the rest back, and loses none', () => {
  const rig = new Rig(0, 64)
  for (const number of [1, 2, 3, 4]) rig.publish(number)
  rig.put(1, 1)
  expect(rig.relay.move(16)).toBe(4)
  expect(rig.relay.move(16)).toBe(0)
  rig.moveAll()
  rig.read()
  rig.moveAll()
  expect(rig.got).toEqual([1, 2, 3, 4, 101])
})

test.each([
  [0, 3],
  [0, 8],
  [-16, 3],
  [2 ** 31 - 16, 8],
])(
  'a holder that dies at any step of a move, or of a resume, from position %d, before %d more: each arrives once, in order',
  (start, more) => {
    let steps = 0
    for (let step = 0; steps === step; step++) {
      const rig = new Rig(start | 0)
      for (const number of [1, 2, 3, 4, 5]) rig.publish(number)
      for (const number of [6, 7, 8]) rig.put(number % 2, number)
      steps += dyingAt(step, () => {
        rig.relay.move(3)
        rig.relay.move(3)
        rig.succeed()
        rig.relay.move(3)
      })
      const before = rig.counts()
      expect(before.pending).toBe(6)
      // Its lossy ring's writer, and the table's, go on without knowing.
      for (let number = 11; number < 11 + more; number++) rig.publish(number)
      rig.put(3, 10)
      rig.succeed()
      rig.read()
      rig.moveAll()
      const lossy = rig.got.filter((number) => number < 100)
      expect(lossy.slice(-3)).toEqual([8 + more, 9 + more, 10 + more])
      expect(lossy).toEqual([...new Set(lossy)].sort((a, b) => a - b))
      expect(rig.got.filter((number) => number >= 100).sort()).toEqual([107, 108, 110])
      const after = rig.counts()
      expect(after).toEqual({
        accepted: 9 + more,
        overwritten: 5 + more - lossy.length,
        replaced: 1,
        pending: 0,
        released: lossy.length + 3,
      })
    }
    expect(steps).toBeGreaterThan(40)
  },
)

test('a writer that overwrites at any step of a move: nothing torn arrives, nothing twice, and the count holds', () => {
  let steps = 0
  for (let step = 0; steps === step; step++) {
    const rig = new Rig()
    for (const number of [1, 2, 3, 4]) rig.publish(number)
    for (const number of [5, 6]) rig.put(number % 2, number)
    steps += beforeStep(
      step,
      () => rig.relay.move(4),
      () => {
        for (const number of [7, 8, 9, 10, 11, 12]) rig.publish(number)
        for (const number of [13, 14, 15, 16]) rig.put(number % 2, number)
        rig.counts()
      },
    )
    rig.read()
    rig.moveAll()
    const lossy = rig.got.filter((number) => number < 100)
    expect(lossy).toEqual([...new Set(lossy)].sort((a, b) => a - b))
    const latest = rig.got.filter((number) => number >= 100)
    for (const parity of [0, 1]) {
      const ofKey = latest.filter((number) => number % 2 === parity)
      expect(ofKey).toEqual([...new Set(ofKey)].sort((a, b) => a - b))
      if (step < steps) expect(ofKey.at(-1)).toBe(115 + ((parity + 1) % 2))
    }
    if (step < steps) expect(lossy.slice(-4)).toEqual([9, 10, 11, 12])
    const { overwritten, replaced } = rig.counts()
    expect(overwritten + replaced).toBe((step < steps ? 16 : 6) - rig.got.length)
  }
  expect(steps).toBeGreaterThan(30)
})

test('a writer of the table that dies at any step of a commit: its value arrives once, or never was', () => {
  let steps = 0
  for (let step = 0; steps === step; step++) {
    const rig = new Rig()
    rig.put(1, 1)
    steps += dyingAt(step, () => rig.put(2, 2))
    const { accepted } = rig.counts()
    rig.relay.resume(true)
    rig.moveAll()
    expect(rig.got).toEqual(accepted === 2 ? [101, 102] : [101])
    expect(rig.counts()).toMatchObject({ accepted, pending: 0, replaced: 0 })
    rig.latest = new LatestWriter(rig.place.latest)
    rig.latest.repair()
    rig.put(2, 3)
    rig.moveAll()
    expect(rig.got.at(-1)).toBe(103)
    expect(rig.counts()).toMatchObject({ accepted: accepted + 1, pending: 0, replaced: 0 })
  }
  expect(steps).toBeGreaterThan(5)
})
