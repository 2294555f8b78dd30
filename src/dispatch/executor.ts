import { Block } from '../event/block.ts'
import { MillraceEvent } from '../event/event.ts'
import { AS_BLOCK, ASKS, COPY, EXPIRES, flagsOf, IN_BLOCK } from '../event/record.ts'
import { EXPIRED_REQUEST, UNHANDLED } from '../lane/answer.ts'
import { MailboxWriter } from '../lane/mailbox-writer.ts'
import { beginFirst, offer } from '../lane/mark.ts'
import { COMPLETED, DEAD_LETTERED, EXPIRED, type Outcome, UNDECIDED, UNMATCHED } from '../lane/outcome.ts'
import { LATER, type Outlet, REJECTED } from '../lane/outlet.ts'
import type { Waits } from '../lane/waits.ts'
import { isThenable } from '../thenable.ts'
import type { Aftermath } from './aftermath.ts'
import type { Answer, Answers } from './answers.ts'
import { Attempts } from './attempts.ts'
import { EventContext, type RecordSource, type WorkerScope } from './context.ts'
import type { DirectCall } from './direct-call.ts'
import { after, type Execution } from './execution.ts'
import type { Failures } from './failures.ts'
import type { Handler } from './handlers.ts'
import { type RecordBlocks, refAt } from './record-blocks.ts'
import { RequestContext } from './request-context.ts'
import type { Attempt } from './resilience.ts'
import type { RoutedHandler } from './routed-handler.ts'
import type { Route, Router } from './router.ts'
import { CALLED, FAILED, FILTERED, LOST, REFUSED, SUCCEEDED } from './tally.ts'

/** Where mailboxes and inboxes are filled by another pool. */
const NO_OUTLETS: readonly Outlet[] = []

/**
 * Runs one event: finds its route, fills its outlets, calls its handlers, and says what became of it.
 */
export class Executor {
  private readonly router: Router
  private readonly scope: WorkerScope
  private readonly waits: Waits
  private readonly failures: Failures
  /** Undefined where requests are not answered. */
  private readonly answers: Answers | undefined
  readonly blocks: RecordBlocks
  readonly aftermath: Aftermath

  constructor(
    router: Router,
    scope: WorkerScope,
    waits: Waits,
    failures: Failures,
    answers: Answers | undefined,
    blocks: RecordBlocks,
    aftermath: Aftermath,
  ) {
    this.router = router
    this.scope = scope
    this.waits = waits
    this.failures = failures
    this.answers = answers
    this.blocks = blocks
    this.aftermath = aftermath
  }

  /** Takes hold of the record's block, if it has one; answers what has become of the event if that can't be. Never throws. */
  hold(source: RecordSource, at: number, length: number, attempt: number): Outcome | undefined {
    try {
      return this.blocks.hold(source, at)
    } catch (error) {
      return this.aftermath.ofDamage(source, at, length, attempt, error)
    }
  }

  /**
   * Runs the record at `at` of a ring: an outcome at once, or an execution that goes on. Never throws.
   *
   * Handlers see it as their nth attempt, and each further one is written to the record's mark before it begins.
   */
  run(
    source: RecordSource,
    at: number,
    length: number,
    attempt: number,
  ): Outcome | typeof UNDECIDED | Execution {
    try {
      return this.begin(source, at, length, attempt)
    } catch (error) {
      return this.aftermath.ofDamage(source, at, length, attempt, error)
    }
  }

  /** The call of the events of this topic, if that was resolved before and is just that of one handler. */
  directOf(topicId: number): DirectCall | undefined {
    return this.router.knownRouteOf(topicId)?.direct
  }

