import type { LossyPlace } from '../../native-free-ring/src/index.ts'
import { allocateLetters } from '../lane/letter-ring.ts'
import { allocateFlight } from './flight.ts'
import { allocateHandlerCounters } from './tally.ts'

/** What a thread that dispatches writes for itself, and others read: beyond its death, too. */
export type ThreadMemory = {
  readonly handlerCounters: SharedArrayBuffer
  /** Its dead letters, if they are kept. */
  readonly letters: LossyPlace | undefined
  readonly flight: SharedArrayBuffer
}

export function allocateThreadMemory(letters: number, ringBytes: number): ThreadMemory {
  return {
    handlerCounters: allocateHandlerCounters(),
    letters: letters === 0 ? undefined : allocateLetters(letters, ringBytes),
    flight: allocateFlight(),
  }
}
