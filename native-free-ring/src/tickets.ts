/** Where a table of tickets lies. */
export type TicketPlace = {
  readonly buffer: SharedArrayBuffer
  readonly offset: number
  readonly slots: number
}

/** Names one thing that is under way: a slot of the table, and the stamp that the slot has meanwhile. */
export type Ticket = { readonly slot: number; readonly stamp: number }

/** What `open` answers when every slot is open. */
export const NO_TICKET = -1

export function ticketBytes(slots: number): number {
  return slots * 4
}

export function allocateTickets(slots: number): TicketPlace {
  return { buffer: new SharedArrayBuffer(ticketBytes(slots)), offset: 0, slots }
}

/** The words of a table: for `isOpen`, which any thread may ask. */
export function ticketWords({ buffer, offset, slots }: TicketPlace): Int32Array {
  return new Int32Array(buffer, offset, slots)
}

/**
 * Whether a ticket is open still. An answer is already old when it comes: the owner may close it at any time.
 *
 * Stamps come again after 2³¹ tickets of one slot.
 */
export function isOpen(words: Int32Array, slot: number, stamp: number): boolean {
  return Atomics.load(words, slot) === stamp
}

/** Closes all that are open: for the owner, or whoever has seen its death. */
export function closeTickets(words: Int32Array): void {
  for (let slot = 0; slot < words.length; slot++) {
    const word = words[slot]!
    if ((word & 1) === 1) Atomics.store(words, slot, (word + 1) | 0)
  }
}

/**
 * Tickets for what one thread has under way elsewhere: it opens and closes them, others look whether they are open.
 *
 * A slot's word is odd while it is open, and goes up by one with each opening and closing. Only the owner writes it; the next
 * owner, after its death, first closes what that left open.
 *
 * @example
 * const tickets = new Tickets(place)
 * const slot = tickets.open()
 * worker.postMessage({ slot, stamp: tickets.stampOf(slot) })   // there: while (isOpen(words, slot, stamp)) …
 * tickets.close(slot)
 */
export class Tickets {
  private readonly words: Int32Array
  /** Slots that were open and are not: the first `freeCount`. */
  private readonly free: number[] = []
  private freeCount = 0
  /** Slots from here on have not been used by this owner. */
  private unused = 0

  constructor(place: TicketPlace) {
    this.words = ticketWords(place)
    closeTickets(this.words)
  }

  /** Opens a ticket and answers its slot, or `NO_TICKET`. */
  open(): number {
    let slot: number
    if (this.freeCount > 0) slot = this.free[--this.freeCount]!
    else if (this.unused < this.words.length) slot = this.unused++
    else return NO_TICKET
    Atomics.store(this.words, slot, (this.words[slot]! + 1) | 0)
    return slot
  }

  /** Of a slot that is open. */
  stampOf(slot: number): number {
    return this.words[slot]!
  }

  isOpen(slot: number, stamp: number): boolean {
    return this.words[slot] === stamp
  }

  close(slot: number): void {
    Atomics.store(this.words, slot, (this.words[slot]! + 1) | 0)
    this.free[this.freeCount++] = slot
  }
}
