import { allocateLossy, type LossyPlace, MAX_CAPACITY } from '../../native-free-ring/src/index.ts'

/** A letter takes about so much beside its event; the largest error's text, some times more. */
const LETTER_BYTES = 1_024
const MAX_ERROR_BYTES = 2 ** 16
const MAX_DATA_BYTES = 2 ** 26

/**
 * Memory for the dead letters of one thread: it writes them, the engine's thread reads them when it is asked, and they outlive
 * their writer.
 *
 * A record is the length of a description (4 bytes) and that (MessagePack), padded to 8, and the event as it lay in its ring.
 */
export function allocateLetters(capacity: number, ringBytes: number): LossyPlace {
  // An event of the largest size fits, with its error.
  const least = ringBytes + 2 * MAX_ERROR_BYTES
  const bytes = Math.max(least, Math.min(capacity * LETTER_BYTES, MAX_DATA_BYTES))
  return allocateLossy(Math.min(2 ** Math.ceil(Math.log2(bytes)), MAX_CAPACITY), capacity)
}
