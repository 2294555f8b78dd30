/**
 * Where events wait that found no room in a lane or mailbox: queues of records, first in, first out (decision 15).
 *
 * A part of a store. Nothing here need outlive the process: an event that spilled is as lasting as one in a ring.
 */
export interface Overflow {
  /**
   * Puts the records, which nobody changes any more, at the end of a queue: all of them, or none.
   *
   * @throws StoreError (`ERR_MILLRACE_STORE`), for instance if there is no room for them.
   */
  push(queue: string, records: readonly Uint8Array[]): Promise<void>
  /** Takes up to `limit` records from the start of a queue; none if it is empty. */
  shift(queue: string, limit: number): Promise<readonly Uint8Array[]>
}
