import { EMPTY, RingGauge, RingReader } from '../../native-free-ring/src/index.ts'
import { HOLDS, type MailboxPlace, mailboxSpill, mailboxWords, WANTED } from './mailbox.ts'
import type { Overflow } from './overflow.ts'
import { SpillQueue } from './spill-queue.ts'

/** The receiver's end of what found no room in a mailbox: it takes it into the overflow, and out again (decision 15). */
export class SpilledMail {
  private readonly words: Int32Array
  private readonly out: RingReader
  private readonly gauge: RingGauge
  private readonly queue: SpillQueue
  private readonly half: number
  private readonly onRoom: () => void
  private taken = 0

  /** `onRoom`: something was released in the ring that writers may wait for. */
  constructor(place: MailboxPlace, overflow: Overflow, name: string, onRoom: () => void) {
    const out = mailboxSpill(place)
    this.words = mailboxWords(place)
    this.out = new RingReader(out)
    this.gauge = new RingGauge(out)
    this.queue = new SpillQueue(this.out, out.capacity, overflow, name)
    this.half = out.capacity / 2
    this.onRoom = onRoom
  }

  /** Events that came this way, and those of them that were not taken. */
  counts(): { written: number; pending: number } {
    const written = this.gauge.committed()
    return { written, pending: written - this.taken }
  }

  /**
   * Whether `take` would answer something. If so, it is older than what is written into the mailbox's own ring from now on,
   * and younger than what lies there.
   */
  get hasRecords(): boolean {
    const { queue } = this
    if (queue.first !== undefined) return true
    return queue.isEmpty && this.out.prefetch() > 0
  }

  /** The next record; undefined if there is none, or it has yet to be fetched. Only after the mailbox's ring is empty. */
  take(): Uint8Array | undefined {
    const { queue, words } = this
    const { first } = queue
    if (first !== undefined) queue.dropFirst()
    const record = first ?? this.takeFromRing()
    if (record === undefined) return undefined
    this.taken++
    // After it was taken: what is written into the mailbox's ring from now on is younger.
    if (queue.isEmpty) Atomics.store(words, HOLDS, 0)
    return record
  }

  private takeFromRing(): Uint8Array | undefined {
    const { out } = this
    if (!this.hasRecords) return undefined
    const at = out.next()
    if (at === EMPTY) return undefined
    const record = out.bytes.slice(at, at + out.length)
    out.counts[0]!++
    out.release(out.position)
    return record
  }

  /** Brings what comes next within reach of `take`, if it is in the store, and that answers. */
  async reach(): Promise<void> {
    const { queue } = this
    await queue.settle()
    // Of its failure the storekeeper tells, who tries again.
    if (queue.canFetch) queue.fetch().catch(() => {})
    // What was fetched for another look is within reach, too.
    await queue.settle()
  }

  /** Whether `step` would get anywhere now. */
  get isReady(): boolean {
    const { queue } = this
    return queue.canFetch || (this.isTight && queue.canStore)
  }

  /** Fetches what comes next; else makes room in the ring, if somebody waits for it, or half of it is taken. */
  step(): Promise<void> | undefined {
    const { queue } = this
    if (queue.canFetch) return queue.fetch()
    if (!this.isTight || !queue.canStore) return undefined
    return queue.store((position) => {
      // Before the release: a writer that sees the ring empty sees this.
      Atomics.store(this.words, HOLDS, 1)
      this.out.release(position)
      this.onRoom()
    })
  }

  /** Empties the overflow, and then the ring. The last call. */
  async empty(each: (record: Uint8Array) => void): Promise<void> {
    await this.queue.empty(each)
    for (let record = this.takeFromRing(); record !== undefined; record = this.takeFromRing()) each(record)
  }

  private get isTight(): boolean {
    return this.gauge.usedBytes >= this.half || Atomics.load(this.words, WANTED) === 1
  }
}
