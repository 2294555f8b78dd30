import { HandlerLoadError } from '../errors.ts'
import type { MillraceEvent } from '../event/event.ts'
import type { EventMap, Publishing } from '../event/publishing.ts'
import { Struct } from '../event/struct/struct.ts'
import type {
  DEAD_LETTER_TOPIC,
  DROPPED_TOPIC,
  DropNotice,
  HIGH_WATER_TOPIC,
  LevelNotice,
  LOW_WATER_TOPIC,
} from '../lane/notices.ts'
import { traced } from '../observe/channels.ts'
import type { PatternKey } from '../topic/typed.ts'
import type { DeadLetter } from './failure.ts'
import { type HandlerPolicies, policiesOf } from './policies.ts'
import { Resilience } from './resilience.ts'

/** What a handler gets beside the event. */
export interface HandlerContext<Events = EventMap> extends Publishing<Events> {
  /** 1 for the first time that this event is handled. */
  readonly attempt: number
  /** Number of the worker, from 1; 0 is the engine's own thread. */
  readonly workerId: number
  /** The lane that the event shares with all others of its key; undefined if it has neither a key nor an order. See `ModuleHooks`. */
  readonly lane: number | undefined
  /** Aborts when the result is no longer wanted: the engine stops before the handler has settled. */
  readonly signal: AbortSignal
  /** The same as one atomic load, so that a loop which never yields can ask often. */
  readonly cancelled: boolean
}

/** The events that the engine itself publishes. */
export type Notices = {
  [DEAD_LETTER_TOPIC]: DeadLetter
  [DROPPED_TOPIC]: DropNotice
  [HIGH_WATER_TOPIC]: LevelNotice
  [LOW_WATER_TOPIC]: LevelNotice
}

/** What a pattern is held against: the events of the map, or the engine's own notices. */
export type Received<Events, Pattern extends string> = Pattern extends `millrace.${string}` ? Notices : Events

/** An event of one of these topics; `event.type` tells which. */
export type EventOf<Events, Topic extends keyof Events = keyof Events> = {
  [T in Topic & string]: MillraceEvent<T, Events[T]>
}[Topic & string]

/** A handler: a plain function, or one that returns a promise. The event counts as handled once that has settled. */
export type HandlerFunction<Event = MillraceEvent, Events = EventMap> = (
  event: Event,
  ctx: HandlerContext<Events>,
) => unknown

/** A handler with its options. */
export type HandlerObject<Event = MillraceEvent, Events = EventMap> = HandlerPolicies & {
  handle: HandlerFunction<Event, Events>
  /** Its name in statistics and errors; its pattern if not given. */
  name?: string
  /**
   * Where it runs: `one`, if not given, on whichever worker has the event; `every-worker`, on each, for what all of them must know (configuration, what to
   * forget). Each worker then has a key's events in their order. Such a handler answers no requests, and what it fails on is a dead letter of its worker.
   */
  scope?: 'one' | 'every-worker'
  /** The pool whose workers run it; if not given, the first one, and for `every-worker` all of them. */
  pool?: string
  /** With `every-worker`: a worker that starts later, in the place of one that has died, gets the last event of each topic. */
  replayLast?: boolean
  /** The struct that it is written for: events of topics with another one fail with a DecodeError, and are not misread. */
  struct?: Struct
  /** Events for which it answers false are passed over, and counted as filtered. */
  filter?: (event: Event) => boolean
}

/** Handlers by topic or pattern. Each key is exact in its event type; a pattern's event is any of the map. */
export type HandlerMap<Events = EventMap> = {
  [Topic in keyof Events & string]?:
    | HandlerFunction<EventOf<Events, Topic>, Events>
    | HandlerObject<EventOf<Events, Topic>, Events>
} & {
  [Topic in keyof Notices]?:
    | HandlerFunction<EventOf<Notices, Topic>, Events>
    | HandlerObject<EventOf<Notices, Topic>, Events>
} & {
  [Pattern in PatternKey]?: HandlerFunction<EventOf<Events>, Events> | HandlerObject<EventOf<Events>, Events>
}

