import type { EventInput, Publishing, PublishOptions, SendOptions, TopicHandle } from '../event/publishing.ts'
import type { HandlerContext } from './handlers.ts'

/** What all contexts of a worker share. */
export type WorkerScope = {
  readonly workerId: number
  readonly publisher: Publishing & { readonly sending: boolean }
  /** One atomic load: whether what runs is no longer wanted. */
  isCancelled(): boolean
  /** The controllers of handlers that asked for a signal and have not settled: aborted when `isCancelled` rises. */
  readonly controllers: Set<AbortController>
  /** Called when a handler begins or ends to wait for room: its key no longer holds back other publishers' events. */
  onWaiting(): void
}

/** The context of one event. */
export class EventContext implements HandlerContext {
  readonly attempt: number
  /** How many sends of this handler wait for room. */
  waiting = 0
  private readonly scope: WorkerScope
  private controller: AbortController | undefined

  constructor(scope: WorkerScope, attempt: number) {
    this.scope = scope
    this.attempt = attempt
  }

  get workerId(): number {
    return this.scope.workerId
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.cancelled) this.controller.abort()
      else this.scope.controllers.add(this.controller)
    }
    return this.controller.signal
  }

  /** @internal The handlers of this event have settled. */
  settle(): void {
    if (this.controller !== undefined) this.scope.controllers.delete(this.controller)
  }

  get cancelled(): boolean {
    return this.scope.isCancelled()
  }

  publish(type: string | EventInput, data?: unknown, options?: PublishOptions): boolean {
    return this.scope.publisher.publish(type as string, data, options)
  }

  publishBatch(events: readonly EventInput[]): number {
    return this.scope.publisher.publishBatch(events)
  }

  send(type: string | (EventInput & SendOptions), data?: unknown, options?: SendOptions): Promise<void> {
    return this.untilSent(this.scope.publisher.send(type as string, data, options))
  }

  sendBatch(
    events: readonly EventInput[],
    options?: Pick<SendOptions, 'timeoutMs' | 'signal'>,
  ): Promise<void> {
    return this.untilSent(this.scope.publisher.sendBatch(events, options))
  }

  topic(topic: string): TopicHandle {
    this.scope.publisher.topic(topic)
    return {
      topic,
      publish: (data?: unknown, options?: PublishOptions) => this.publish(topic, data, options),
      send: (data?: unknown, options?: SendOptions) => this.send(topic, data, options),
    }
  }

  /** While this handler waits for room, its key holds back only its own publisher's events (decision 3). */
  private async untilSent(sent: Promise<void>): Promise<void> {
    if (!this.scope.publisher.sending) return sent
    this.waiting++
    this.scope.onWaiting()
    try {
      await sent
    } finally {
      this.waiting--
    }
  }
}
