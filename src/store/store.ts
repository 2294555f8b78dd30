import type { Overflow } from '../lane/overflow.ts'

/** Where an engine keeps events: so far, those that have spilled. Made by `memoryStore`. */
export interface Store {
  readonly overflow: Overflow
}
