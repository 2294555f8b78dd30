import { HandlerError, type MillraceError } from '../errors.ts'

/** Tells the application of handlers that fail, of workers that die or hang; without an `onError`, by warnings. */
export class ErrorReports {
  private readonly onError: ((error: MillraceError) => void) | undefined
  private readonly warned = new Set<string>()

  constructor(onError: ((error: MillraceError) => void) | undefined) {
    this.onError = onError
  }

  tell(error: MillraceError): void {
    if (this.onError === undefined) {
      this.warn(error)
      return
    }
    try {
      this.onError(error)
    } catch (thrown) {
      // An uncaught exception of this thread, not the end of the dispatcher that may have called.
      process.nextTick(() => {
        throw thrown
      })
    }
  }

  /** Once per handler, and once per other kind of error. */
  private warn(error: MillraceError): void {
    const about = error instanceof HandlerError ? error.handler : error.code
    if (this.warned.has(about)) return
    this.warned.add(about)
    process.emitWarning(
      `${error.message} (said once; onError is told of more)`,
      'MillraceWarning',
      error.code,
    )
  }
}
