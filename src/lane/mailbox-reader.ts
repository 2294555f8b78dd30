import { Counters, EMPTY, LatestReader, LossyGauge, LossyReader } from '../../native-free-ring/src/index.ts'
import { type BlockRef, readRef } from '../event/block-ref.ts'
import { isInBlock, withData } from '../event/record-copy.ts'
import type { ThreadBlocks } from './blocks.ts'
import {
  DISCARDED,
  FILTERED,
  FROM_TABLE,
  type MailboxPlace,
  mailboxRing,
  mailboxTable,
  mailboxWords,
  RECEIVED,
  RECEIVER_COUNTERS,
  RECEIVER_COUNTS,
  VOID,
} from './mailbox.ts'
import type { SpilledMail } from './spilled-mail.ts'

/** The receiving thread's end of a mailbox. */
export class MailboxReader {
  private readonly ring: LossyReader
  private readonly ringGauge: LossyGauge
  private readonly table: LatestReader | undefined
  private readonly spilled: SpilledMail | undefined
  private readonly blocks: ThreadBlocks
  private readonly counters: Counters
  private tableFirst = false
  /** Of the record that was taken last: the block that its data lie in, which is this thread's now. */
  private block: BlockRef | undefined

  /** `spilled` if the mailbox spills. */
  constructor(place: MailboxPlace, blocks: ThreadBlocks, spilled?: SpilledMail) {
    this.counters = new Counters(mailboxWords(place), RECEIVER_COUNTERS, RECEIVER_COUNTS)
    this.blocks = blocks
    this.spilled = spilled
    this.ring = new LossyReader(mailboxRing(place))
    this.ringGauge = new LossyGauge(mailboxRing(place))
    const table = mailboxTable(place)
    this.table = table && new LatestReader(table)
  }

  get hasEvents(): boolean {
    return this.ring.hasRecords || (this.table?.hasValues ?? false) || (this.spilled?.hasRecords ?? false)
  }

  /** A copy of the next record, with its data; undefined if there is none. */
  take(): Uint8Array | undefined {
    for (;;) {
      const record = this.takeRecord()
      if (record === undefined || !isInBlock(record)) return record
      const { block } = this
      if (block !== undefined) {
        const whole = withData(record, this.blocks.view(block))
        this.blocks.release(block)
        return whole
      }
      this.counters.add(VOID, 1)
    }
  }

  /** One was received, or filtered. */
  count(isReceived: boolean): void {
    this.counters.add(isReceived ? RECEIVED : FILTERED, 1)
  }

  /** After the mailbox was closed: frees what lies in it unread. */
  empty(): void {
    while (this.takeRecord() !== undefined) {
      this.counters.add(DISCARDED, 1)
      if (this.block !== undefined) this.blocks.release(this.block)
    }
  }

  /** Before the record is gone: who dies in between has the block, which is freed with what it had. */
  private receiveBlock(record: Uint8Array): void {
    const ref = isInBlock(record) ? readRef(record, record.length) : undefined
    this.block = ref !== undefined && this.blocks.receive(ref) ? ref : undefined
  }

  private takeRecord(): Uint8Array | undefined {
    if (this.spilled !== undefined) return this.takeInOrder(this.spilled)
    // In turns: neither waits behind a busy other.
    this.tableFirst = !this.tableFirst
    if (this.tableFirst) return this.takeFromTable() ?? this.takeFromRing()
    return this.takeFromRing() ?? this.takeFromTable()
  }

  private takeInOrder(spilled: SpilledMail): Uint8Array | undefined {
    // Before the look at the ring: what has spilled by now came after what lies there.
    const { hasRecords } = spilled
    return this.takeFromRing() ?? (hasRecords ? this.takeSpilled(spilled) : undefined)
  }

  private takeSpilled(spilled: SpilledMail): Uint8Array | undefined {
    const record = spilled.take()
    if (record !== undefined) this.receiveBlock(record)
    return record
  }

  /** Events that lie unread in the ring, or in the table, whichever are more. */
  get queued(): number {
    return Math.max(this.ringGauge.counts().pending, this.table?.unread ?? 0)
  }

  private takeFromRing(): Uint8Array | undefined {
    const { ring } = this
    for (let at = ring.next(); at !== EMPTY; at = ring.next()) {
      const record = ring.bytes.slice(at, at + ring.length)
      if (!ring.confirm()) continue
      this.receiveBlock(record)
      ring.release()
      return record
    }
    ring.release()
    return undefined
  }

  private takeFromTable(): Uint8Array | undefined {
    const { table } = this
    if (table === undefined) return undefined
    for (let at = table.next(); at !== EMPTY; at = table.next()) {
      const record = table.bytes.slice(at, at + table.length)
      if (!table.isIntact()) continue
      this.receiveBlock(record)
      table.take(table.slot, table.sequence)
      this.counters.add(FROM_TABLE, 1)
      return record
    }
    return undefined
  }
}
