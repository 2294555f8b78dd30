import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

type Name = readonly number[]

/** Of all names in bucket 0; those in bucket 1 have one more. */
const HASH = 4
const TAIL = 0
/** Bytes of the log. */
const TURN = 4_096

/**
 * A user of a set that adds names, and may die before any operation; and its heir, who finds those that were added, none that were
 * not, and adds the rest.
 */
export function recentScenario(
  { RecentSet, recentSetBytes, CONTROL_BYTES }: RingModule,
  {
    names,
    never,
    old = [],
    tail = 0,
    head = 0,
  }: {
    /** Bytes, the first of them the bucket: 0 or 1. */
    names: readonly Name[]
    /** Must never be found. */
    never: readonly Name[]
    /** Were added one turn of the log before, and are forgotten. */
    old?: readonly Name[]
    /** Where the log goes on. */
    tail?: number
    /** Left in bucket 1 by an entry long ago. */
    head?: number
  },
): Scenario {
  const size = { logBytes: TURN, buckets: 2 }
  const buffer = new SharedArrayBuffer(recentSetBytes(size) + 128)
  const place = { buffer, offset: 0, ...size }
  /** How many are completed. */
  const done = recentSetBytes(size) / 4
  traceOnly(buffer)
  const hashOf = (name: Name) => HASH | name[0]!
  const has = (set: InstanceType<typeof RecentSet>, name: Name) =>
    set.has(Uint8Array.from(name), 0, name.length, hashOf(name))
  const add = (set: InstanceType<typeof RecentSet>, name: Name) =>
    set.add(Uint8Array.from(name), 0, name.length, hashOf(name))
  const make = () => ({ set: new RecentSet(place), words: new Int32Array(buffer, 0, done + 1), next: 0 })
  const user = (name: string, more: Partial<Program<any>>): Program<ReturnType<typeof make>> => ({
    name,
    make,
    phases: [
      ({ set }) => set.resume(),
      (self) => {
        const { set, words } = self
        self.next = Atomics.load(words, done)
        for (let index = 0; index < self.next; index++)
          if (!has(set, names[index]!)) throw new Error(`forgets ${names[index]}`)
        for (let index = self.next + 1; index < names.length; index++)
          if (has(set, names[index]!)) throw new Error(`has ${names[index]} before it was added`)
        for (const name of [...never, ...old]) if (has(set, name)) throw new Error(`has ${name}`)
        return self.next === names.length ? 3 : 2
      },
      (self) => {
        const { set, words, next } = self
        if (!has(set, names[next]!)) add(set, names[next]!)
        Atomics.store(words, done, next + 1)
        return 1
      },
    ],
    ...more,
  })
  return {
    name: `recent set, names: ${names.length}${old.length > 0 ? ' over as many older ones' : ''} from ${tail}, the user dies`,
    prepare: () => {
      const words = new Int32Array(buffer, 0, done)
      words[TAIL] = tail - (old.length > 0 ? TURN : 0)
      const set = new RecentSet(place)
      for (const name of old) add(set, name)
      words[TAIL] = tail
      if (head !== 0) words[CONTROL_BYTES / 4 + 1] = head
    },
    programs: [user('user', { mortal: true }), user('heir', { after: 'user' })],
    check: () => {
      const set = new RecentSet(place)
      for (const name of names) if (!has(set, name)) throw new Error(`ends without ${name}`)
    },
  }
}
