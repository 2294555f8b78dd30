const AWAKE = 0
const PARKED = 1

/** A parked thread looks again after so many milliseconds, in case a notification was swallowed. */
export const PARK_BOUND_MS = 20
/** One that blocks pays more for each look: its event loop's turn is one more. */
const BLOCK_BOUND_MS = 50

type WaitAsync = { async: false; value: string } | { async: true; value: Promise<string> }
const waitAsync: (words: Int32Array, index: number, value: number) => WaitAsync = (Atomics as any).waitAsync
const atomicsPause: (() => void) | undefined = (Atomics as any).pause

/** Tells the core that this is a spinning loop, where the platform can (`Atomics.pause`). */
export const pause: () => void = atomicsPause ?? (() => {})

/**
 * Lets one thread wait, without blocking it, until another wakes it.
 *
 * The thread's event loop goes on: timers, I/O and handlers are served. The thread is kept alive while it is parked,
 * by a timer, since a pending `Atomics.waitAsync` does not. One `waitAsync` is outstanding at most; it is bound to
 * its address, not to a value, so an old one serves the next parking.
 *
 * @example
 * const parking = new Parking(words, 0)
 * await parking.park(() => queueHasNews())      // this thread
 * wake(words, 0)                                 // another thread, after it made the news
 */
export class Parking {
  private readonly words: Int32Array
  private readonly index: number
  private look: (() => boolean) | undefined
  private first: (() => void) | undefined
  private resolve: (() => void) | undefined
  private waiting = false
  private timer: NodeJS.Timeout | undefined
  private readonly resident: boolean

  /** `resident`: from the first `park` on the thread lives until `close` or `block`, parked or not; else it is kept alive only while it is parked. */
  constructor(words: Int32Array, index: number, options: { resident?: boolean } = {}) {
    this.words = words
    this.index = index
    this.resident = options.resident ?? false
  }

  /**
   * Waits until another thread calls `wake`, `unpark` is called here, or `look` answers true.
   *
   * `look` says whether there is something to do. It is called at once, after the thread has said that it is parked,
   * and then every 20 ms. `first` is called at once when another thread wakes this one, before the promise resolves: what
   * woke it need not wait for the microtasks in between. Answers undefined if there is no need to wait.
   */
  park(look: () => boolean, first?: () => void): Promise<void> | undefined {
    // Before `look` loads anything: whoever makes news after that look sees PARKED (decision 4).
    Atomics.store(this.words, this.index, PARKED)
    if (look()) {
      Atomics.store(this.words, this.index, AWAKE)
      return undefined
    }
    this.look = look
    this.first = first
    if (this.timer === undefined) this.timer = setInterval(() => this.lookAgain(), PARK_BOUND_MS)
    else if (!this.resident) this.timer.ref()
    const parked = new Promise<void>((resolve) => {
      this.resolve = resolve
    })
    this.wait()
    return parked
  }

  /**
   * Waits as `park` does, but blocks this thread, event loop and all, for 50 ms at most: waking it so takes half as long.
   * Answers whether it was woken or `look` found something; if not, let the event loop have a turn, and look again.
   * Worker threads only. Until the next `park`, a turn of the loop must be kept alive by whoever takes it.
   */
  block(look: () => boolean): boolean {
    // Each turn of the loop would find it due.
    clearInterval(this.timer)
    this.timer = undefined
    Atomics.store(this.words, this.index, PARKED)
    const found = look() || Atomics.wait(this.words, this.index, PARKED, BLOCK_BOUND_MS) !== 'timed-out'
    Atomics.store(this.words, this.index, AWAKE)
    return found
  }

  /** Ends the wait from this thread. */
  unpark(): void {
    if (this.resolve === undefined) return
    Atomics.store(this.words, this.index, AWAKE)
    this.rise()
  }

  /** Whether its timer is among the active resources of this thread. */
  get isTiming(): boolean {
    return this.timer?.hasRef() ?? false
  }

  /** Ends the wait for good and lets go of the timer. */
  close(): void {
    this.unpark()
    clearInterval(this.timer)
    this.timer = undefined
  }

  private wait(): void {
    if (this.waiting) return
    const outcome = waitAsync(this.words, this.index, PARKED)
    if (!outcome.async) {
      // Somebody has already changed the word to AWAKE. Unless this thread rose and parked again before the microtask.
      queueMicrotask(() => {
        if (Atomics.load(this.words, this.index) === AWAKE) this.rise(true)
      })
      return
    }
    this.waiting = true
    outcome.value.then(() => {
      this.waiting = false
      // A notification that was meant for an earlier parking: look, and wait on.
      if (Atomics.load(this.words, this.index) === AWAKE) this.rise(true)
      else if (this.resolve !== undefined) this.wait()
    })
  }

  private lookAgain(): void {
    if (this.resolve === undefined) return
    if (Atomics.load(this.words, this.index) === AWAKE || this.look?.()) this.unpark()
  }

  private rise(woken = false): void {
    const { resolve, first } = this
    if (resolve === undefined) return
    this.resolve = undefined
    this.look = undefined
    this.first = undefined
    if (!this.resident) this.timer?.unref()
    if (woken) first?.()
    resolve()
  }
}

/** Wakes the thread that parks on this word, if it is parked. Any thread, after it has stored the news. */
export function wake(words: Int32Array, index: number): boolean {
  // After the store that made the news, before the decision not to notify; pairs with the store in `park`.
  if (Atomics.load(words, index) !== PARKED) return false
  // Of several wakers, one notifies.
  if (Atomics.compareExchange(words, index, PARKED, AWAKE) !== PARKED) return false
  Atomics.notify(words, index)
  return true
}

/** Whether the thread of this word is parked. A hint: it may change at once. */
export function isParked(words: Int32Array, index: number): boolean {
  return Atomics.load(words, index) === PARKED
}
