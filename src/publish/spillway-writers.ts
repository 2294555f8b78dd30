import { FULL, RingWriter, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { type Draft, writeDraft } from '../event/record.ts'
import { parkedWord, type SharedMap } from '../lane/map.ts'
import { spillwayPlace } from '../lane/places.ts'
import { SpillwayGauge } from '../lane/spillway-gauge.ts'

type Spillway = {
  readonly writer: RingWriter
  readonly gauge: SpillwayGauge
  /** Something that went out may not have been dealt with. */
  spilling: boolean
  /** Something is written and not committed. */
  dirty: boolean
}

/** A publisher's ends of its spillways: what finds no room in a lane, and what comes behind it (decision 15). */
export class SpillwayWriters {
  private readonly map: SharedMap
  private readonly publisher: number
  private readonly control: Int32Array
  /** By lane. */
  private readonly ways: (Spillway | undefined)[] = []
  private readonly dirty: Spillway[] = []

  constructor(map: SharedMap, publisher: number) {
    this.map = map
    this.publisher = publisher
    this.control = wordsOf(map.control)
  }

  /** Events that have gone out of a lane, from all publishers that have had this number; some may still be on the way. */
  writtenTo(lane: number): number {
    return this.way(lane).writer.written
  }

  /** If not, `isSpilling` need not be asked. */
  mayBeSpilling(lane: number): boolean {
    return this.ways[lane]?.spilling === true
  }

  /** Whether something that went out of this lane has not been dealt with. */
  isSpilling(lane: number): boolean {
    const way = this.ways[lane]!
    way.spilling = !way.gauge.hasReleased(way.writer.written)
    return way.spilling
  }

  /** Writes the draft, uncommitted, if there is room. */
  write(lane: number, draft: Draft, bytes: number): boolean {
    const way = this.way(lane)
    const at = way.writer.claim(bytes)
    if (at === FULL) return false
    writeDraft(way.writer, at, draft)
    way.spilling = true
    if (!way.dirty) this.dirty.push(way)
    way.dirty = true
    return true
  }

  /** After the commit of what was written into the lanes' own rings: the engine's thread sees those first. */
  commit(): void {
    if (this.dirty.length === 0) return
    for (const way of this.dirty.splice(0)) {
      way.dirty = false
      way.writer.commit()
    }
    wake(this.control, parkedWord(0))
  }

  abort(): void {
    for (const way of this.dirty.splice(0)) {
      way.dirty = false
      way.writer.resume()
    }
  }

  hasRoom(lane: number, bytes: number): boolean {
    return this.way(lane).writer.hasRoom(bytes)
  }

  want(lane: number, room: boolean): void {
    this.ways[lane]?.writer.want(room)
  }

  private way(lane: number): Spillway {
    return this.ways[lane] ?? this.open(lane)
  }

  private open(lane: number): Spillway {
    const place = spillwayPlace(this.map, this.publisher, lane)
    const writer = new RingWriter(place.out)
    const way = { writer, gauge: new SpillwayGauge(place), spilling: writer.written > 0, dirty: false }
    this.ways[lane] = way
    return way
  }
}
