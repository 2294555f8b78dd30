import { DecodeError, isA, WorkerDiedError } from '../errors.ts'
import { MillraceEvent, UNREADABLE } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import { ASKS, flagsOf } from '../event/record.ts'
import { DIED, DUPLICATE_REQUEST } from '../lane/answer.ts'
import { attemptsOf, deathsOf } from '../lane/mark.ts'
import { DEAD_LETTERED, DROPPED, type Outcome } from '../lane/outcome.ts'
import type { Answers } from './answers.ts'
import type { RecordSource, WorkerScope } from './context.ts'
import { after, type Execution } from './execution.ts'
import type { Failures } from './failures.ts'
import type { RecordBlocks } from './record-blocks.ts'
import { RequestContext } from './request-context.ts'
import type { Router } from './router.ts'
import { FAILED, LOST } from './tally.ts'

/** What becomes of events that were in flight when their worker died (decision 12). */
export type Delivery = {
  mode: 'at-most-once' | 'at-least-once' | 'effectively-once'
  /** How often an event is handled again after deaths. */
  redeliveries: number
}

/** What becomes of records that no handler is called for: those that a worker died of, and those that can't be read. */
export class Aftermath {
  private readonly origins: EventOrigins
  private readonly scope: WorkerScope
  private readonly router: Router
  private readonly delivery: Delivery
  private readonly failures: Failures
  /** Undefined where requests are not answered. */
  private readonly answers: Answers | undefined
  private readonly blocks: RecordBlocks

  constructor(
    origins: EventOrigins,
    scope: WorkerScope,
    router: Router,
    delivery: Delivery,
    failures: Failures,
    answers: Answers | undefined,
    blocks: RecordBlocks,
  ) {
    this.origins = origins
    this.scope = scope
    this.router = router
    this.delivery = delivery
    this.failures = failures
    this.answers = answers
    this.blocks = blocks
  }

  /** Of a record whose worker died while it was in flight: undefined if it is to be handled again. Never throws. */
  ofDeath(source: RecordSource, at: number, length: number): Outcome | Execution | undefined {
    const mark = source.words[(at >> 2) - 1]!
    try {
      if (this.delivery.mode === 'at-most-once') return this.lose(source, at)
      return this.judge(source, at, length, mark)
    } catch (error) {
      return this.ofDamage(source, at, length, attemptsOf(mark), error)
    }
  }

  /** Of a record that can't be read, as was found before any handler was called. */
  ofDamage(source: RecordSource, at: number, length: number, attempts: number, thrown: unknown): Outcome {
    const text = `A record of ${length} bytes can not be read`
    const error = isA(thrown, DecodeError) ? thrown : new DecodeError(text, { cause: thrown })
    this.bury(UNREADABLE, UNREADABLE, source, at, length, attempts, error)
    return DEAD_LETTERED
  }

  /** Of a record with the id of one that was completed, and this `outcome`. */
  ofDuplicate(source: RecordSource, at: number, outcome: Outcome): Outcome | Execution {
    return this.answer(source, at, outcome, DUPLICATE_REQUEST)
  }

  private lose(source: RecordSource, at: number): Outcome | Execution {
    for (const { tally } of this.router.routeAt(source, at).handlers) tally.add(LOST, 1)
    return this.answer(source, at, DROPPED, DIED, 'Its worker died while it was handled')
  }

  private judge(
    source: RecordSource,
    at: number,
    length: number,
    mark: number,
  ): Outcome | Execution | undefined {
    const { topic, handlers } = this.router.routeAt(source, at)
    let allowed = this.delivery.redeliveries
    for (const { handler } of handlers) allowed = Math.max(allowed, handler.attempts - 1)
    if (deathsOf(mark) <= allowed) return undefined
    const text = `A worker died ${deathsOf(mark)} times while it was handled`
    const error = new WorkerDiedError(text, this.scope.workerId)
    for (const { tally } of handlers) tally.add(FAILED, 1)
    const names = handlers.map(({ handler }) => handler.name).join(', ')
    this.bury(names, topic, source, at, length, attemptsOf(mark), error)
    return this.answer(source, at, DEAD_LETTERED, DIED, text)
  }

  /** The outcome; of a request, after its caller was told why. */
  private answer(
    source: RecordSource,
    at: number,
    outcome: Outcome,
    kind: number,
    text?: string,
  ): Outcome | Execution {
    const { words } = source
    if ((flagsOf(words, at) & ASKS) === 0 || this.answers === undefined) return outcome
    const answer = this.answers.to(words, at)
    const context = new RequestContext(this.scope, source, at, attemptsOf(words[(at >> 2) - 1]!), answer)
    return after(answer.say(kind, text), context, outcome)
  }

  private bury(
    handler: string,
    topic: string,
    source: RecordSource,
    at: number,
    length: number,
    attempts: number,
    error: unknown,
  ): void {
    const event = new MillraceEvent(
      topic,
      attempts,
      this.origins.of(topic),
      source.space,
      at,
      at + length,
      false,
    )
    this.blocks.attach(event, source, at)
    this.failures.add(handler, event, error, attempts, source.publisher)
    event.settle()
  }
}