/**
 * Types the handlers of a module against an event map: a mistyped topic or payload does not compile.
 *
 * @example
 * export default defineHandlers<{ 'image.uploaded': { path: string } }>({
 *   'image.uploaded': async (event, ctx) => { console.log(event.data.path) },
 * })
 */
export function defineHandlers(handlers: HandlerMap): HandlerMap
export function defineHandlers<Events>(handlers: HandlerMap<Events>): HandlerMap<Events>
export function defineHandlers<Events>(handlers: HandlerMap<Events>): HandlerMap<Events> {
  return handlers
}

/** A handler as the dispatcher calls it. */
export type Handler = {
  readonly name: string
  readonly pattern: string
  readonly handle: HandlerFunction
  /** The same, without saying so on the tracing channel. */
  readonly plain: HandlerFunction
  /** Of the struct that it reads; undefined if it does not say. */
  readonly fingerprint: string | undefined
  readonly filter: ((event: MillraceEvent, ctx: HandlerContext) => boolean) | undefined
  readonly scope: 'one' | 'every-worker'
  readonly replayLast: boolean
  readonly pool: string | undefined
  /** How often an event's handling may be begun. */
  readonly attempts: number
  /** Undefined if it has no policies: then it is just called. */
  readonly resilience: Resilience | undefined
}

/**
 * The handlers that a module exports by default, in their order.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`) if there are none or one is malformed.
 */
export function handlersOf(exported: unknown, module: string): Handler[] {
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    throw new HandlerLoadError(`${module} has no default export made by defineHandlers`, module)
  }
  const handlers = Object.entries(exported).map(([pattern, value]) => handlerOf(pattern, value, module))
  if (handlers.length === 0) throw new HandlerLoadError(`${module} exports no handlers`, module)
  return handlers
}

function handlerOf(pattern: string, value: unknown, module: string): Handler {
  const object: unknown = typeof value === 'function' ? { handle: value } : value
  if (
    typeof object !== 'object' ||
    object === null ||
    typeof (object as HandlerObject).handle !== 'function'
  ) {
    throw new HandlerLoadError(`Handler ${JSON.stringify(pattern)} of ${module} is not a function`, module)
  }
  const { handle, name, filter, scope = 'one', replayLast = false, pool, struct } = object as HandlerObject
  if (scope !== 'one' && scope !== 'every-worker') {
    throw new HandlerLoadError(
      `The scope of handler ${JSON.stringify(pattern)} of ${module} is neither one nor every-worker`,
      module,
    )
  }
  if (typeof replayLast !== 'boolean' || (replayLast && scope === 'one')) {
    throw new HandlerLoadError(
      `replayLast of handler ${JSON.stringify(pattern)} of ${module} is true or false, and for scope every-worker`,
      module,
    )
  }
  if (name !== undefined && typeof name !== 'string') {
    throw new HandlerLoadError(
      `The name of handler ${JSON.stringify(pattern)} of ${module} is not a string`,
      module,
    )
  }
  if (filter !== undefined && typeof filter !== 'function') {
    throw new HandlerLoadError(
      `The filter of handler ${JSON.stringify(pattern)} of ${module} is not a function`,
      module,
    )
  }
  if (struct !== undefined && !(struct instanceof Struct)) {
    throw new HandlerLoadError(
      `The struct of handler ${JSON.stringify(pattern)} of ${module} is not what struct() answers`,
      module,
    )
  }
  const policies = policiesOf(
    object as HandlerObject,
    `Handler ${JSON.stringify(pattern)} of ${module}`,
    module,
  )
  // A plain function has no object that it could be asking for.
  const plain = typeof value === 'function' ? handle : handle.bind(object)
  return {
    name: name ?? pattern,
    pattern,
    handle: traced(name ?? pattern, plain),
    plain,
    fingerprint: struct?.fingerprint,
    filter: filter?.bind(object),
    scope,
    replayLast,
    pool,
    attempts: policies.retry?.attempts ?? 1,
    resilience: Object.keys(policies).length === 0 ? undefined : new Resilience(name ?? pattern, policies),
  }
}
