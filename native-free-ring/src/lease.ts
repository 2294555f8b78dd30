/**
 * The right of one thread to something that only one may use at a time.
 *
 * The word is 0 when free, else it names the holder: a number that is never used for another thread afterwards.
 * It is only ever changed by compare-and-swap, except that the holder gives it back with a plain atomic store: nobody
 * else changes a word that is not 0, save for `revokeLease` after the holder's death.
 */

/** Takes a free lease. What the last holder wrote before giving it back is visible afterwards. */
export function takeLease(words: Int32Array, index: number, holder: number): boolean {
  return Atomics.compareExchange(words, index, 0, holder) === 0
}

/** Gives a lease back. Only its holder may. */
export function giveBackLease(words: Int32Array, index: number): void {
  // Publishes all that the holder wrote under the lease; pairs with the compare-and-swap of the next holder.
  Atomics.store(words, index, 0)
}

/** Frees the lease of a dead thread. Only after that thread's `exit` event: a time-out can't tell slow from dead. */
export function revokeLease(words: Int32Array, index: number, dead: number): boolean {
  return Atomics.compareExchange(words, index, dead, 0) === dead
}

/** Who holds it, 0 for nobody. */
export function leaseHolder(words: Int32Array, index: number): number {
  return Atomics.load(words, index)
}
