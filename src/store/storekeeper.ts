import { wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { isA, type MillraceError, StoreError } from '../errors.ts'
import {
  ACTIVATIONS,
  activeWord,
  isKeyed,
  laneCount,
  parkedWord,
  type SharedMap,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import type { Overflow } from '../lane/overflow.ts'
import { wakeReader } from '../lane/roster.ts'
import type { Watch } from '../lane/waits.ts'
import { Spillway } from './spillway.ts'

/** A store that is to give back what it holds, for `close`, gets so long. */
const CLOSE_GRACE_MS = 5_000

export type StorekeeperEvents = {
  /** The store has failed. What it was to take lies where it lay. */
  onError(error: MillraceError): void
  /** Something was done that may let `advance` go on. */
  onProgress(): void
}

/** What the storekeeper runs: records that go to the store, and come back. */
export interface Keeping {
  /** Whether `step` would get anywhere now. */
  readonly isReady: boolean
  /** Goes on as far as it can; answers what the store has to do now, which may fail. */
  step(): Promise<void> | undefined
  /** Empties it: hands all that it holds over, in order. The last call. */
  empty(each: (record: Uint8Array) => void): Promise<void>
}

/** Keeps what finds no room in lanes and mailboxes (decision 15). For the engine's thread. */
export class Storekeeper implements Watch {
  private readonly map: SharedMap
  private readonly control: Int32Array
  readonly overflow: Overflow
  private readonly events: StorekeeperEvents
  private readonly ways: Spillway[] = []
  private readonly keepings = new Set<Keeping>()
  private readonly opened: Set<number> = new Set()
  private readonly removals = new Set<Promise<void>>()
  private activations = 0

  constructor(map: SharedMap, overflow: Overflow, events: StorekeeperEvents) {
    this.map = map
    this.control = wordsOf(map.control)
    this.overflow = overflow
    this.events = events
  }

  ready(): boolean {
    this.open()
    for (const keeping of this.keepings) if (keeping.isReady) return true
    return false
  }

  advance(): boolean {
    for (const keeping of this.keepings) {
      keeping
        .step()
        ?.catch((error) => this.events.onError(storeError(error, 'and is tried again')))
        .then(() => this.events.onProgress())
    }
    return false
  }

  add(keeping: Keeping): void {
    this.keepings.add(keeping)
  }

  /** What it holds is of no interest any more, but to be let go of, each. */
  remove(keeping: Keeping, each: (record: Uint8Array) => void): void {
    if (!this.keepings.delete(keeping)) return
    const removal = this.empty(keeping, each)
    this.removals.add(removal)
    void removal.then(() => this.removals.delete(removal))
  }

  /** Empties the store, and answers what was kept for each publisher and lane, in order: what it gives back in time. */
  async close(): Promise<(publisher: number, lane: number) => readonly Uint8Array[]> {
    const kept = this.map.publishers.map((): Uint8Array[][] => [])
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.events.onError(new StoreError(`The store did not answer within ${CLOSE_GRACE_MS} ms`))
        resolve()
      }, CLOSE_GRACE_MS)
    })
    await Promise.race([this.emptyAll(kept), tooLate])
    clearTimeout(timer)
    return (publisher, lane) => kept[publisher]![lane] ?? []
  }

  private async emptyAll(kept: readonly Uint8Array[][][]): Promise<void> {
    await Promise.all(this.removals)
    for (const way of this.ways) {
      const records: Uint8Array[] = []
      kept[way.publisher]![way.lane] = records
      await this.empty(way, (record) => records.push(record))
    }
  }

  private empty(keeping: Keeping, each: (record: Uint8Array) => void): Promise<void> {
    return keeping
      .empty(each)
      .catch((error) => this.events.onError(storeError(error, 'and keeps what it has')))
  }

  /** Opens the spillways of publishers that have begun to use them. */
  private open(): void {
    const activations = Atomics.load(this.control, ACTIVATIONS)
    if (activations === this.activations) return
    this.activations = activations
    const { map, control } = this
    const { shape } = map
    map.publishers.forEach((slot, publisher) => {
      if (this.opened.has(publisher) || (Atomics.load(control, activeWord(slot)) & USES_SPILLWAYS) === 0)
        return
      this.opened.add(publisher)
      const onRoom = () => void wake(control, parkedWord(slot.thread))
      for (let lane = 0; lane < laneCount(shape); lane++) {
        const onNews = () => wakeReader(control, shape, lane)
        const ordered = isKeyed(shape, lane)
        const way = new Spillway(map, publisher, lane, ordered, this.overflow, { onRoom, onNews })
        this.ways.push(way)
        this.keepings.add(way)
      }
    })
  }
}

function storeError(error: unknown, consequence: string): StoreError {
  if (isA(error, StoreError)) return error as StoreError
  return new StoreError(`The store has failed, ${consequence}: ${messageOf(error)}`, { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