  /** As `run`, the first time, for a record that has no more than its data and perhaps a key. The caller watches the handler, and nobody traces it. */
  runDirect(
    call: DirectCall,
    source: RecordSource,
    at: number,
    end: number,
  ): Outcome | typeof UNDECIDED | Execution {
    const { routed } = call
    const { handler, tally } = routed
    let event: MillraceEvent
    try {
      if (call.source !== source) call.open(this.scope, source)
      event = eventOf(call, source, at, end)
    } catch (error) {
      return this.aftermath.ofDamage(source, at, end - at, 1, error)
    }
    const context = call.context!
    context.show(at)
    const start = tally.start()
    beginFirst(source.words, at)
    try {
      const result = handler.plain(event, context)
      if (result === undefined || !isThenable(result)) {
        // Of nothing, which nearly all return, it would be asked in the runtime.
        if (result !== undefined && result instanceof Block) result.release()
        if (start !== 0) tally.end(start)
        if (context.wasCancelled) {
          tally.add(CALLED, 1)
          call.giveAway()
          return finish(event, context, true)
        }
        tally.add(SUCCEEDED, 1)
        if (event !== call.event) event.settle()
        if (context.isKept) call.rest()
        return COMPLETED
      }
      call.giveAway()
      context.goOn()
      const succeeded = this.settle(routed, event, context, result, start, undefined, undefined)
      return { context, outcome: succeeded.then((ok) => finish(event, context, ok)) }
    } catch (error) {
      call.giveAway()
      const succeeded = this.fail(routed, event, context, error, 1, undefined)
      return finish(event, context, succeeded === true)
    }
  }

  private begin(
    source: RecordSource,
    at: number,
    length: number,
    attempt: number,
  ): Outcome | typeof UNDECIDED | Execution {
    const { words } = source
    const route = this.router.routeAt(source, at)
    const flags = flagsOf(words, at)
    const { handlers } = route
    const outlets = (flags & COPY) === 0 ? route.outlets : NO_OUTLETS
    if ((flags & ASKS) !== 0 && this.answers !== undefined)
      return this.beginRequest(route, this.answers, source, at, length, attempt)
    if (handlers.length === 0 && outlets.length === 0) return UNMATCHED
    const event = this.eventAt(route, source, at, length, attempt)
    if ((flags & EXPIRES) !== 0 && isExpired(event)) return EXPIRED
    const context = new EventContext(this.scope, source, at, attempt)
    if (handlers.length === 1 && outlets.length === 0) {
      const succeeded = this.call(handlers[0]!, event, context)
      if (typeof succeeded !== 'boolean')
        return { context, outcome: succeeded.then((ok) => finish(event, context, ok)) }
      return finish(event, context, succeeded)
    }
    return this.runAll(handlers, outlets, event, context, source, at, at + length)
  }

  private eventAt(
    { topic, origin }: Route,
    source: RecordSource,
    at: number,
    length: number,
    attempt: number,
  ): MillraceEvent {
    const event = new MillraceEvent(topic, attempt, origin, source.space, at, at + length, false)
    this.blocks.attach(event, source, at)
    return event
  }

  /** The same for an event that somebody waits to be answered: its outcome comes after the answer. */
  private beginRequest(
    route: Route,
    answers: Answers,
    source: RecordSource,
    at: number,
    length: number,
    attempt: number,
  ): Outcome | typeof UNDECIDED | Execution {
    const { bytes, words } = source
    const answer = answers.to(words, at, route.origin.answer)
    const context = new RequestContext(this.scope, source, at, attempt, answer)
    const event = this.eventAt(route, source, at, length, attempt)
    const flags = flagsOf(words, at)
    if ((flags & EXPIRES) !== 0 && isExpired(event))
      return after(answer.say(EXPIRED_REQUEST), context, EXPIRED)
    const { handlers, outlets } = route
    if (handlers.length === 0 && outlets.length === 0) return after(answer.say(UNHANDLED), context, UNMATCHED)
    // Nobody else looks at its block: it may answer with that.
    if ((flags & IN_BLOCK) !== 0 && handlers.length === 1 && outlets.length === 0) {
      answer.block = refAt(bytes, words, at)
      answer.wasBlock = (flags & AS_BLOCK) !== 0
    }
    const result = this.runAll(handlers, outlets, event, context, source, at, at + length, answer)
    const isSkipped = answer.wasSkipped && handlers.length === 1 && outlets.length === 0
    return isSkipped && result === COMPLETED ? EXPIRED : result
  }

