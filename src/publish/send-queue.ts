import { type Draft, draftBytes } from '../event/record.ts'
import { Deadline, type WaitOptions } from '../lane/deadline.ts'
import type { Watch } from '../lane/waits.ts'

type Send = {
  readonly draft: Draft
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  deadline: Deadline | undefined
}

/**
 * The sends that wait for room in one lane, first come, first served: an event that was sent earlier is never
 * overtaken by one of the same lane that happens to be smaller.
 */
export class SendQueue implements Watch {
  private readonly sends: Send[] = []
  private readonly hasRoom: (draft: Draft, bytes: number) => boolean
  /** Throws if nothing may be published any more. */
  private readonly place: (draft: Draft, bytes: number) => boolean
  private readonly onEmpty: () => void

  constructor(
    hasRoom: (draft: Draft, bytes: number) => boolean,
    place: (draft: Draft, bytes: number) => boolean,
    onEmpty: () => void,
  ) {
    this.hasRoom = hasRoom
    this.place = place
    this.onEmpty = onEmpty
  }

  wait(draft: Draft, options: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const send: Send = { draft, bytes: draftBytes(draft), resolve, reject, deadline: undefined }
      send.deadline = new Deadline(options, 'Room in the lane', (reason) => this.withdraw(send, reason))
      this.sends.push(send)
    })
  }

  ready(): boolean {
    const first = this.sends[0]
    return first !== undefined && this.hasRoom(first.draft, first.bytes)
  }

  advance(): boolean {
    for (let first = this.sends[0]; first !== undefined; first = this.sends[0]) {
      try {
        if (!this.place(first.draft, first.bytes)) return false
      } catch (error) {
        this.fail(error)
        return true
      }
      this.sends.shift()
      first.deadline?.clear()
      first.resolve()
    }
    this.onEmpty()
    return true
  }

  /** Ends all waits with `reason`. */
  fail(reason: unknown): void {
    for (const send of this.sends.splice(0)) {
      send.deadline?.clear()
      send.reject(reason)
    }
    this.onEmpty()
  }

  private withdraw(send: Send, reason: unknown): void {
    const index = this.sends.indexOf(send)
    if (index < 0) return
    this.sends.splice(index, 1)
    send.reject(reason)
    if (this.sends.length === 0) this.onEmpty()
  }
}
