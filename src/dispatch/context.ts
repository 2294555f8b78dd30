import type { Ticket } from '../../native-free-ring/src/index.ts'
import type { Block } from '../event/block.ts'
import type {
  Ask,
  EventInput,
  Publishing,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  SendOptions,
  TopicHandle,
} from '../event/publishing.ts'
import type { Space } from '../event/space.ts'
import type { WaitOptions } from '../lane/deadline.ts'
import { begin, rest } from '../lane/mark.ts'
import type { NoticeTopic } from '../lane/notices.ts'
import type { Watch } from '../lane/waits.ts'
import type { HandlerContext } from './handlers.ts'
import { lookingController } from './looking-signal.ts'

/** A publisher that asks, and says whether a send has to wait: undefined if there was room at once. */
export type WaitingPublisher = Publishing & {
  /** Whether sends are waiting for room. */
  readonly sending: boolean
  /** Whether requests of this thread, as whomever it publishes, wait for their answer. */
  readonly asking: boolean
  /** Time has passed: what is published next carries the time at which it is. */
  tick(): void
  /** Publishes what the engine has to say, if there is room for it. Never throws. */
  notify(topic: NoticeTopic, notice: unknown): void
  sendOrWait(
    type: string | (EventInput & SendOptions),
    data?: unknown,
    options?: SendOptions,
  ): Promise<void> | undefined
  sendBatchOrWait(events: readonly EventInput[], options?: WaitOptions): Promise<void> | undefined
  requestMany(
    type: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options: RequestManyOptions | undefined,
    ask: Ask,
  ): AsyncGenerator<any, void, undefined>
  /** As `request`; `onTicket` learns which ticket it has. */
  ask(
    type: string,
    data: unknown,
    options: RequestOptions | undefined,
    onTicket: (ticket: Ticket) => void,
  ): Promise<any>
}

/** What all contexts of a worker share. */
export type WorkerScope = {
  readonly workerId: number
  /** One atomic load: whether what runs is no longer wanted. */
  isCancelled(): boolean
  /** The controllers of handlers that asked for a signal and have not settled: aborted when `isCancelled` rises. */
  readonly controllers: Set<AbortController>
  /** Events in flight whose handlers wait for room. */
  waiting: number
  /** Looks for something from time to time. */
  watch(watch: Watch): void
  /** Called when a handler begins to wait for room: its key no longer holds back other publishers' events. */
  onWaiting(): void
}

/** What the context of an event takes from the ring that the event lies in. */
export type EventOrigin = {
  /** As whom its handlers publish. */
  readonly publisher: WaitingPublisher
  /** The lane of its key; undefined if its lane is none for keys. */
  readonly keyedLane: number | undefined
  /** The event's number in the flight recorder. */
  readonly flown: number
}

/** Where records come from: a ring of a lane. */
export type RecordSource = EventOrigin & {
  readonly space: Space
  readonly bytes: Uint8Array
  readonly words: Int32Array
}

/** The context of one event. */
export class EventContext implements HandlerContext {
  readonly attempt: number
  /** @internal How many sends of this event's handlers wait for room. */
  waiting = 0
  private tickets: Ticket[] | undefined
  /** @internal How many mailboxes and inboxes it waits for. */
  offering = 0
  /** How many of its handlers go on. */
  private underWay = 0
  protected readonly scope: WorkerScope
  /** @internal */
  origin: RecordSource
  /** @internal Where its record lies. */
  at: number
  /** @internal */
  flown: number
  /** @internal Its handler was told that the engine has stopped. */
  wasCancelled = false
  /** @internal Something was asked of it that outlives the call: it can not be used again. */
  isKept = false
  /** @internal One of its handlers has failed: it is a dead letter. */
  wasGivenUp = false
  private controller: AbortController | undefined
  /** Its publisher knows that time has passed. */
  private hasTicked = false
  protected hasSettled = false

  constructor(scope: WorkerScope, origin: RecordSource, at: number, attempt: number) {
    this.flown = origin.flown
    this.scope = scope
    this.origin = origin
    this.at = at
    this.attempt = attempt
  }

  /** @internal It is used again, for records of this ring. */
  renew(origin: RecordSource): void {
    this.origin = origin
    this.hasSettled = false
  }

  /** @internal The record at `at` is the next. */
  show(at: number): void {
    this.at = at
    this.flown = this.origin.flown
    this.hasTicked = false
  }

  /** @internal What its handlers have asked, and wait for. */
  get asked(): Ticket[] {
    this.isKept = true
    this.tickets ??= []
    return this.tickets
  }

  get workerId(): number {
    return this.scope.workerId
  }

