import type { MillraceEvent } from '../event/event.ts'
import { clip, describeError } from '../event/thrown.ts'
import { DEAD_LETTER_TOPIC } from '../lane/notices.ts'
import type { WaitingPublisher } from './context.ts'
import { type DeadLetter, deadLetter, type LetterHead } from './failure.ts'
import type { FailureReports } from './failure-reports.ts'
import type { LetterWriter } from './letter-writer.ts'
import type { Router } from './router.ts'

/** Of texts in a letter that is too large otherwise. */
const SHORT = 64

/** What has failed for good on this thread: kept as a dead letter, reported, and published to whom it interests. */
export class Failures {
  private readonly workerId: number
  private readonly router: Router
  /** Undefined if none are kept. */
  private readonly letters: LetterWriter | undefined
  private readonly reports: FailureReports

  constructor(workerId: number, router: Router, letters: LetterWriter | undefined, reports: FailureReports) {
    this.workerId = workerId
    this.router = router
    this.letters = letters
    this.reports = reports
  }

  /** `handler` has failed on the event. What fails on a dead letter is told, but makes no further one. */
  add(
    handler: string,
    event: MillraceEvent,
    error: unknown,
    attempts: number,
    publisher: WaitingPublisher,
  ): void {
    const head: LetterHead = {
      handler: clip(handler),
      error: describeError(error),
      attempts,
      workerId: this.workerId,
      time: Date.now(),
    }
    this.letters?.write(head, event.recordBytes)
    const letter = deadLetter(head, event)
    this.reports.add(letter)
    if (event.type !== DEAD_LETTER_TOPIC && this.isWanted) publish(letter, publisher)
  }

  private get isWanted(): boolean {
    const { handlers, outlets } = this.router.routeOfText(DEAD_LETTER_TOPIC)
    return handlers.length > 0 || outlets.length > 0
  }
}

/** As an ordinary event: as much of it as a lane takes. */
function publish(letter: DeadLetter, publisher: WaitingPublisher): void {
  const { event_type } = letter.event
  const { name, message } = letter.error
  const withoutData: DeadLetter = { ...letter, event: { event_type } }
  const short: DeadLetter = {
    ...withoutData,
    handler: letter.handler.slice(0, SHORT),
    error: { name: name.slice(0, SHORT), message: message.slice(0, SHORT) },
  }
  for (const data of [letter, withoutData, short]) {
    try {
      publisher.publish({ type: DEAD_LETTER_TOPIC, onFull: 'drop-newest', data })
      return
    } catch {
      // Too large; or the engine was closed meanwhile: the failure is counted and reported all the same.
    }
  }
}
