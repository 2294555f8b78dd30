import type { Answer } from './answers.ts'
import { EventContext, type RecordSource, type WorkerScope } from './context.ts'

/** The context of a request: it is not wanted any more once whoever asked has gone. */
export class RequestContext extends EventContext {
  /** @internal */
  readonly answer: Answer

  constructor(scope: WorkerScope, origin: RecordSource, at: number, attempt: number, answer: Answer) {
    super(scope, origin, at, attempt)
    this.answer = answer
  }

  override get cancelled(): boolean {
    return this.hasStopped || !this.answer.isWanted
  }

  protected override control(): AbortController {
    const controller = super.control()
    this.scope.watch({
      ready: () => this.cancelled || this.hasSettled,
      advance: () => {
        if (!this.hasSettled) controller.abort()
        return true
      },
    })
    return controller
  }
}
