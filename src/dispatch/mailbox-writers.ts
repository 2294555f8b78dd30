import type { ThreadBlocks } from '../lane/blocks.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import { type MailboxObserver, MailboxWriter } from '../lane/mailbox-writer.ts'
import { REGISTRY_VERSION } from '../lane/map.ts'
import type { Router } from './router.ts'

/** A change of the subscriptions, on its way to a dispatcher. */
export type RegistryChange = { add: MailboxPlace } | { remove: number }

/** A thread's ways into all mailboxes, as the engine's registry changes (decision 5). */
export class MailboxWriters {
  private readonly control: Int32Array
  private readonly holder: number
  private readonly router: Router
  private readonly blocks: ThreadBlocks
  private readonly observer: MailboxObserver
  /** Changes that have arrived since the last call. */
  private readonly receiveChanges: () => RegistryChange[]
  private readonly writers = new Map<number, MailboxWriter>()
  private version = -1

  constructor(
    control: Int32Array,
    holder: number,
    router: Router,
    blocks: ThreadBlocks,
    observer: MailboxObserver,
    receiveChanges: () => RegistryChange[],
  ) {
    this.control = control
    this.holder = holder
    this.router = router
    this.blocks = blocks
    this.observer = observer
    this.receiveChanges = receiveChanges
  }

  /** Takes in what has changed. After a load of a ring's tail: what was published later finds it. */
  synchronise(): void {
    const version = Atomics.load(this.control, REGISTRY_VERSION)
    if (version === this.version) return
    this.version = version
    for (const change of this.receiveChanges()) {
      if ('add' in change) this.add(change.add)
      else this.remove(change.remove)
    }
  }

  private add(place: MailboxPlace): void {
    if (this.writers.has(place.id)) return
    const writer = new MailboxWriter(place, this.control, this.holder, this.blocks, this.observer)
    this.writers.set(place.id, writer)
    this.router.addMailbox(writer)
  }

  private remove(id: number): void {
    const writer = this.writers.get(id)
    if (writer === undefined) return
    this.writers.delete(id)
    this.router.removeMailbox(writer)
  }
}
