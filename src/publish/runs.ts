import { wordsOf } from '../../native-free-ring/src/index.ts'
import { closedError } from '../errors.ts'
import { CLOSING, committingWord, isAttached, type SharedMap, STATE } from '../lane/map.ts'

/** Its reactions run when the synchronous run ends; `queueMicrotask` costs several times as much. */
const RUN_END = Promise.resolve()

/** What has written something that is to be made visible. */
export interface Committing {
  commit(): void
}

/**
 * What one thread has published and not made visible yet (decision 25): events that the engine's own thread publishes one after the other are
 * committed together, at the latest when its synchronous run ends. Other threads may die by themselves, and what was accepted outlives them: they
 * commit each.
 */
export class Runs {
  private readonly control: Int32Array
  private readonly committing: number
  private readonly isAttached: boolean
  /** Whether what is written may become visible later. */
  readonly mayWait: boolean
  private readonly open: Committing[] = []
  private isScheduled = false
  /** A batch is being written, which may have to be taken back: what a getter in it published would commit it. */
  isHeld = false

  constructor(map: SharedMap, thread: number) {
    this.control = wordsOf(map.control)
    this.committing = committingWord(thread)
    this.isAttached = isAttached(map.shape, thread)
    this.mayWait = thread === 0
  }

  /** Whether something is not visible yet. */
  get isOpen(): boolean {
    return this.open.length > 0
  }

  /**
   * Before the first of a run is written there.
   *
   * @throws ClosedError from an attached thread, if the engine is closing.
   */
  begin(lanes: Committing): void {
    if (this.open.length === 0) this.enter()
    this.open.push(lanes)
    if (this.isScheduled) return
    this.isScheduled = true
    void RUN_END.then(this.end)
  }

  /** Makes everything visible that this thread has published; not in the middle of a batch. */
  flush(): void {
    if (!this.isHeld) this.commit()
  }

  /** The same, whoever holds it. */
  commit(): void {
    const { open } = this
    if (open.length === 0) return
    for (let i = 0; i < open.length; i++) open[i]!.commit()
    // Not `length = 0`, which would let go of the array's memory each time.
    while (open.length > 0) open.pop()
    if (this.isAttached) Atomics.store(this.control, this.committing, 0)
  }

  private readonly end = (): void => {
    this.isScheduled = false
    this.flush()
  }

  private enter(): void {
    if (!this.isAttached) return
    // Either `close` sees this store and waits for the end of the run, or the load sees that the engine is closing.
    Atomics.store(this.control, this.committing, 1)
    if (Atomics.load(this.control, STATE) < CLOSING) return
    Atomics.store(this.control, this.committing, 0)
    throw closedError()
  }
}
