import type { Ticket } from '../../native-free-ring/src/index.ts'
import type { Block } from './block.ts'
import type { Extras } from './extras.ts'
import type { Policy } from './policy.ts'
import type { Priority } from './priority.ts'

/** A map from topics to the data of their events. */
export type EventMap = Record<string, any>

/** Options of one event beside its topic and data. */
export type PublishOptions = Extras & {
  /** Events with the same key are handled one after the other, in the order of publishing. */
  key?: string | undefined
  /** `normal` if not given: `high` ones are handled before those, `low` ones after. Of a key, those of one priority are handled in order. */
  priority?: Priority
  /** What happens to this event if its lane is full; the engine's `onFull` if not given. */
  onFull?: Policy
}

/** Data may be left out only where the event map allows it to be undefined. */
type Payload<Data, Options> = undefined extends Data
  ? [data?: Data, options?: Options]
  : [data: Data, options?: Options]

/** Options of a `send`, which may wait. */
export type SendOptions = PublishOptions & {
  /** The longest wait for room, in milliseconds; 30,000 if not given. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** Options of a `request`. */
export type RequestOptions = Omit<PublishOptions, 'onFull'> & {
  /** The longest wait for the answer, and for room before, in milliseconds; 30,000 if not given. */
  timeoutMs?: number
  /** Gives up: the handler's `ctx.signal` aborts; if it has not begun, it is not called. */
  signal?: AbortSignal
  /** What happens if its lane is full: it waits (`block`, if not given), or is refused with a FullError (`reject`). */
  onFull?: 'block' | 'reject'
}

/** Options of `requestMany`; `timeoutMs` is each one's, `signal` that of all. */
export type RequestManyOptions = RequestOptions & {
  /** How many are asked at once, and how many answers are kept until the loop takes them: 64 if not given. */
  concurrency?: number
  /** In which order the answers come: that of the inputs (if not given), or as they come. */
  order?: 'input' | 'completion'
}

/** @internal How one of many requests is made; `onTicket` learns which ticket it has. */
export type Ask = (
  data: unknown,
  options: RequestOptions,
  onTicket: (ticket: Ticket) => void,
) => Promise<unknown>

type TopicOf<Events> = keyof Events & string

/** A whole event, for `publish` and `publishBatch`. */
export type EventInput<Events = EventMap> = {
  [Topic in TopicOf<Events>]: (undefined extends Events[Topic]
    ? { type: Topic; data?: Events[Topic] }
    : { type: Topic; data: Events[Topic] }) &
    PublishOptions
}[TopicOf<Events>]

/** A topic that was resolved once. */
export interface TopicHandle<Data = any> {
  readonly topic: string
  publish(...payload: Payload<Data, PublishOptions>): boolean
  send(...payload: Payload<Data, SendOptions>): Promise<void>
}

/** How events are published: by the engine, by handlers through their context, by attached threads. */
export interface Publishing<Events = EventMap> {
  /**
   * Publishes an event without ever waiting: `true` if it was accepted, `false` if there is no room now.
   *
   * With a policy that drops, what is dropped was accepted and is counted; with `reject` it throws a `FullError`.
   *
   * @throws InvalidEventError, EncodeError: nothing was written. ClosedError after `close`.
   */
  publish<Topic extends TopicOf<Events>>(
    type: Topic,
    ...payload: Payload<Events[Topic], PublishOptions>
  ): boolean
  publish(event: EventInput<Events>): boolean

  /**
   * Publishes events in order, and answers how many were accepted: the rest, `events.slice(n)`, found no room.
   *
   * @throws as `publish`, with `accepted` in the error: 0, but for events before it that may overwrite others, or before a change of priority.
   */
  publishBatch(events: readonly EventInput<Events>[]): number

  /**
   * Publishes an event, waiting for room if there is none.
   *
   * @throws TimeoutError after `timeoutMs`; the signal's reason if it aborts; as `publish` otherwise. In all of
   * these cases nothing was written.
   */
  send<Topic extends TopicOf<Events>>(
    type: Topic,
    ...payload: Payload<Events[Topic], SendOptions>
  ): Promise<void>
  send(event: EventInput<Events> & SendOptions): Promise<void>

  /**
   * Publishes events in order, waiting for room where there is none.
   *
   * @throws as `send`, which `timeoutMs` and `signal` are for. An event that is invalid keeps those that were to be
   * written with it from being written; what had been accepted before stays so.
   */
  sendBatch(
    events: readonly EventInput<Events>[],
    options?: Pick<SendOptions, 'timeoutMs' | 'signal'>,
  ): Promise<void>

  /**
   * Publishes an event, and resolves with what its handler returns: that of the first handler, in the order of the modules,
   * whose filter lets it pass.
   *
   * @throws what the handler throws, with its name, message, stack and own fields; UnansweredError at once if there is no
   * handler; TimeoutError after `timeoutMs`, the signal's reason if it aborts; WorkerDiedError if workers died of it;
   * FullError if 65,536 requests of this thread wait, ClosedError; as `send` otherwise.
   */
  request<Answer = any, Topic extends TopicOf<Events> = TopicOf<Events>>(
    type: Topic,
    ...payload: Payload<Events[Topic], RequestOptions>
  ): Promise<Answer>

  /**
   * A request for each input, and their answers one after the other. The inputs are taken as the loop goes on: memory is bounded by
   * `concurrency`. When the loop ends, what is open is given up.
   *
   * @throws OptionsError; in the loop, the first error of a request, of the inputs, or the signal's reason.
   */
  requestMany<Answer = any, Topic extends TopicOf<Events> = TopicOf<Events>>(
    type: Topic,
    inputs: Iterable<Events[Topic]> | AsyncIterable<Events[Topic]>,
    options?: RequestManyOptions,
  ): AsyncGenerator<Answer, void, undefined>

  /**
   * Shared memory of so many bytes, up to 256 MiB, to be filled in place and then sent, without a copy.
   *
   * @throws InvalidEventError for a length that no block can have, FullError if no block is free now, ClosedError after `close`.
   */
  allocate(bytes: number): Block

  /** Resolves a topic once, for the hottest paths. */
  topic<Topic extends TopicOf<Events>>(topic: Topic): TopicHandle<Events[Topic]>
}
