import { readTopic, topicIdOf } from '../event/record.ts'
import type { MailboxWriter } from '../lane/mailbox-writer.ts'
import { asksFor, isNotice } from '../lane/notices.ts'
import type { Outlet } from '../lane/outlet.ts'
import { PatternIndex } from '../topic/matcher.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import type { Handler } from './handlers.ts'
import type { HandlerTally } from './tally.ts'

export type RoutedHandler = { readonly handler: Handler; readonly tally: HandlerTally }

/** What one topic leads to, resolved once. */
export type Route = {
  readonly topic: string
  readonly handlers: readonly RoutedHandler[]
  /** Mailboxes; and after them the inboxes of all workers, if it has handlers that run on each. */
  readonly outlets: readonly Outlet[]
}

/** Routes of topics that have no id are kept up to this many, the oldest forgotten first. */
const MAX_TEXT_ROUTES = 4_096

/**
 * From topics to routes. A topic's patterns are matched once; afterwards its route is one array access, whatever the
 * number of patterns.
 */
export class Router {
  private readonly topics: TopicTable
  private handlers = new PatternIndex<RoutedHandler>()
  private readonly mailboxes = new PatternIndex<MailboxWriter>()
  /** Handlers that run on every worker, there: whose inboxes their events go to. */
  private everywhere = new PatternIndex<{
    readonly pattern: string
    readonly inboxes: readonly Outlet[]
  }>()
  private readonly byId: (Route | undefined)[] = []
  private readonly byText = new Map<string, Route>()

  constructor(topics: TopicTable) {
    this.topics = topics
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

  routeOf(topicId: number): Route {
    return this.byId[topicId] ?? this.resolveId(topicId)
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
    const route = this.resolve(this.topics.nameOf(topicId))
    this.byId[topicId] = route
    return route
  }

  private resolve(topic: string): Route {
    const handlers = this.handlers.match(topic)
    const mailboxes = this.mailboxes.match(topic)
    const everywhere = this.everywhere.match(topic)
    if (!isNotice(topic)) return { topic, handlers, outlets: this.outletsOf(mailboxes, everywhere) }
    const asks = ({ pattern }: { readonly pattern: string }): boolean => asksFor([pattern], topic)
    return {
      topic,
      handlers: handlers.filter(({ handler }) => asks(handler)),
      outlets: this.outletsOf(
        mailboxes.filter(({ place }) => asksFor(place.patterns, topic)),
        everywhere.filter(asks),
      ),
    }
  }

  private outletsOf(
    mailboxes: readonly MailboxWriter[],
    everywhere: readonly { readonly inboxes: readonly Outlet[] }[],
  ): readonly Outlet[] {
    if (everywhere.length === 0) return mailboxes
    return [...mailboxes, ...new Set(everywhere.flatMap(({ inboxes }) => inboxes))]
  }

  private forget(): void {
    this.byId.length = 0
    this.byText.clear()
  }
}
