/**
 * The closed family of errors that Millrace throws. Every error has a stable `code`, a message that says the
 * numbers involved and what to do, and a `cause` where another error lies behind it.
 *
 * Hot-path refusals are return values (`publish` answers `false`); an error means misuse, a broken part, or a
 * wait that came to its end.
 */
export class MillraceError extends Error {
  /** Stable, for programs: `error.code === 'ERR_MILLRACE_FULL'`. */
  readonly code: string
  /** From `sendBatch`: how many events, from the first on, had been accepted before. */
  accepted?: number

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** An option is unknown, of the wrong type or out of range. Nothing was started. */
export class OptionsError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_OPTIONS', message, options)
  }
}

/** A lane or mailbox had no room and its policy is `reject`. The event was not written; `event` gives it back. */
export class FullError extends MillraceError {
  readonly event: unknown

  constructor(message: string, event: unknown) {
    super('ERR_MILLRACE_FULL', message)
    this.event = event
  }
}

/** A wait reached its `timeoutMs`. What was waited for did not happen: a `send` that timed out wrote nothing. */
export class TimeoutError extends MillraceError {
  readonly timeoutMs: number

  constructor(message: string, timeoutMs: number) {
    super('ERR_MILLRACE_TIMEOUT', message)
    this.timeoutMs = timeoutMs
  }
}

/** The engine, publisher or subscription is closed. Nothing was written. */
export class ClosedError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_CLOSED', message)
  }
}

/** The event itself is wrong: topic, key, id, size, a field of the wrong type. Nothing was written. */
export class InvalidEventError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_INVALID_EVENT', message, options)
  }
}

/** What publishing into a closed engine throws. */
export function closedError(): ClosedError {
  return new ClosedError('The engine is closed: nothing was published')
}

/** A pattern is malformed; `index` is the offset in `pattern` at which it went wrong. */
export class PatternError extends MillraceError {
  readonly pattern: string
  readonly index: number

  constructor(reason: string, pattern: string, index: number) {
    super('ERR_MILLRACE_PATTERN', `${reason} at index ${index} of pattern ${JSON.stringify(pattern)}`)
    this.pattern = pattern
    this.index = index
  }
}

/** The data can't be encoded: cyclic or too deep, a function, a symbol. Nothing was written. */
export class EncodeError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_ENCODE', message, options)
  }
}

/** The bytes of an event can't be decoded, or were read after the event's handler had settled. */
export class DecodeError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_DECODE', message, options)
  }
}

/** A handler module is missing, throws while it loads, or exports no handlers; `cause` is its own error. */
export class HandlerLoadError extends MillraceError {
  readonly module: string

  constructor(message: string, module: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_HANDLER_LOAD', message, options)
    this.module = module
  }
}

/**
 * A handler failed on an event; `cause` is what it threw. At most 100 failures a second of one worker are told; `untold`
 * says how many before this one were not.
 */
export class HandlerError extends MillraceError {
  readonly handler: string
  readonly untold: number

  constructor(message: string, handler: string, untold: number, options?: ErrorOptions) {
    super('ERR_MILLRACE_HANDLER', message, options)
    this.handler = handler
    this.untold = untold
  }
}

/** An event that a worker had begun to handle. */
export type EventTrace = {
  type: string
  /** Undefined if its publisher gave it one that was too long to be remembered. */
  id: string | undefined
  /** When it was published, in milliseconds since 1970. */
  time: number
  attempt: number
  /** What became of it; undefined while it is being handled, or if it was when the worker died. */
  outcome: 'completed' | 'unmatched' | 'dropped' | 'expired' | 'deadLettered' | 'duplicate' | undefined
}

/** A worker thread ended although nobody asked it to. Its lanes are read on by its replacement. */
export class WorkerDiedError extends MillraceError {
  readonly workerId: number
  /** The last events that it began, up to 64, the latest last. */
  readonly lastEvents: readonly EventTrace[]

  constructor(
    message: string,
    workerId: number,
    lastEvents: readonly EventTrace[] = [],
    options?: ErrorOptions,
  ) {
    super('ERR_MILLRACE_WORKER_DIED', message, options)
    this.workerId = workerId
    this.lastEvents = lastEvents
  }
}

/** A worker has not minded its lanes for so long: a handler blocks its thread. */
export class StuckError extends MillraceError {
  readonly workerId: number
  /** The handler that blocks; undefined if it is one that went on after it had waited for something. */
  readonly handler: string | undefined
  /** The event that is being handled; if the handler is not known, all those in flight. */
  readonly events: readonly EventTrace[]
  /** Since when, in milliseconds since 1970, and for how many milliseconds. */
  readonly since: number
  readonly forMs: number

  constructor(
    message: string,
    details: Pick<StuckError, 'workerId' | 'handler' | 'events' | 'since' | 'forMs'>,
  ) {
    super('ERR_MILLRACE_STUCK', message)
    this.workerId = details.workerId
    this.handler = details.handler
    this.events = details.events
    this.since = details.since
    this.forMs = details.forMs
  }
}

/** A handler's breaker is open: the handler was not called. */
export class BreakerOpenError extends MillraceError {
  readonly handler: string

  constructor(message: string, handler: string) {
    super('ERR_MILLRACE_BREAKER_OPEN', message)
    this.handler = handler
  }
}

/** Nobody has answered a request: nobody handles its topic, its time to live was over, or its id was handled before. */
export class UnansweredError extends MillraceError {
  readonly reason: 'no-handler' | 'expired' | 'duplicate'

  constructor(message: string, reason: UnansweredError['reason']) {
    super('ERR_MILLRACE_UNANSWERED', message)
    this.reason = reason
  }
}

/** A store could not do what it was asked for: nothing of it was done. */
export class StoreError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_STORE', message, options)
  }
}

/** The platform or the configuration lacks what was asked for. */
export class CapabilityError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_CAPABILITY', message, options)
  }
}

/** `instanceof` for what anybody may have thrown: a proxy may throw again when its prototype is asked for. */
export function isA(error: unknown, type: new (...args: any[]) => unknown): boolean {
  try {
    return error instanceof type
  } catch {
    return false
  }
}
