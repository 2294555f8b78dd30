/** In there, or dropped and counted, or of no interest any more. */
export const DELIVERED = 0
/** Not now: wait until `awaitRoom`, then offer it again. */
export const LATER = 1
/** Never: the event is a dead letter. */
export const REJECTED = 2

/** A record in some memory, which is 8-byte aligned where it starts. */
export type RecordView = { readonly bytes: Uint8Array; readonly words: Int32Array }

/** Where a copy of an event goes when it is dispatched: a mailbox, or a worker's inbox. */
export interface Outlet {
  /** Offers a copy of the record from `start` to `end`: `DELIVERED`, `LATER` or `REJECTED`. */
  offer(source: RecordView, start: number, end: number): number
  /** If the last offer has failed since no block was free for its data, when that was. */
  readonly lacksBlock: number | undefined
  /**
   * Whether an offer of so many bytes is worth another try, and what it lacked then. If not, who makes room wakes the workers. Each who waits keeps its own
   * `lacksBlock`: another's try says nothing of it.
   */
  awaitRoom(bytes: number, lacksBlock: number | undefined): boolean
}
