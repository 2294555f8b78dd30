import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  allocateRing,
  EMPTY,
  FULL,
  RingGauge,
  type RingPlace,
  RingReader,
  RingWriter,
  recordBytes,
  resetRing,
} from '../../native-free-ring/src/index.ts'

/** What a ring is, said with arrays: records that were committed, and how far the reader has come. */
class Model {
  claimed: number[][] = []
  committed: number[][] = []
  /** Records before it have been released. */
  released = 0
  /** Records before it have been read. */
  read = 0
  /** Records before it were there when the reader looked last. */
  seen = 0
}

type Real = { place: RingPlace; writer: RingWriter; reader: RingReader; gauge: RingGauge; ends: number[] }

type Command = fc.Command<Model, Real>

function payload(reader: RingReader, at: number): number[] {
  return [...reader.bytes.slice(at, at + reader.length)]
}

class Claim implements Command {
  readonly content: number[]
  constructor(content: number[]) {
    this.content = content
  }
  check(): boolean {
    return true
  }
  run(model: Model, { writer, place }: Real): void {
    const { length } = this.content
    if (length > writer.maxPayloadBytes) {
      expect(() => writer.claim(length)).toThrow(RangeError)
      return
    }
    const hadRoom = writer.hasRoom(length)
    const at = writer.claim(length)
    expect(at !== FULL).toBe(hadRoom)
    const pending = [...model.committed.slice(model.released), ...model.claimed]
    const used = pending.reduce((sum, record) => sum + recordBytes(record.length), 0)
    if (at === FULL) {
      // Full only if the record would not fit beside the others, even with the most padding there can be.
      expect(pending.length).toBeGreaterThan(0)
      expect(used + 2 * recordBytes(length)).toBeGreaterThan(place.capacity / 2)
      return
    }
    expect(used + recordBytes(length)).toBeLessThanOrEqual(place.capacity)
    expect(at % 8).toBe(0)
    writer.bytes.set(this.content, at)
    model.claimed.push(this.content)
  }
  toString(): string {
    return `claim(${this.content.length})`
  }
}

class Commit implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, { writer, gauge }: Real): void {
    writer.commit()
    model.committed.push(...model.claimed.splice(0))
    expect(gauge.committed()).toBe(model.committed.length)
  }
  toString(): string {
    return 'commit'
  }
}

/** Takes back the last claim, once; nothing if that was committed. */
class Abort implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, { writer }: Real): void {
    const before = writer.written
    writer.abort()
    expect(before - writer.written).toBeLessThanOrEqual(model.claimed.length > 0 ? 1 : 0)
    if (writer.written < before) model.claimed.pop()
    expect(writer.written).toBe(model.committed.length + model.claimed.length)
  }
  toString(): string {
    return 'abort'
  }
}

/** A new writer in place of one that died: what was claimed never was. */
class ReplaceWriter implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    real.writer = new RingWriter(real.place)
    model.claimed = []
    expect(real.writer.written).toBe(model.committed.length)
  }
  toString(): string {
    return 'replace writer'
  }
}

/** A new reader: it starts at what was not released. */
class ReplaceReader implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    real.reader = new RingReader(real.place, 3)
    real.ends = real.ends.slice(0, model.released)
    model.read = model.released
    model.seen = model.released
    expect([...real.reader.counts]).toEqual([model.released, 2 * model.released, 0])
  }
  toString(): string {
    return 'replace reader'
  }
}

class Prefetch implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, { reader }: Real): void {
    const bytes = reader.prefetch()
    model.seen = model.committed.length
    expect(bytes > 0).toBe(model.seen > model.read)
  }
  toString(): string {
    return 'prefetch'
  }
}

class Next implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, { reader, ends }: Real): void {
    const at = reader.next()
    if (model.read === model.seen) {
      expect(at).toBe(EMPTY)
      return
    }
    expect(payload(reader, at)).toEqual(model.committed[model.read])
    ends.push(reader.position)
    model.read++
  }
  toString(): string {
    return 'next'
  }
}

/** Releases some of what was read, oldest first; the counts go with it. */
class Release implements Command {
  readonly count: number
  constructor(count: number) {
    this.count = count
  }
  check(model: Readonly<Model>): boolean {
    return model.read > model.released
  }
  run(model: Model, { reader, gauge, ends }: Real): void {
    const to = Math.min(model.read, model.released + this.count)
    reader.counts[0] = to
    reader.counts[1] = 2 * to
    reader.release(ends[to - 1]!)
    model.released = to
    expect([...gauge.released()]).toEqual([to, 2 * to, 0])
    expect(gauge.isEmpty).toBe(to === model.committed.length)
  }
  toString(): string {
    return `release(${this.count})`
  }
}

/** Reads and releases all there is, so that the ring goes round. */
class Pump implements Command {
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    new Prefetch().run(model, real)
    while (model.read < model.seen) new Next().run(model, real)
    new Next().run(model, real)
    if (model.read > model.released) new Release(model.read).run(model, real)
  }
  toString(): string {
    return 'pump'
  }
}

const content = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 255 }), { maxLength, size: 'max' })
const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value)

/** The more often a command stands here, the more often it is drawn: a ring that is always replaced never goes round. */
const commands = [
  ...times(
    4,
    content(70).map((bytes) => new Claim(bytes)),
  ),
  ...times(
    4,
    content(20).map((bytes) => new Claim(bytes)),
  ),
  ...times(6, fc.constant(new Commit())),
  ...times(5, fc.constant(new Pump())),
  ...times(2, fc.constant(new Prefetch())),
  ...times(3, fc.constant(new Next())),
  ...times(
    2,
    fc.integer({ min: 1, max: 5 }).map((count) => new Release(count)),
  ),
  fc.constant(new Abort()),
  fc.constant(new ReplaceWriter()),
  fc.constant(new ReplaceReader()),
]

test.each([0, 0x7fff_ffc0, -64, 8])('a ring does what its model says, from position %d', (position) => {
  fc.assert(
    fc.property(
      fc.constantFrom(64, 128, 256),
      fc.commands(commands, { maxCommands: 150, size: 'max' }),
      (capacity, sequence) => {
        fc.modelRun(() => {
          const place = allocateRing(capacity)
          resetRing(place, position)
          const real: Real = {
            place,
            writer: new RingWriter(place),
            reader: new RingReader(place, 3),
            gauge: new RingGauge(place, 3),
            ends: [],
          }
          return { model: new Model(), real }
        }, sequence)
      },
    ),
    { numRuns: 400 },
  )
})
