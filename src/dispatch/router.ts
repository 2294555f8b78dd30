import type { EventOrigin, EventOrigins } from '../event/origins.ts'
import { readTopic, topicIdOf } from '../event/record.ts'
import type { MailboxWriter } from '../lane/mailbox-writer.ts'
import { asksFor, isNotice } from '../lane/notices.ts'
import type { Outlet } from '../lane/outlet.ts'
import { PatternIndex } from '../topic/matcher.ts'
import { TopicMap } from '../topic/topic-map.ts'
import { DirectCall } from './direct-call.ts'
import type { Handler } from './handlers.ts'
import { forTopic, type RoutedHandler } from './routed-handler.ts'

/** What one topic leads to, resolved once. */
export type Route = {
  readonly topic: string
  readonly origin: EventOrigin
  readonly handlers: readonly RoutedHandler[]
  /** Mailboxes; and after them the inboxes of all workers, if it has handlers that run on each. */
  readonly outlets: readonly Outlet[]
  /** The only handler, if there is nothing else, and it is just to be called. */
  readonly direct: DirectCall | undefined
}

/** Routes of topics that have no id are kept up to this many, the oldest forgotten first. */
const MAX_TEXT_ROUTES = 4_096

/**
 * From topics to routes. A topic's patterns are matched once; afterwards its route is one array access, whatever the
 * number of patterns.
 */
export class Router {
  private readonly origins: EventOrigins
  private handlers = new PatternIndex<RoutedHandler>()
  private readonly mailboxes = new PatternIndex<MailboxWriter>()
  /** Handlers that run on every worker, there: whose inboxes their events go to. */
  private everywhere = new PatternIndex<{
    readonly pattern: string
    readonly inboxes: readonly Outlet[]
  }>()
  private readonly byId = new TopicMap<Route>()
  private readonly byText = new Map<string, Route>()

  constructor(origins: EventOrigins) {
    this.origins = origins
  }

  /** Forgets all handlers, and keeps the mailboxes. */
  clearHandlers(): void {
    this.handlers = new PatternIndex()
    this.everywhere = new PatternIndex()
    this.forget()
  }

  addHandler(handler: RoutedHandler): void {
    this.handlers.add(handler.handler.pattern, handler)
    this.forget()
  }

  /** Of a handler that runs on every worker: its events go to these inboxes. */
  addEverywhere({ pattern }: Handler, inboxes: readonly Outlet[]): void {
    this.everywhere.add(pattern, { pattern, inboxes })
    this.forget()
  }

  addMailbox(mailbox: MailboxWriter): void {
    this.mailboxes.add(mailbox.place.patterns, mailbox)
    this.forget()
  }

  removeMailbox(mailbox: MailboxWriter): void {
    this.mailboxes.delete(mailbox)
    this.forget()
  }

  /** The route of an id, if it was resolved before. */
  knownRouteOf(topicId: number): Route | undefined {
    return this.byId.get(topicId)
  }

  routeOf(topicId: number): Route {
    return this.byId.get(topicId) ?? this.resolveId(topicId)
  }

  /** Of the record at `at`. */
  routeAt({ bytes, words }: { bytes: Uint8Array; words: Int32Array }, at: number): Route {
    const topicId = topicIdOf(words, at)
    return topicId === 0 ? this.routeOfText(readTopic(bytes, at)) : this.routeOf(topicId)
  }

  routeOfText(topic: string): Route {
    const known = this.byText.get(topic)
    if (known !== undefined) return known
    if (this.byText.size >= MAX_TEXT_ROUTES) this.byText.delete(this.byText.keys().next().value!)
    const route = this.resolve(topic)
    this.byText.set(topic, route)
    return route
  }

  private resolveId(topicId: number): Route {
    const route = this.resolve(this.origins.nameOf(topicId))
    this.byId.set(topicId, route)
    return route
  }

  private resolve(topic: string): Route {
    const handlers = this.handlers.match(topic)
    const mailboxes = this.mailboxes.match(topic)
    const everywhere = this.everywhere.match(topic)
    const origin = this.origins.of(topic)
    if (!isNotice(topic)) return routeTo(topic, origin, handlers, this.outletsOf(mailboxes, everywhere))
    const asks = ({ pattern }: { readonly pattern: string }): boolean => asksFor([pattern], topic)
    return routeTo(
      topic,
      origin,
      handlers.filter(({ handler }) => asks(handler)),
      this.outletsOf(
        mailboxes.filter(({ place }) => asksFor(place.patterns, topic)),
        everywhere.filter(asks),
      ),
    )
  }

  private outletsOf(
    mailboxes: readonly MailboxWriter[],
    everywhere: readonly { readonly inboxes: readonly Outlet[] }[],
  ): readonly Outlet[] {
    if (everywhere.length === 0) return mailboxes
    return [...mailboxes, ...new Set(everywhere.flatMap(({ inboxes }) => inboxes))]
  }

  private forget(): void {
    this.byId.clear()
    this.byText.clear()
  }
}

function routeTo(
  topic: string,
  origin: EventOrigin,
  matching: readonly RoutedHandler[],
  outlets: readonly Outlet[],
): Route {
  const handlers = matching.map((routed) => forTopic(routed, topic, origin))
  const [first] = handlers
  const isDirect =
    handlers.length === 1 &&
    outlets.length === 0 &&
    first!.handler.filter === undefined &&
    first!.handler.resilience === undefined
  return {
    topic,
    origin,
    handlers,
    outlets,
    direct: isDirect ? new DirectCall(topic, origin, first!) : undefined,
  }
}
