import type { ThreadBlocks } from '../lane/blocks.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import { type MailboxObserver, MailboxWriter } from '../lane/mailbox-writer.ts'
import type { Router } from './router.ts'

/** A thread's ways into all mailboxes, as the engine's registry changes (decision 5). */
export class MailboxWriters {
  private readonly control: Int32Array
  private readonly holder: number
  private readonly router: Router
  private readonly blocks: ThreadBlocks
  private readonly observer: MailboxObserver
  private readonly writers = new Map<number, MailboxWriter>()

  constructor(
    control: Int32Array,
    holder: number,
    router: Router,
    blocks: ThreadBlocks,
    observer: MailboxObserver,
  ) {
    this.control = control
    this.holder = holder
    this.router = router
    this.blocks = blocks
    this.observer = observer
  }

  add(place: MailboxPlace): void {
    if (this.writers.has(place.id)) return
    const writer = new MailboxWriter(place, this.control, this.holder, this.blocks, this.observer)
    this.writers.set(place.id, writer)
    this.router.addMailbox(writer)
  }

  remove(id: number): void {
    const writer = this.writers.get(id)
    if (writer === undefined) return
    this.writers.delete(id)
    this.router.removeMailbox(writer)
  }
}
