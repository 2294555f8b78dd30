import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

/** A writer of values of some keys in turn, and a reader that is to see each key's latest, whole, and never an older one again. */
export function latestScenario(
  { LatestWriter, LatestReader, LatestGauge, EMPTY, allocateLatest }: RingModule,
  options: {
    keys: readonly number[]
    slots: number
    /** So many are there already. */
    before?: number
    weak?: boolean
    death?: 'writer' | 'reader'
  },
): Scenario {
  const { keys, slots, before = 0, weak = false, death } = options
  const place = allocateLatest(slots, 8)
  traceOnly(place.buffer)
  const put = (writer: InstanceType<typeof LatestWriter>, index: number): void => {
    const key = keys[index]!
    const at = writer.claim(key, 8, (other) => writer.words[other >> 2]! >> 8 === key)
    writer.words[at >> 2] = (key << 8) | (index + 1)
    writer.words[(at >> 2) + 1] = -index - 1
    writer.commit()
  }
  const write = () => ({ writer: new LatestWriter(place), next: 0, gauge: new LatestGauge(place) })
  const writing = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof write>> => ({
    name,
    make: write,
    phases: [
      (self) => {
        self.writer.resume()
        if (more.after !== undefined) self.writer.repair()
        self.next = self.gauge.counts().written
      },
      (self) => {
        if (self.next === keys.length) return 2
        put(self.writer, self.next++)
        return 1
      },
    ],
    ...more,
  })
  const isDone = () => {
    const { written, pending } = new LatestGauge(place).counts()
    return written === keys.length && pending === 0
  }
  const read = () => ({ reader: new LatestReader(place), latest: [0, 0, 0, 0], copy: [0, 0] })
  const reading = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof read>> => ({
    name,
    make: read,
    phases: [
      ({ reader }) => reader.resume(true),
      (self) => {
        const { reader, copy, latest } = self
        const at = reader.next()
        if (at === EMPTY) return death === 'reader' && isDone() ? 3 : 1
        const { words } = (reader as any).views
        copy[0] = words[at >> 2]
        copy[1] = words[(at >> 2) + 1]
        if (!reader.confirm()) return 1
        const key = copy[0]! >> 8
        const number = copy[0]! & 0xff
        if (reader.length !== 8 || copy[1] !== -number || keys[number - 1] !== key)
          throw new Error(`torn: ${copy}`)
        if (number <= latest[key]!) throw new Error(`value ${number} of key ${key} after ${latest[key]}`)
        latest[key] = number
        copy.fill(0)
        return number === keys.length ? 2 : 1
      },
      // What is left of the others.
      ({ reader, latest }) => {
        for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
          const { words } = (reader as any).views
          const value = words[at >> 2]
          if (reader.confirm()) latest[value >> 8] = value & 0xff
        }
        if (death !== undefined || new Set(keys).size > slots) return
        for (const key of keys) {
          if (latest[key] !== keys.lastIndexOf(key) + 1)
            throw new Error(`key ${key} ends with ${latest[key]}`)
        }
      },
    ],
    ...more,
  })
  return {
    name: `latest table, keys ${keys} in ${slots} slots, ${death ?? 'nobody'} dies${weak ? ', weak memory' : ''}`,
    weak,
    prepare: () => {
      const writer = new LatestWriter(place)
      for (let index = 0; index < before; index++) put(writer, index)
    },
    programs: [
      writing('writer', { mortal: death === 'writer' }),
      reading('reader', { mortal: death === 'reader' }),
      ...(death === 'writer' ? [writing('heir', { after: 'writer' })] : []),
      ...(death === 'reader' ? [reading('heir', { after: 'reader' })] : []),
    ],
    check: () => {
      const { written, pending } = new LatestGauge(place).counts()
      if (written !== keys.length || pending !== 0) throw new Error(`${written} written, ${pending} pending`)
      const rest = new LatestReader(place)
      rest.resume(false)
      if (rest.next() !== EMPTY) throw new Error('an entry for something unread')
    },
  }
}
