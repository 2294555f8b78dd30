import { EMPTY, type RingReader } from '../../native-free-ring/src/index.ts'
import { Backoff } from './backoff.ts'
import type { Overflow } from './overflow.ts'

/** The most records, and about how many bytes, that are stored or fetched at once. */
const BATCH = 256
const BATCH_BYTES = 65_536

/**
 * What has spilled through one ring: records on their way from there into the overflow and out again, in order.
 *
 * One call of the overflow at a time. Only one thread may use it.
 */
export class SpillQueue {
  /** The ring through which they come. Not to be read while `isWorking`. */
  readonly out: RingReader
  private readonly overflow: Overflow
  private readonly name: string
  /** Records in the overflow. */
  private stored = 0
  /** Those that have left it, and how many of them are gone. */
  private fetched: readonly Uint8Array[] = []
  private gone = 0
  private working: Promise<void> | undefined
  private readonly storing = new Backoff()
  private readonly fetching = new Backoff()

  constructor(out: RingReader, overflow: Overflow, name: string) {
    this.out = out
    this.overflow = overflow
    this.name = name
  }

  get isWorking(): boolean {
    return this.working !== undefined
  }

  /** Nothing is between the ring and whoever uses the queue. */
  get isEmpty(): boolean {
    return this.stored === 0 && this.first === undefined
  }

  /** Whether `fetch` has something to do, and has not failed just now. */
  get canFetch(): boolean {
    return this.stored > 0 && this.first === undefined && this.fetching.isOver
  }

  /** Whether `store` has something to do, and has not failed just now. */
  get canStore(): boolean {
    return this.out.prefetch() > 0 && this.storing.isOver
  }

  /** Of the records that were fetched, the one that has waited longest. */
  get first(): Uint8Array | undefined {
    return this.fetched[this.gone]
  }

  /** The first record is not the queue's any more. */
  dropFirst(): void {
    this.gone++
  }

  /**
   * Takes what is readable in the ring, up to some limit, into the overflow; `release` gives its bytes back to the ring.
   *
   * @throws what the overflow does; then all is as before.
   */
  store(release: (position: number) => void): Promise<void> {
    return this.work(this.push(release), this.storing)
  }

  /**
   * Takes what has waited longest out of the overflow, to be the `first` ones.
   *
   * @throws what the overflow does; then all is as before.
   */
  fetch(): Promise<void> {
    return this.work(this.shift(), this.fetching)
  }

  /** Empties it: hands all that it holds over, in order. The last call. */
  async empty(each: (record: Uint8Array) => void): Promise<void> {
    await this.working?.catch(() => {})
    for (;;) {
      for (let { first } = this; first !== undefined; first = this.first) {
        each(first)
        this.dropFirst()
      }
      if (this.stored === 0) return
      await this.shift()
    }
  }

  private async work(work: Promise<void>, backoff: Backoff): Promise<void> {
    this.working = work
    try {
      await work
      backoff.succeeded()
    } catch (error) {
      backoff.failed()
      throw error
    } finally {
      this.working = undefined
    }
  }

  private async push(release: (position: number) => void): Promise<void> {
    const { out } = this
    const start = out.position
    const records: Uint8Array[] = []
    let bytes = 0
    while (records.length < BATCH && bytes < BATCH_BYTES) {
      const at = out.next()
      if (at === EMPTY) break
      records.push(out.bytes.slice(at, at + out.length))
      bytes += out.length
    }
    try {
      await this.overflow.push(this.name, records)
    } catch (error) {
      out.position = start
      throw error
    }
    this.stored += records.length
    release(out.position)
  }

  private async shift(): Promise<void> {
    const records = await this.overflow.shift(this.name, Math.min(this.stored, BATCH))
    if (records.length === 0) throw new Error(`${this.stored} events that had spilled are not there`)
    this.stored -= records.length
    this.fetched = records
    this.gone = 0
  }
}
