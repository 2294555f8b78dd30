import type { Outcome, UNDECIDED } from '../lane/outcome.ts'
import type { EventContext } from './context.ts'

/** An event of which it is not decided yet what becomes. The promise never rejects. */
export type Execution = {
  readonly context: EventContext
  readonly outcome: Promise<Outcome | typeof UNDECIDED>
}

/** The outcome, once the answer is written. */
export function after(
  answered: Promise<void> | undefined,
  context: EventContext,
  outcome: Outcome,
): Outcome | Execution {
  return answered === undefined ? outcome : { context, outcome: answered.then(() => outcome) }
}