  /** All its outlets and handlers; the first handler that wants it answers. */
  private runAll(
    handlers: readonly RoutedHandler[],
    outlets: readonly Outlet[],
    event: MillraceEvent,
    context: EventContext,
    source: RecordSource,
    start: number,
    end: number,
    answer?: Answer,
  ): Outcome | typeof UNDECIDED | Execution {
    let succeeded = true
    const open: Promise<boolean>[] = []
    if (outlets.length > 0) offer(source.words, start)
    // What a later worker is to get again: the engine has it before anybody's inbox has (decision 20).
    let kept: Promise<boolean> | undefined
    for (const outlet of outlets) {
      if (kept !== undefined && !(outlet instanceof MailboxWriter)) {
        open.push(kept.then(() => this.offerLater(outlet, event, context, source, start, end)))
        continue
      }
      const answer = outlet.offer(source, start, end)
      if (answer === LATER) {
        const offered = this.offerLater(outlet, event, context, source, start, end)
        if (outlet instanceof MailboxWriter && outlet.place.isOwn) kept = offered
        open.push(offered)
      } else if (answer === REJECTED) succeeded = this.reject(outlet, event, context, end - start)
    }
    for (const handler of handlers) {
      // Stopped: nothing is begun.
      if (context.hasStopped) break
      const result = this.call(handler, event, context, answer?.isTaken ? undefined : answer)
      if (typeof result === 'boolean') succeeded &&= result
      else open.push(result)
    }
    const told =
      answer === undefined || answer.isTaken || context.hasStopped ? undefined : answer.say(UNHANDLED)
    if (told !== undefined) open.push(told.then(() => true))
    if (open.length === 0) return finish(event, context, succeeded)
    context.rest()
    const outcome = Promise.all(open).then((all) => finish(event, context, succeeded && all.every(Boolean)))
    return { context, outcome }
  }

  /** Calls one handler: whether it succeeded, at once or later. */
  private call(
    routed: RoutedHandler,
    event: MillraceEvent,
    context: EventContext,
    answer?: Answer,
  ): boolean | Promise<boolean> {
    const { handler, tally } = routed
    const { resilience } = handler
    let start = 0
    let given: Promise<void> | undefined
    try {
      if (!passes(handler, event, context)) {
        tally.add(FILTERED, 1)
        return true
      }
      if (answer !== undefined && !answer.take()) {
        tally.add(LOST, 1)
        return true
      }
      start = tally.start()
      if (resilience !== undefined) {
        const attempts = new Attempts(this.scope, event, context)
        const call = (attempt: Attempt) => attempts.begin(handler, attempt)
        const result = resilience.run(event.attempt, call, () => attempts.end())
        return this.settle(routed, event, context, result, start, attempts, answer)
      }
      context.begin(event.attempt)
      const result = handler.handle(event, context)
      if (isThenable(result)) {
        context.goOn()
        return this.settle(routed, event, context, result, start, undefined, answer)
      }
      given = this.use(result, answer)
    } catch (error) {
      return this.fail(routed, event, context, error, event.attempt, answer)
    }
    if (start !== 0) tally.end(start)
    tally.add(context.wasCancelled ? CALLED : SUCCEEDED, 1)
    return given === undefined ? true : given.then(() => true)
  }

  private async settle(
    routed: RoutedHandler,
    event: MillraceEvent,
    context: EventContext,
    result: PromiseLike<unknown>,
    start: number,
    attempts: Attempts | undefined,
    answer: Answer | undefined,
  ): Promise<boolean> {
    const { tally } = routed
    tally.add(CALLED, 1)
    let failed = false
    let value: unknown
    try {
      value = await result
    } catch (error) {
      failed = true
      value = error
    }
    if (attempts === undefined) context.ended()
    else attempts.settle()
    if (!failed) {
      try {
        const used = this.use(value, answer)
        if (used !== undefined) await used
      } catch (error) {
        failed = true
        value = error
      }
    }
    tally.add(CALLED, -1)
    if (failed) return this.fail(routed, event, context, value, attempts?.last ?? event.attempt, answer)
    if (start !== 0) tally.end(start)
    tally.add(SUCCEEDED, 1)
    return true
  }

