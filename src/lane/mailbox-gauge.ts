import { LatestGauge, LossyGauge, readCounter } from '../../native-free-ring/src/index.ts'
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
  /** Taken after the mailbox was closed. */
  discarded: number
  /** Unread, or taken and neither received nor filtered yet. */
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
    const { words } = this
    const received = readCounter(words, RECEIVER_COUNTERS, RECEIVED)
    const filtered = readCounter(words, RECEIVER_COUNTERS, FILTERED)
    const gone = readCounter(words, RECEIVER_COUNTERS, VOID)
    const discarded = readCounter(words, RECEIVER_COUNTERS, DISCARDED)
    const fromTable = readCounter(words, RECEIVER_COUNTERS, FROM_TABLE)
    const { dropped, refused } = unwrittenBy(this.place)
    const ring = this.ring.counts()
    const table = this.table?.counts() ?? { written: 0, pending: 0 }
    const { written, pending } = spilled ?? { written: 0, pending: 0 }
    const taken = ring.taken + fromTable + written - pending
    const held = Math.max(0, taken - received - filtered - gone - discarded)
    return {
      offered: ring.written + table.written + written + dropped + refused,
      received,
      filtered,
      dropped: ring.dropped + table.written - fromTable - table.pending + dropped + gone,
      refused,
      discarded,
      queued: ring.pending + table.pending + pending + held,
    }
  }
}
