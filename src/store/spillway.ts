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
    const { queue } = this
    return this.canGiveBack || this.canPassOn || queue.canStore
  }

  /** Goes on as far as it can; answers what the overflow has to do now, which may fail. */
  step(): Promise<void> | undefined {
    const { queue } = this
    if (queue.first !== undefined) this.giveBack()
    if (this.canPassOn) this.passOn()
    if (queue.canFetch && this.isTurn) return queue.fetch()
    if (queue.canStore) return queue.store((position) => this.release(position))
    return undefined
  }

  /** Empties it: hands all that it holds over, in order. The last call. */
  empty(each: (record: Uint8Array) => void): Promise<void> {
    return this.queue.empty(each)
  }

  private get canGiveBack(): boolean {
    const { queue } = this
    const { first } = queue
    if (first === undefined) return queue.canFetch && this.isTurn
    return this.isTurn && this.back.hasRoom(first.length)
  }

  /** What goes out need not be stored first. */
  private get canPassOn(): boolean {
    const { queue, out, back } = this
    // What is readable before the look at the publisher's ring: it was committed after what lay there.
    return queue.isEmpty && out.prefetch() > 0 && this.isTurn && back.hasRoom(out.peekLength())
  }

  /** The publisher's ring is empty. */
  private get isTurn(): boolean {
    return this.before?.isEmpty ?? true
  }

  /** What was fetched. */
  private giveBack(): void {
    const { queue } = this
    if (!this.isTurn) return
    for (let { first } = queue; first !== undefined; first = queue.first) {
      if (!this.write(first, 0, first.length)) break
      queue.dropFirst()
    }
    this.commit()
  }

  /** What has just gone out, while nothing else is on the way. */
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
    // Before the next look at the room.
    back.want(at === FULL)
    if (at === FULL) return false
    back.bytes.set(bytes.subarray(start, end), at)
    return true
  }

  private commit(): void {
    this.back.commit()
    this.wakers.onNews()
  }

  private release(position: number): void {
    if (this.out.release(position)) this.wakers.onRoom()
  }
}