  /** What a handler has returned: the answer, if it is to answer; nobody else has use for a block. */
  private use(result: unknown, answer: Answer | undefined): Promise<void> | undefined {
    if (answer !== undefined) return answer.give(result)
    if (result instanceof Block) result.release()
    return undefined
  }

  private fail(
    routed: RoutedHandler,
    event: MillraceEvent,
    context: EventContext,
    error: unknown,
    attempts: number,
    answer: Answer | undefined,
  ): boolean | Promise<boolean> {
    // The engine has stopped: it may have failed for that, and nobody is told what becomes of it any more.
    if (this.scope.isCancelled()) return false
    const { handler, tally } = routed
    if (answer?.isTaken) {
      tally.add(REFUSED, 1)
      const refused = answer.refuse(error)
      return refused === undefined ? true : refused.then(() => true)
    }
    context.wasGivenUp = true
    tally.add(FAILED, 1)
    this.failures.add(handler.name, event, error, attempts, context.publisher)
    return false
  }

  /** Offers the record until the outlet takes it, or rejects it. It stays in the ring meanwhile. */
  private offerLater(
    outlet: Outlet,
    event: MillraceEvent,
    context: EventContext,
    source: RecordSource,
    start: number,
    end: number,
  ): Promise<boolean> {
    let { lacksBlock } = outlet
    context.offering++
    return new Promise((resolve) => {
      this.waits.add({
        ready: () => outlet.awaitRoom(end - start, lacksBlock),
        advance: () => {
          const answer = outlet.offer(source, start, end)
          lacksBlock = outlet.lacksBlock
          if (answer === LATER) return false
          context.offering--
          resolve(answer !== REJECTED || this.reject(outlet, event, context, end - start))
          return true
        },
      })
    })
  }

  /** A mailbox has counted it; inboxes reject nothing. */
  private reject(mailbox: Outlet, event: MillraceEvent, context: EventContext, bytes: number): false {
    if (this.scope.isCancelled() || !(mailbox instanceof MailboxWriter)) return false
    context.wasGivenUp = true
    const name = `subscription ${mailbox.place.patterns.join(', ')}`
    this.failures.add(name, event, mailbox.refusal(bytes), event.attempt, context.publisher)
    return false
  }
}

/** @throws DecodeError if it can't be read. */
function eventOf(call: DirectCall, { space }: RecordSource, at: number, end: number): MillraceEvent {
  const { event, topic, origin } = call
  if (event === undefined) return new MillraceEvent(topic, 1, origin, space, at, end, false)
  event.show(space, at, end)
  return event
}

/** Whether the handler's filter lets the event pass. It may kill its worker, too: while it is asked, that is an attempt. */
function passes({ name, filter }: Handler, event: MillraceEvent, context: EventContext): boolean {
  if (filter === undefined) return true
  const { words } = context.origin
  const markWord = (context.at >> 2) - 1
  const mark = words[markWord]!
  context.begin(event.attempt)
  const isWanted: unknown = filter(event, context)
  words[markWord] = mark
  if (!isThenable(isWanted)) return Boolean(isWanted)
  Promise.resolve(isWanted).catch(() => {})
  throw new TypeError(`The filter of handler ${name} answered a promise: it has to say at once`)
}

function finish(event: MillraceEvent, context: EventContext, succeeded: boolean): Outcome | typeof UNDECIDED {
  event.settle()
  context.settle()
  if (context.wasGivenUp) return DEAD_LETTERED
  // What has failed, or has given up, since the engine stops is left.
  return succeeded && !context.wasCancelled ? COMPLETED : UNDECIDED
}

function isExpired(event: MillraceEvent): boolean {
  return event.time + (event.ttlMs ?? Number.POSITIVE_INFINITY) < Date.now()
}
