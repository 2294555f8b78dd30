import type { DeadLetter } from './failure.ts'

/** Failures are counted exactly in the ledger; so many per second are also told one by one. */
const PER_SECOND = 100

/** Tells of failures, but not of so many that telling would be the work. */
export class FailureReports {
  private readonly tell: (letter: DeadLetter, untold: number) => void
  private second = 0
  private told = 0
  private untold = 0

  /** `tell` gets a failure, and how many before it were not told. */
  constructor(tell: (letter: DeadLetter, untold: number) => void) {
    this.tell = tell
  }

  add(letter: DeadLetter): void {
    const second = Math.floor(Date.now() / 1_000)
    if (second !== this.second) {
      this.second = second
      this.told = 0
    }
    if (this.told >= PER_SECOND) {
      this.untold++
      return
    }
    this.told++
    this.tell(letter, this.untold)
    this.untold = 0
  }
}
