import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/** Not all alike, so that some do not fit at the end. */
const lengthOf = (number: number) => (number % 2 === 0 ? 16 : 8)

/** A writer of records that are numbers, each of so many words; and a reader that takes them in batches. */
export function ringScenario(
  { RingWriter, RingReader, RingGauge, EMPTY, FULL, allocateRing, resetRing }: RingModule,
  options: { records: number; start?: number; weak?: boolean; batch?: number; death?: 'writer' | 'reader' },
): Scenario {
  const { records, start = 0, weak = false, batch = 2, death } = options
  const place = allocateRing(64)
  resetRing(place, start)
  traceOnly(place.buffer)
  const make = () => ({ writer: new RingWriter(place), next: 0 })
  const writing = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof make>> => ({
    name,
    make,
    phases: [
      ({ writer }) => writer.resume(),
      // Goes on after the last that is in the ring.
      (self) => {
        self.next = self.writer.written
        return self.next === records ? 3 : 2
      },
      (self) => {
        const { writer } = self
        for (let i = 0; i < batch && self.next < records; i++) {
          const at = writer.claim(lengthOf(self.next + 1))
          if (at === FULL) break
          writer.words[at >> 2] = self.next + 1
          writer.words[(at + lengthOf(self.next + 1) - 4) >> 2] = -self.next - 1
          self.next++
        }
        writer.commit()
        return self.next < records ? 2 : 3
      },
    ],
    ...more,
  })
  const read = () => ({ reader: new RingReader(place), got: [] as number[] })
  const reading = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof read>> => ({
    name,
    make: read,
    phases: [
      ({ reader }) => reader.resume(),
      ({ reader, got }) => {
        reader.prefetch()
        for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
          const number = reader.words[at >> 2]!
          if (reader.length !== lengthOf(number)) throw new Error(`a record of ${reader.length} bytes`)
          if (reader.words[(at + reader.length - 4) >> 2] !== -number) throw new Error('a torn record')
          // A mark is the reader's, and 0 at first.
          if (reader.words[(at >> 2) - 1] !== 0 && death !== 'reader')
            throw new Error('a mark that is not its own')
          reader.words[(at >> 2) - 1] = 0x101
          got.push(number)
          reader.counts[0]!++
          if (reader.counts[0] !== number)
            throw new Error(`record ${number} comes as number ${reader.counts[0]}`)
        }
        reader.release(reader.position)
        return reader.counts[0] === records ? 2 : 1
      },
    ],
    ...more,
  })
  const programs = [
    writing('writer', { mortal: death === 'writer' }),
    reading('reader', { mortal: death === 'reader' }),
    ...(death === 'writer' ? [writing('heir', { after: 'writer' })] : []),
    ...(death === 'reader' ? [reading('heir', { after: 'reader' })] : []),
  ]
  return {
    name: `ring, ${records} records by ${batch} from ${start}, ${death ?? 'nobody'} dies${weak ? ', weak memory' : ''}`,
    programs,
    weak,
    check: () => {
      const gauge = new RingGauge(place)
      const [released] = gauge.released()
      if (gauge.committed() !== records || released !== records || !gauge.isEmpty || !gauge.agrees(released))
        throw new Error(`${gauge.committed()} committed, ${released} released`)
    },
  }
}
