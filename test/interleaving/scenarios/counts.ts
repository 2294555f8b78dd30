import type { RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/** A counter that passes a border of its words, and somebody who reads it all the while: it never goes back. */
export function counterScenario(
  { Counters, readCounter }: RingModule,
  { from, adds }: { from: number; adds: readonly number[] },
): Scenario {
  const words = new SharedArrayBuffer(16)
  traceOnly(words)
  return {
    name: `counter from ${from}`,
    prepare: () => new Counters(new Int32Array(words, 0, 4), 0, 1).add(0, from),
    programs: [
      {
        name: 'writer',
        make: () => ({ adding: adds.length, view: new Int32Array(words, 0, 4) }),
        phases: adds.map(
          (amount) =>
            ({ view }: { view: Int32Array }) =>
              new Counters(view, 0, 1).add(0, amount),
        ),
        mortal: true,
      },
      {
        name: 'reader',
        make: () => ({ view: new Int32Array(words, 0, 4), last: from, looks: 0 }),
        phases: [
          (self) => {
            const count = readCounter(self.view, 0, 0)
            const possible = adds.map((_, i) => adds.slice(0, i + 1).reduce((sum, add) => sum + add, from))
            if (![from, ...possible].includes(count)) throw new Error(`${count} was never the count`)
            if (count < self.last) throw new Error(`${count} after ${self.last}`)
            self.last = count
            return ++self.looks === 3 ? 1 : 0
          },
        ],
      },
    ],
  }
}

/** A ring whose two ends count, and somebody who looks at both all the while. */
export function gaugeScenario({
  RingWriter,
  RingReader,
  RingGauge,
  EMPTY,
  allocateRing,
}: RingModule): Scenario {
  const place = allocateRing(64)
  traceOnly(place.buffer)
  return {
    name: 'gauge of a ring',
    programs: [
      {
        name: 'writer',
        make: () => ({ writer: new RingWriter(place) }),
        phases: [
          ({ writer }) => writer.resume(),
          ({ writer }) => {
            writer.claim(8)
            writer.commit()
          },
          ({ writer }) => {
            writer.claim(8)
            writer.claim(8)
            writer.commit()
          },
        ],
      },
      {
        name: 'reader',
        make: () => ({ reader: new RingReader(place, 2) }),
        phases: [
          ({ reader }) => reader.resume(),
          ({ reader }) => {
            reader.prefetch()
            for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
              reader.counts[0]! += 1
              reader.counts[1]! += 10
            }
            reader.release(reader.position)
            return reader.counts[0] === 3 ? 2 : 1
          },
        ],
      },
      {
        name: 'observer',
        make: () => ({ gauge: new RingGauge(place, 2) }),
        phases: [
          ({ gauge }) => {
            const [released, tenfold] = gauge.released()
            const committed = gauge.committed()
            if (tenfold !== 10 * released!)
              throw new Error(`${released} and ${tenfold} belong to different moments`)
            if (committed < released! || committed > 3)
              throw new Error(`${released} of ${committed} released`)
            if (!gauge.agrees(released!)) throw new Error('counts and cursors disagree')
          },
        ],
      },
    ],
  }
}
