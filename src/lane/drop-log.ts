import type { Policy } from '../event/policy.ts'
import { type DropNotice, isNotice, type NoticePlace } from './notices.ts'

/** At most one notice of a kind in so many milliseconds. */
const PERIOD_MS = 1_000

type Entry = { notice: DropNotice; toldAt: number; timer: NodeJS.Timeout | undefined }

/** What one thread has dropped and not told yet. */
export class DropLog {
  private readonly entries = new Map<string, Entry>()
  private readonly tell: (notice: DropNotice) => void
  private due: Entry[] = []

  constructor(tell: (notice: DropNotice) => void) {
    this.tell = tell
  }

  /** Call `flush` once it does no harm to publish. */
  add(place: NoticePlace, policy: Policy, topic: string, count: number): void {
    if (isNotice(topic)) return
    const name = typeof policy === 'object' ? 'sample' : policy
    const id = place.where === 'lane' ? name : `${name} ${place.subscription}`
    const known = this.entries.get(id)
    const entry = known ?? { notice: undefined!, toldAt: Number.NEGATIVE_INFINITY, timer: undefined }
    if (known === undefined) this.entries.set(id, entry)
    const before = entry.notice?.count ?? 0
    entry.notice = { ...place, topic, policy, count: before + count }
    if (before > 0) return
    const wait = entry.toldAt + PERIOD_MS - Date.now()
    if (wait <= 0) this.due.push(entry)
    else entry.timer = setTimeout(() => this.say(entry), wait).unref()
  }

  flush(): void {
    if (this.due.length === 0) return
    const due = this.due
    this.due = []
    for (const entry of due) this.say(entry)
  }

  close(): void {
    for (const { timer } of this.entries.values()) clearTimeout(timer)
    this.entries.clear()
    this.due = []
  }

  private say(entry: Entry): void {
    const { notice } = entry
    entry.toldAt = Date.now()
    entry.notice = { ...notice, count: 0 }
    this.tell(notice)
  }
}
