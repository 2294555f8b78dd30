import { EMPTY, FULL, RingGauge, RingReader, RingWriter } from '../../native-free-ring/src/index.ts'
import type { SharedMap } from '../lane/map.ts'
import type { Overflow } from '../lane/overflow.ts'
import { ringPlace, spillwayPlace } from '../lane/places.ts'
import { SpillQueue } from '../lane/spill-queue.ts'

/** Whom a spillway wakes. */
export type SpillwayWakers = {
  /** The publisher, which waits for room in the ring out. */
  onRoom(): void
  /** The lane's reader: there is something in the ring back. */
  onNews(): void
}

/**
 * The engine's end of one spillway: takes what has gone out into the overflow, and gives it back to the lane in its turn
 * (decision 15).
 *
 * Only the engine's thread may use it.
 */
export class Spillway {
  readonly publisher: number
  readonly lane: number
  private readonly wakers: SpillwayWakers
  private readonly queue: SpillQueue
  private readonly out: RingReader
  private readonly back: RingWriter
  /** The publisher's ring of the lane, if what goes out must wait until that is empty. */
  private readonly before: RingGauge | undefined

  /** `ordered`: nothing may overtake what lies in the publisher's ring. */
  constructor(
    map: SharedMap,
    publisher: number,
    lane: number,
    ordered: boolean,
    overflow: Overflow,
    wakers: SpillwayWakers,
  ) {
    const place = spillwayPlace(map, publisher, lane)
    this.publisher = publisher
    this.lane = lane
    this.wakers = wakers
    this.out = new RingReader(place.out)
    this.queue = new SpillQueue(
      this.out,
      place.out.capacity,
      overflow,
      `${map.engineId}/lane/${publisher}/${lane}`,
    )
    this.back = new RingWriter(place.back)
    this.before = ordered ? new RingGauge(ringPlace(map, publisher, lane)) : undefined
  }

  /** Whether `step` would get anywhere now. */
  get isReady(): boolean {
    return this.next !== undefined
  }

  /** Goes on by one move; answers what the overflow has to do now, which may fail. */
  step(): Promise<void> | undefined {
    const { queue } = this
    switch (this.next) {
      case 'give back':
        this.giveBack()
        return undefined
      case 'pass on':
        this.passOn()
        return undefined
      case 'fetch':
        return queue.fetch()
      case 'store':
        return queue.store((position) => this.release(position))
    }
    return undefined
  }

  /** Empties it: hands all that it holds over, in order. The last call. */
  empty(each: (record: Uint8Array) => void): Promise<void> {
    return this.queue.empty(each)
  }

  /** What can be done now; what has waited longest first. */
  private get next(): 'give back' | 'fetch' | 'pass on' | 'store' | undefined {
    const { queue, out } = this
    const { first } = queue
    // What is readable before the look at the publisher's ring: it was committed after what lay there.
    const isReadable = out.prefetch() > 0
    if (this.before?.isEmpty ?? true) {
      if (first !== undefined && this.hasRoom(first.length)) return 'give back'
      if (queue.canFetch) return 'fetch'
      // Nothing is before it: it need not be stored.
      if (queue.isEmpty && isReadable && this.hasRoom(out.peekLength())) return 'pass on'
    }
    return queue.canStore ? 'store' : undefined
  }

  /** Whether so much can be given back; if not, the reader says when there is room. */
  private hasRoom(bytes: number): boolean {
    const { back } = this
    if (back.hasRoom(bytes)) return true
    back.want(true)
    // Before this second look: it is the one that counts.
    return back.hasRoom(bytes)
  }

  /** What was fetched, as far as there is room. */
  private giveBack(): void {
    const { queue } = this
    for (let { first } = queue; first !== undefined; first = queue.first) {
      if (!this.write(first, 0, first.length)) break
      queue.dropFirst()
    }
    this.commit()
  }

  /** What has just gone out, as far as there is room. */
  private passOn(): void {
    const { out } = this
    let end = out.position
    for (let at = out.next(); at !== EMPTY; at = out.next()) {
      if (!this.write(out.bytes, at, at + out.length)) break
      out.counts[0]!++
      end = out.position
    }
    out.position = end
    this.commit()
    this.release(end)
  }

  private write(bytes: Uint8Array, start: number, end: number): boolean {
    const { back } = this
    const at = back.claim(end - start)
    if (at === FULL) return false
    back.bytes.set(bytes.subarray(start, end), at)
    return true
  }

  private commit(): void {
    this.back.want(false)
    this.back.commit()
    this.wakers.onNews()
  }

  private release(position: number): void {
    if (this.out.release(position)) this.wakers.onRoom()
  }
}
