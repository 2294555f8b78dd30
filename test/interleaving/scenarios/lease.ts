import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

const RECORDS = 3
const DONE = 1
const BEGUN = 0x100

/**
 * Workers that take turns at one ring under a lease, mark what they have begun and done, release, and give the lease back; one may
 * die, and then a supervisor revokes what it held. Nothing is done twice, nothing skipped, and only one works at a time.
 */
export function leaseScenario(
  {
    RingWriter,
    RingReader,
    RingGauge,
    EMPTY,
    allocateRing,
    takeLease,
    giveBackLease,
    revokeLease,
  }: RingModule,
  { death = false, weak = false }: { death?: boolean; weak?: boolean },
): Scenario {
  const place = allocateRing(128)
  const words = new SharedArrayBuffer(32)
  traceOnly(place.buffer, words)
  const make = () => ({ reader: new RingReader(place), control: new Int32Array(words, 0, 8), turns: 0 })
  const worker = (
    name: string,
    id: number,
    more: Partial<Program<any>>,
  ): Program<ReturnType<typeof make>> => ({
    name,
    make,
    phases: [
      (self) => (takeLease(self.control, 0, id) ? 1 : Atomics.load(self.control, 3) === 1 ? 4 : 0),
      ({ reader, control }) => {
        // Word 1 is plain: only who holds the lease touches it.
        if (control[1] !== 0 && control[1] !== 9)
          throw new Error(`${name} holds the lease beside ${control[1]}`)
        control[1] = id
        reader.resume()
        reader.prefetch()
      },
      (self) => {
        const { reader, control } = self
        const at = reader.next()
        if (at === EMPTY || self.turns === 1) return 3
        self.turns++
        const mark = (at >> 2) - 1
        if ((reader.words[mark]! & 0xff) === 0) {
          reader.words[mark] = reader.words[mark]! + BEGUN
          // Done, and marked so, in one step of whoever handles it: each number once.
          const done = Atomics.load(control, 2)
          const number = reader.words[at >> 2]!
          if (number > done + 1) throw new Error(`record ${number} after ${done}`)
          if (number === done + 1) Atomics.store(control, 2, number)
          reader.words[mark] = reader.words[mark]! | DONE
        }
        reader.counts[0]!++
        reader.release(reader.position)
        return 2
      },
      (self) => {
        self.turns = 0
        self.control[1] = 0
        const isAll = self.reader.counts[0] === RECORDS
        if (isAll) Atomics.store(self.control, 3, 1)
        giveBackLease(self.control, 0)
        return isAll ? 4 : 0
      },
    ],
    ...more,
  })
  return {
    name: `lease: two workers take turns${death ? ', one dies' : ''}${weak ? ', weak memory' : ''}`,
    weak,
    prepare: () => {
      const writer = new RingWriter(place)
      for (let number = 1; number <= RECORDS; number++) writer.words[writer.claim(8) >> 2] = number
      writer.commit()
    },
    programs: [
      worker('one', 7, { mortal: death }),
      worker('other', 8, {}),
      ...(death
        ? [
            {
              name: 'supervisor',
              after: 'one',
              make: () => ({ control: new Int32Array(words, 0, 8) }),
              phases: [
                ({ control }: { control: Int32Array }) => {
                  // What the dead one left in the plain word is of its time.
                  if (Atomics.load(control, 0) === 7) control[1] = 9
                  revokeLease(control, 0, 7)
                },
              ],
            },
            worker('heir', 10, { after: 'supervisor' }),
          ]
        : []),
    ],
    check: () => {
      const gauge = new RingGauge(place)
      const [released] = gauge.released()
      if (released !== RECORDS || !gauge.isEmpty) throw new Error(`${released} released`)
      if (Atomics.load(new Int32Array(words, 0, 8), 0) !== 0) throw new Error('the lease is held')
    },
  }
}
