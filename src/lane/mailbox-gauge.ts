import { LatestGauge, LossyGauge, readCounter } from '../../native-free-ring/src/index.ts'
import {
  FILTERED,
  FROM_TABLE,
  HELD,
  type MailboxPlace,
  mailboxRing,
  mailboxTable,
  mailboxWords,
  RECEIVED,
  RECEIVER_COUNTERS,
  unwrittenBy,
  VOID,
} from './mailbox.ts'

/** What a mailbox was offered, and what became of it. */
export type MailboxCounts = {
  offered: number
  received: number
  filtered: number
  dropped: number
  refused: number
  queued: number
}

/** Looks at a mailbox from any thread. */
export class MailboxGauge {
  private readonly place: MailboxPlace
  private readonly words: Int32Array
  private readonly ring: LossyGauge
  private readonly table: LatestGauge | undefined

  constructor(place: MailboxPlace) {
    this.place = place
    this.words = mailboxWords(place)
    this.ring = new LossyGauge(mailboxRing(place))
    const table = mailboxTable(place)
    this.table = table && new LatestGauge(table)
  }

  /** `spilled`: what lies in the store of it. */
  counts(spilled?: { written: number; pending: number }): MailboxCounts {
    const [received, filtered, fromTable, gone] = [RECEIVED, FILTERED, FROM_TABLE, VOID].map((index) =>
      readCounter(this.words, RECEIVER_COUNTERS, index),
    ) as [number, number, number, number]
    const { dropped, refused } = unwrittenBy(this.place)
    const ring = this.ring.counts()
    const table = this.table?.counts() ?? { written: 0, pending: 0 }
    const { written, pending } = spilled ?? { written: 0, pending: 0 }
    return {
      offered: ring.written + table.written + written + dropped + refused,
      received,
      filtered,
      dropped: ring.dropped + table.written - fromTable - table.pending + dropped + gone,
      refused,
      queued: ring.pending + table.pending + pending + Atomics.load(this.words, HELD),
    }
  }
}
