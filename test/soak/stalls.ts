import type { Engine } from '../../src/index.ts'

const LOOK_MS = 100

/** How long nothing went on, at worst, while something was pending. */
export class Stalls {
  private readonly timer: NodeJS.Timeout
  private worst = 0

  constructor(engine: Engine<any>) {
    let done = -1
    let since = performance.now()
    this.timer = setInterval(() => {
      const { accepted, pending } = engine.stats()
      const now = performance.now()
      if (pending === 0 || accepted - pending !== done) since = now
      done = accepted - pending
      this.worst = Math.max(this.worst, now - since)
    }, LOOK_MS)
  }

  /** Answers the longest time, in milliseconds. */
  stop(): number {
    clearInterval(this.timer)
    return Math.round(this.worst)
  }
}
