import type { RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/**
 * A writer that waits for room and a reader that waits for records, each on its own word: nobody sleeps while there is something
 * to do for him.
 */
export function parkingScenario(
  { RingWriter, RingReader, Parking, EMPTY, FULL, allocateRing, wake }: RingModule,
  { records, weak = false }: { records: number; weak?: boolean },
): Scenario {
  const place = allocateRing(64)
  const words = new SharedArrayBuffer(8)
  traceOnly(place.buffer, words)
  return {
    name: `parking: ${records} records, both ends wait for each other${weak ? ', weak memory' : ''}`,
    weak,
    programs: [
      {
        name: 'writer',
        make: () => {
          const control = new Int32Array(words, 0, 2)
          return { writer: new RingWriter(place), parking: new Parking(control, 0), control, next: 0 }
        },
        phases: [
          ({ writer }) => writer.resume(),
          (self) => {
            const { writer, control } = self
            if (self.next === records) return 4
            const at = writer.claim(24)
            if (at === FULL) return 2
            writer.words[at >> 2] = ++self.next
            writer.commit()
            wake(control, 1)
            return 1
          },
          ({ writer }) => writer.want(true),
          ({ writer, parking }) => {
            parking.block(() => writer.hasRoom(24))
            writer.want(false)
            return 1
          },
        ],
      },
      {
        name: 'reader',
        make: () => {
          const control = new Int32Array(words, 0, 2)
          return { reader: new RingReader(place), parking: new Parking(control, 1), control }
        },
        phases: [
          ({ reader }) => reader.resume(),
          ({ reader, control }) => {
            if (reader.counts[0] === records) return 3
            if (reader.prefetch() === 0) return 2
            for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
              if (reader.words[at >> 2] !== ++reader.counts[0]!) throw new Error('a record out of order')
            }
            if (reader.release(reader.position)) wake(control, 0)
            return 1
          },
          ({ reader, parking }) => {
            parking.block(() => reader.prefetch() > 0)
            return 1
          },
        ],
      },
    ],
  }
}

/** Two threads that have news for a third, which parks until it has seen both. */
export function wakingScenario({ Parking, wake }: RingModule): Scenario {
  const words = new SharedArrayBuffer(16)
  traceOnly(words)
  const waker = (name: string, word: number) => ({
    name,
    make: () => ({ control: new Int32Array(words, 0, 4) }),
    phases: [
      ({ control }: { control: Int32Array }) => {
        Atomics.store(control, word, 1)
        wake(control, 0)
      },
    ],
  })
  return {
    name: 'parking: two wakers, one sleeper',
    programs: [
      waker('one', 1),
      waker('other', 2),
      {
        name: 'sleeper',
        make: () => {
          const control: Int32Array = new Int32Array(words, 0, 4)
          return { control, parking: new Parking(control, 0), seen: 0 }
        },
        phases: [
          (self) => {
            self.seen = Atomics.load(self.control, 1) + Atomics.load(self.control, 2)
            return self.seen === 2 ? 2 : 1
          },
          ({ control, parking, seen }) => {
            parking.block(() => Atomics.load(control, 1) + Atomics.load(control, 2) > seen)
            return 0
          },
        ],
      },
    ],
  }
}
