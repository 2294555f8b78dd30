/** A lane rests so long at first. */
const FIRST_MS = 20
/** After a rest it goes on for so many times as long. */
const GOES_ON = 4

/**
 * How a lane comes to be quiet that is to change hands: it begins nothing for a while, so that what is in flight ends. What is in flight may wait, in
 * ways that nobody sees, for what lies in the lane: so if that was not enough, it goes on for a while, and rests again, twice as long.
 */
export class LaneRest {
  isResting = false
  private ms = FIRST_MS
  private timer: NodeJS.Timeout | undefined
  private readonly onGoingOn: () => void

  /** `onGoingOn`: what lies there may be begun again. */
  constructor(onGoingOn: () => void) {
    this.onGoingOn = onGoingOn
  }

  begin(): void {
    if (this.timer === undefined) this.rest()
  }

  end(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.isResting = false
    this.ms = FIRST_MS
  }

  private rest(): void {
    this.isResting = true
    this.timer = setTimeout(() => this.goOn(), this.ms).unref()
  }

  private goOn(): void {
    this.isResting = false
    this.timer = setTimeout(() => this.rest(), GOES_ON * this.ms).unref()
    this.ms *= 2
    this.onGoingOn()
  }
}