  get lane(): number | undefined {
    return this.origin.keyedLane
  }

  /** @internal What handles this event publishes as this one. */
  get publisher(): WaitingPublisher {
    const { publisher } = this.origin
    // Handlers may have taken long since anything was published here.
    if (!this.hasTicked) publisher.tick()
    this.hasTicked = true
    return publisher
  }

  get signal(): AbortSignal {
    this.controller ??= this.control()
    return this.controller.signal
  }

  protected control(): AbortController {
    this.isKept = true
    const controller = lookingController(() => this.cancelled)
    if (!this.hasSettled) this.scope.controllers.add(controller)
    return controller
  }

  /** @internal A handler is about to be called, for the nth time: if its worker dies of it, the record says so. */
  begin(attempt: number): void {
    begin(this.origin.words, this.at, attempt)
  }

  /** @internal The call has returned, and the handler goes on. */
  goOn(): void {
    this.underWay++
  }

  /** @internal A handler that went on has settled. */
  ended(): void {
    this.underWay--
    this.rest()
    if (this.isResting) this.scope.onWaiting()
  }

  /** @internal No handler has it: it waits for mailboxes or inboxes. */
  get isResting(): boolean {
    return this.offering > 0 && this.underWay === 0
  }

  /** @internal If no handler goes on, whatever the event waits for is not to blame. */
  rest(): void {
    if (this.underWay === 0) rest(this.origin.words, this.at)
  }

  /** @internal The handlers of this event have settled. */
  settle(): void {
    this.hasSettled = true
    // Of sends that no handler has waited for.
    if (this.waiting > 0) this.scope.waiting--
    if (this.controller !== undefined) this.scope.controllers.delete(this.controller)
  }

  get cancelled(): boolean {
    return this.hasStopped
  }

  /** @internal The engine has. */
  get hasStopped(): boolean {
    this.wasCancelled ||= this.scope.isCancelled()
    return this.wasCancelled
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
    const sent = this.publisher.sendOrWait(type, data, options)
    if (sent !== undefined) await this.waitFor(sent)
  }

  async sendBatch(events: readonly EventInput[], options?: WaitOptions): Promise<void> {
    const sent = this.publisher.sendBatchOrWait(events, options)
    if (sent !== undefined) await this.waitFor(sent)
  }

  async request(type: string, data?: unknown, options?: RequestOptions): Promise<any> {
    return this.waitFor(this.ask(type, data, options, () => {}))
  }

  async *requestMany(
    type: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options?: RequestManyOptions,
  ): AsyncGenerator<any, void, undefined> {
    const ask: Ask = (data, each, onTicket) => this.ask(type, data, each, onTicket)
    const answers = this.publisher.requestMany(type, inputs, options, ask)
    try {
      for (;;) {
        const { done, value } = await this.waitFor(answers.next())
        if (done) return
        yield value
      }
    } finally {
      await answers.return()
    }
  }

  private async ask(
    type: string,
    data: unknown,
    options: RequestOptions | undefined,
    onTicket: (ticket: Ticket) => void,
  ): Promise<any> {
    const { asked } = this
    let own: Ticket | undefined
    try {
      return await this.publisher.ask(type, data, options, (ticket) => {
        own = ticket
        asked.push(ticket)
        onTicket(ticket)
      })
    } finally {
      if (own !== undefined) asked.splice(asked.indexOf(own), 1)
    }
  }

  /** @internal Whether one of its handlers waits for the answer to the request with this ticket. */
  isAsking(slot: number, stamp: number): boolean {
    const isIt = (ticket: Ticket) => ticket.slot === slot && ticket.stamp === stamp
    return this.tickets?.some(isIt) ?? false
  }

  allocate(bytes: number): Block {
    return this.publisher.allocate(bytes)
  }

  topic(topic: string): TopicHandle {
    this.publisher.topic(topic)
    return {
      topic,
      publish: (data?: unknown, options?: PublishOptions) => this.publish(topic, data, options),
      send: (data?: unknown, options?: SendOptions) => this.send(topic, data, options),
    }
  }

  /** While a handler waits for room, or an answer, its key holds back only its own publisher's events (decision 3). */
  private async waitFor<Value>(promise: Promise<Value>): Promise<Value> {
    this.beginWait()
    try {
      return await promise
    } finally {
      this.endWait()
    }
  }

  /** @internal */
  beginWait(): void {
    this.isKept = true
    if (this.hasSettled) return
    if (this.waiting++ === 0) this.scope.waiting++
    this.scope.onWaiting()
  }

  /** @internal */
  endWait(): void {
    if (!this.hasSettled && --this.waiting === 0) this.scope.waiting--
  }
}
