import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/** A publisher that overwrites in both ways, and a lane's reader that moves its records into a ring, and may die. */
export function relayScenario(
  {
    LossyWriter,
    LatestWriter,
    Relay,
    RelayGauge,
    RingReader,
    EMPTY,
    allocateLossy,
    allocateLatest,
    allocateRing,
  }: RingModule,
  options: {
    lossy: number
    latest: number
    /** So many of the lossy ring's records are there already. */
    before?: number
    death?: boolean
  },
): Scenario {
  const { lossy, latest, before = 0, death = false } = options
  const publish = (writer: InstanceType<typeof LossyWriter>, number: number): void => {
    const at = writer.claim(24)
    writer.words[at >> 2] = number
    writer.words[(at >> 2) + 1] = -number
    writer.commit()
  }
  // Two records of the lossy ring fill it, and the third overwrites the first.
  const place = { lossy: allocateLossy(64, 4), latest: allocateLatest(1, 8), ring: allocateRing(64) }
  const words = new SharedArrayBuffer(8)
  traceOnly(place.lossy.buffer, place.latest.buffer, place.ring.buffer, words)
  const move = () => ({
    relay: new Relay(place),
    reader: new RingReader(place.ring),
    control: new Int32Array(words, 0, 2),
    isLast: false,
    lastLossy: 0,
    lastLatest: 0,
    pair: [0, 0],
  })
  const moving = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof move>> => ({
    name,
    make: move,
    phases: [
      ({ relay, reader }) => {
        relay.resume(true)
        reader.resume()
      },
      (self) => {
        self.isLast = Atomics.load(self.control, 0) === 1
        self.relay.move(1)
      },
      (self) => {
        const { reader, pair } = self
        reader.prefetch()
        for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
          pair[0] = reader.words[at >> 2]!
          pair[1] = reader.words[(at >> 2) + 1]!
          if (pair[0] !== -pair[1]!) throw new Error(`a torn record: ${pair}`)
          const isLatest = pair[0] > 100
          const last = isLatest ? self.lastLatest : self.lastLossy
          if (pair[0] <= last) throw new Error(`record ${pair[0]} after ${last}`)
          if (isLatest) {
            self.lastLatest = pair[0]
            Atomics.store(self.control, 1, pair[0])
          }
          if (!isLatest) self.lastLossy = pair[0]
          reader.counts[0]!++
        }
        pair.fill(0)
        reader.release(reader.position)
        return self.isLast && !self.relay.hasRecords ? 3 : 1
      },
    ],
    ...more,
  })
  return {
    name: `relay: ${lossy} records and ${latest} values${death ? ', its holder dies' : ''}`,
    prepare: () => {
      const writer = new LossyWriter(place.lossy)
      for (let number = 1; number <= before; number++) publish(writer, number)
    },
    programs: [
      {
        name: 'publisher',
        make: () => ({
          lossy: new LossyWriter(place.lossy),
          latest: new LatestWriter(place.latest),
          control: new Int32Array(words, 0, 2),
          next: 0,
        }),
        phases: [
          (self) => {
            self.lossy.resume()
            self.latest.resume()
            self.next = before
          },
          (self) => {
            if (self.next === lossy) {
              self.next = 0
              return 2
            }
            publish(self.lossy, ++self.next)
            return 1
          },
          (self) => {
            if (self.next === latest) {
              Atomics.store(self.control, 0, 1)
              return 3
            }
            const writer = self.latest
            const at = writer.claim(1, 8, () => true)
            writer.words[at >> 2] = 100 + ++self.next
            writer.words[(at >> 2) + 1] = -100 - self.next
            writer.commit()
            return 2
          },
        ],
      },
      moving('mover', { mortal: death }),
      ...(death ? [moving('heir', { after: 'mover' })] : []),
    ],
    check: () => {
      const counts = new RelayGauge(place, 1).counts()
      const { accepted, overwritten, replaced, pending, released, agree } = counts
      if (
        accepted !== lossy + latest ||
        pending !== 0 ||
        !agree ||
        accepted !== overwritten + replaced + released[0]!
      )
        throw new Error(JSON.stringify(counts))
      const last = Atomics.load(new Int32Array(words, 0, 2), 1)
      if (latest > 0 && last !== 100 + latest) throw new Error(`the last value that came was ${last}`)
    },
  }
}
