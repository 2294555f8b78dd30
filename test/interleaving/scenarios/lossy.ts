import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/** A writer that never waits, and a reader that copies records of two words out before they are overwritten, or counts them. */
export function lossyScenario(
  { LossyWriter, LossyReader, LossyGauge, EMPTY, allocateLossy, resetLossy }: RingModule,
  options: {
    records: number
    capacity?: number
    start?: number
    /** So many are there already. */
    before?: number
    /** Bytes of each record; if not given, 8 and 16 in turn. */
    length?: number
    weak?: boolean
    death?: 'writer' | 'reader'
    /** Somebody counts beside one of the two; the other has done its part before, or does none. */
    observed?: 'writer' | 'reader'
  },
): Scenario {
  const { records, capacity = 2, start = 0, before = 0, weak = false, death, observed } = options
  // Not all alike, so that some do not fit at the end.
  const lengthOf = (number: number) => options.length ?? (number % 2 === 0 ? 16 : 8)
  const write = (writer: InstanceType<typeof LossyWriter>, number: number): void => {
    const length = lengthOf(number)
    const at = writer.claim(length)
    writer.words[at >> 2] = number
    for (let i = 4; i < length; i += 4) writer.words[(at + i) >> 2] = -number
    writer.commit()
  }
  const place = allocateLossy(64, capacity)
  resetLossy(place, start)
  traceOnly(place.buffer)
  const make = () => ({ writer: new LossyWriter(place), next: 0 })
  const writing = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof make>> => ({
    name,
    make,
    phases: [
      (self) => {
        self.writer.resume()
        self.next = self.writer.written
      },
      (self) => {
        if (self.next === records) return 2
        write(self.writer, ++self.next)
        return 1
      },
    ],
    ...more,
  })
  const read = () => ({ reader: new LossyReader(place), last: 0, copy: [0, 0] })
  const reading = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof read>> => ({
    name,
    make: read,
    phases: [
      ({ reader }) => reader.resume(),
      (self) => {
        const { reader, copy } = self
        const at = reader.next()
        if (at === EMPTY) {
          // What was missed, up to here, is said with the next that is taken.
          reader.release()
          return reader.taken + reader.missed === records ? 2 : 1
        }
        const { views } = reader as any
        copy[0] = views.words[at >> 2]
        copy[1] = views.words[(at + reader.length - 4) >> 2]
        if (!reader.confirm()) return 1
        if (reader.length !== lengthOf(copy[0]!) || copy[1] !== -copy[0]!)
          throw new Error(`a torn record: ${copy}`)
        if (copy[0]! <= self.last) throw new Error(`record ${copy[0]} after ${self.last}`)
        if (copy[0] !== reader.taken + reader.missed) throw new Error(`record ${copy[0]} comes as another`)
        self.last = copy[0]!
        copy.fill(0)
        reader.release()
        return 1
      },
    ],
    ...more,
  })
  const looking: Program<any> = {
    name: 'observer',
    make: () => ({ gauge: new LossyGauge(place) }),
    phases: [
      ({ gauge }) => {
        const { written, taken, dropped, pending } = gauge.counts()
        if (written !== taken + dropped + pending)
          throw new Error(`${written} is not ${taken} + ${dropped} + ${pending}`)
        if (pending < 0 || pending > capacity || dropped < 0)
          throw new Error(`${pending} pending, ${dropped} dropped`)
      },
    ],
  }
  return {
    name: `lossy ring, ${records} records from ${start}, ${death ?? 'nobody'} dies${weak ? ', weak memory' : ''}${observed === undefined ? '' : `, ${observed} observed`}`,
    weak,
    prepare: () => {
      const writer = new LossyWriter(place)
      for (let number = 1; number <= (observed === 'reader' ? records : before); number++)
        write(writer, number)
    },
    programs: [
      ...(observed === 'reader' ? [] : [writing('writer', { mortal: death === 'writer' })]),
      ...(observed === 'writer' ? [] : [reading('reader', { mortal: death === 'reader' })]),
      ...(death === 'writer' ? [writing('heir', { after: 'writer' })] : []),
      ...(death === 'reader' ? [reading('heir', { after: 'reader' })] : []),
      ...(observed === undefined ? [] : [looking]),
    ],
    check: () => {
      if (observed === 'writer') return
      const { written, taken, dropped, pending } = new LossyGauge(place).counts()
      if (written !== records || taken + dropped !== records || pending !== 0)
        throw new Error(`${written} written, ${taken} taken, ${dropped} dropped, ${pending} pending`)
    },
  }
}
