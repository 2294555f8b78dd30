import {
  giveBackLease,
  leaseHolder,
  revokeLease,
  takeLease,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import { DEATHS, leaseCount, leaseWord, type SharedMap } from './map.ts'

/** The word beside a lane's lease: who held it last. Written under the lease. */
const LAST_HOLDER = 1

/** A thread's way to the right to read a lane. */
export class LaneLease {
  private readonly control: Int32Array
  private readonly word: number
  private readonly holder: number
  isHeld = false

  constructor(map: SharedMap, lane: number, holder: number) {
    this.control = wordsOf(map.control)
    this.word = leaseWord(map.shape, lane)
    this.holder = holder
  }

  get isFree(): boolean {
    return leaseHolder(this.control, this.word) === 0
  }

  /** Takes it if it is free; `onNew` if others have held it since this thread did. */
  take(onNew: () => void): boolean {
    if (this.isHeld) return true
    if (!takeLease(this.control, this.word, this.holder)) return false
    this.isHeld = true
    // Plain: only holders touch it, and the lease orders them.
    if (this.control[this.word + LAST_HOLDER] !== this.holder) {
      this.control[this.word + LAST_HOLDER] = this.holder
      onNew()
    }
    return true
  }

  giveBack(): void {
    this.isHeld = false
    giveBackLease(this.control, this.word)
  }
}

/** Says that a thread which took part has died: readers look through what it may have left in their relays. */
export function countDeath({ control }: SharedMap): void {
  Atomics.add(wordsOf(control), DEATHS, 1)
}

/** Frees the lanes that a dead thread held. After its exit, and before its replacement starts. */
export function revokeLanes(map: SharedMap, dead: number): void {
  const words = wordsOf(map.control)
  // Before the leases are free: their next holders see it.
  countDeath(map)
  for (let lane = 0; lane < leaseCount(map.shape); lane++)
    revokeLease(words, leaseWord(map.shape, lane), dead)
}
