import { ClosedError } from '../errors.ts'

/** Changes of what an engine has: one after the other. */
export class ChangeQueue {
  private last: Promise<unknown> = Promise.resolve()
  private closed = false

  /** @throws ClosedError if it is closed before its turn comes, and what the change throws. */
  run<T>(change: () => Promise<T>): Promise<T> {
    const result = this.last.then(() => {
      if (this.closed)
        throw new ClosedError('The engine is closed: its handlers and workers stay as they are')
      return change()
    })
    this.last = result.catch(() => {})
    return result
  }

  close(): void {
    this.closed = true
  }
}
