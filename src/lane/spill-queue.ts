import { ExponentialBackoff, handleAll, retry } from 'cockatiel'
import { EMPTY, maxPayloadBytes, type RingReader } from '../../native-free-ring/src/index.ts'
import { StoreError } from '../errors.ts'
import { HEADER_BYTES } from '../event/record.ts'
import { Backoff } from './backoff.ts'
import type { Overflow } from './overflow.ts'

/** The most records, and about how many bytes, that are stored at once; of records, too, that are fetched. */
const BATCH = 256
const BATCH_BYTES = 65_536
/** What is to be emptied is asked for again, after pauses that double. */
const emptying = retry(handleAll, { maxAttempts: 5, backoff: new ExponentialBackoff({ initialDelay: 40 }) })

/**
 * What has spilled through one ring: records on their way from there into the overflow and out again, in order.
 *
 * One call of the overflow at a time. Only one thread may use it.
 */
export class SpillQueue {
  /** The ring through which they come. To be read by others only while the queue `isEmpty`. */
  readonly out: RingReader
  private readonly overflow: Overflow
  private readonly name: string
  private readonly maxBytes: number
  /** Records in the overflow. */
  private stored = 0
  /** Those that have left it, and how many of them are gone. */
  private fetched: readonly Uint8Array[] = []
  private gone = 0
  private working: Promise<void> | undefined
  private readonly storing = new Backoff()
  private readonly fetching = new Backoff()
  /** The most records that are stored at once. */
  private batch = BATCH

  /** `out` is a ring of so many bytes. */
  constructor(out: RingReader, capacity: number, overflow: Overflow, name: string) {
    this.out = out
    this.maxBytes = maxPayloadBytes(capacity)
    this.overflow = overflow
    this.name = name
  }

  /** Nothing is between the ring and whoever uses the queue. */
  get isEmpty(): boolean {
    return this.stored === 0 && this.first === undefined && this.working === undefined
  }

  /** Whether `fetch` may be called: it has something to do, and has not failed just now. */
  get canFetch(): boolean {
    return this.working === undefined && this.stored > 0 && this.first === undefined && this.fetching.isOver
  }

  /** Whether `store` may be called: it has something to do, and has not failed just now. */
  get canStore(): boolean {
    return this.working === undefined && this.storing.isOver && this.out.prefetch() > 0
  }

  /** Of the records that were fetched, the one that has waited longest. */
  get first(): Uint8Array | undefined {
    return this.fetched[this.gone]
  }

  /** The first record is not the queue's any more. */
  dropFirst(): void {
    if (++this.gone === this.fetched.length) this.forget()
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

  /** Resolves when the overflow has done what it was asked for, or has failed. */
  async settle(): Promise<void> {
    await this.working?.catch(() => {})
  }

  /** Empties it: hands all that it holds over, in order. The last call. */
  async empty(each: (record: Uint8Array) => void): Promise<void> {
    await this.settle()
    for (;;) {
      for (let { first } = this; first !== undefined; first = this.first) {
        each(first)
        this.dropFirst()
      }
      if (this.stored === 0) return
      await emptying.execute(() => this.shift())
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
    while (records.length < this.batch && bytes < BATCH_BYTES) {
      const at = out.next()
      if (at === EMPTY) break
      records.push(out.bytes.slice(at, at + out.length))
      bytes += out.length
    }
    try {
      await this.overflow.push(this.name, records)
    } catch (error) {
      out.position = start
      // A store that is nearly full may have room for fewer.
      this.batch = Math.max(1, records.length >> 1)
      throw error
    }
    this.batch = Math.min(2 * this.batch, BATCH)
    this.stored += records.length
    out.counts[0]! += records.length
    release(out.position)
  }

  private async shift(): Promise<void> {
    const records = await this.overflow.shift(this.name, Math.min(this.stored, BATCH))
    this.check(records)
    this.stored -= records.length
    this.fetched = records
    this.gone = 0
  }

  private forget(): void {
    this.fetched = []
    this.gone = 0
  }

  /** A store that is somebody else's work may answer anything: it must not end in a ring. */
  private check(records: readonly Uint8Array[]): void {
    const count = Math.min(this.stored, BATCH)
    if (!Array.isArray(records) || records.length === 0 || records.length > count) {
      throw new StoreError(
        `The store was asked for up to ${count} of ${this.stored} events that had spilled, and has not answered that`,
      )
    }
    for (const record of records) {
      const length = record instanceof Uint8Array ? record.length : -1
      if (length < HEADER_BYTES || length > this.maxBytes) {
        throw new StoreError(`The store has answered an event that it was not given, of ${length} bytes`)
      }
    }
  }
}
