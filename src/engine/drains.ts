import { ClosedError } from '../errors.ts'
import { checkWait, Deadline, type WaitOptions } from '../lane/deadline.ts'
import { DRAINING, STATE, STOPPED } from '../lane/map.ts'
import type { Waits, Watch } from '../lane/waits.ts'

/** Those of an engine's thread who wait until nothing is pending. */
export class Drains {
  private readonly control: Int32Array
  private readonly waits: Waits
  private readonly isQuiet: () => boolean
  private count = 0

  constructor(control: Int32Array, waits: Waits, isQuiet: () => boolean) {
    this.control = control
    this.waits = waits
    this.isQuiet = isQuiet
  }

  /** @throws TimeoutError, the signal's reason, ClosedError if the engine has stopped and left something. */
  async wait(options: WaitOptions): Promise<void> {
    checkWait(options)
    options.signal?.throwIfAborted()
    if (!this.isQuiet()) await this.untilQuiet(options)
    // Workers have told before they released: a turn of the event loop, and it has arrived.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  private async untilQuiet(options: WaitOptions): Promise<void> {
    if (this.isStopped) throw leftBehind()
    // Seen by every dispatcher that runs out of work from now on: it wakes this thread.
    Atomics.store(this.control, DRAINING, ++this.count > 0 ? 1 : 0)
    try {
      await new Promise<void>((resolve, reject) => {
        const watch: Watch = {
          ready: () => this.isQuiet() || this.isStopped,
          advance: () => {
            deadline.clear()
            // It was quiet when it was ready, if only for that moment; once the engine has stopped, it stays as it is.
            if (!this.isStopped || this.isQuiet()) resolve()
            else reject(leftBehind())
            return true
          },
        }
        const deadline = new Deadline(options, 'The end of all pending events', (reason) => {
          this.waits.remove(watch)
          reject(reason)
        })
        this.waits.add(watch)
      })
    } finally {
      if (--this.count === 0) Atomics.store(this.control, DRAINING, 0)
    }
  }

  private get isStopped(): boolean {
    return Atomics.load(this.control, STATE) === STOPPED
  }
}

function leftBehind(): ClosedError {
  return new ClosedError('The engine is closed and has left events that were pending: close() reported them')
}
