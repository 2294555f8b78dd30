import type { EventInput, Publishing, PublishOptions, SendOptions, TopicHandle } from '../event/publishing.ts'
import type { WaitOptions } from '../lane/deadline.ts'
import type { HandlerContext } from './handlers.ts'

/** A publisher that says whether a send has to wait: undefined if there was room at once. */
export type WaitingPublisher = Publishing & {
  sendOrWait(
    type: string | (EventInput & SendOptions),
    data?: unknown,
    options?: SendOptions,
  ): Promise<void> | undefined
  sendBatchOrWait(events: readonly EventInput[], options?: WaitOptions): Promise<void> | undefined
}

/** What all contexts of a worker share. */
export type WorkerScope = {
  readonly workerId: number
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
  /** @internal What handles this event publishes as this one. */
  readonly publisher: WaitingPublisher
  private readonly scope: WorkerScope
  private controller: AbortController | undefined

  constructor(scope: WorkerScope, publisher: WaitingPublisher, attempt: number) {
    this.scope = scope
    this.publisher = publisher
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
    return this.publisher.publish(type as string, data, options)
  }

  publishBatch(events: readonly EventInput[]): number {
    return this.publisher.publishBatch(events)
  }

  async send(
    type: string | (EventInput & SendOptions),
    data?: unknown,
    options?: SendOptions,
  ): Promise<void> {
    await this.untilSent(this.publisher.sendOrWait(type, data, options))
  }

  async sendBatch(events: readonly EventInput[], options?: WaitOptions): Promise<void> {
    await this.untilSent(this.publisher.sendBatchOrWait(events, options))
  }

  topic(topic: string): TopicHandle {
    this.publisher.topic(topic)
    return {
      topic,
      publish: (data?: unknown, options?: PublishOptions) => this.publish(topic, data, options),
      send: (data?: unknown, options?: SendOptions) => this.send(topic, data, options),
    }
  }

  /** While this handler waits for room, its key holds back only its own publisher's events (decision 3). */
  private async untilSent(waiting: Promise<void> | undefined): Promise<void> {
    if (waiting === undefined) return
    this.waiting++
    this.scope.onWaiting()
    try {
      await waiting
    } finally {
      this.waiting--
    }
  }
}
