import type { MessagePort } from 'node:worker_threads'
import { wordsOf } from '../../native-free-ring/src/index.ts'
import { CapabilityError, ClosedError, closedError } from '../errors.ts'
import { allocateMailbox, isMailboxClosed, type MailboxPlace } from '../lane/mailbox.ts'
import { CLOSING, STATE } from '../lane/map.ts'
import type { Watch } from '../lane/waits.ts'
import { mailboxOptions } from '../subscribe/mailbox-options.ts'
import { type SubscribeOptions, Subscription, type SubscriptionParts } from '../subscribe/subscription.ts'

/** What an attached thread asks of the engine's. */
export type ThreadRequest =
  | { readonly subscribe: number; readonly place: Omit<MailboxPlace, 'id'> }
  /** It has ended the one with this id: nothing lies there any more. */
  | { readonly unsubscribe: number }

/** What the engine's thread tells an attached one. */
export type ThreadReply =
  /** To the request of this number: the subscription's id, or nothing if the engine is closed. */
  | { readonly to: number; readonly id: number | undefined }
  /** The subscription with this id was closed: the thread is to end it. */
  | { readonly ended: number }

type Parts = Omit<SubscriptionParts, 'overflow' | 'onUnsubscribe'>

/** The subscriptions of an attached thread, of which the engine's learns through a port (decision 24). */
export class ThreadSubscriptions implements Watch {
  private readonly parts: Parts
  private readonly thread: number
  private readonly control: Int32Array
  private readonly port: MessagePort
  private readonly open = new Map<number, Subscription<any>>()
  private readonly pending = new Map<number, PromiseWithResolvers<number>>()
  private nextRequest = 1
  private closed = false

  constructor(parts: Parts, thread: number, port: MessagePort) {
    this.parts = parts
    this.thread = thread
    this.control = wordsOf(parts.map.control)
    this.port = port
    port.on('message', (reply: ThreadReply) => {
      if ('ended' in reply) this.open.get(reply.ended)?.unsubscribe()
      else this.onReply(reply.to, reply.id)
    })
    port.unref()
  }

  /** @throws PatternError, OptionsError, ClosedError, CapabilityError for `spill`. */
  async subscribe(
    pattern: string | readonly string[],
    options: SubscribeOptions<any> = {},
  ): Promise<Subscription<any>> {
    const size = mailboxOptions(pattern, options, this.parts.map.shape.ringBytes)
    if (size.onFull === 'spill')
      throw new CapabilityError('Only subscriptions of the engine’s own thread can spill')
    if (this.isClosed) throw new ClosedError('The engine is closed: it takes no subscription')
    const unnamed = { ...size, buffer: allocateMailbox(size), receiver: this.thread }
    const id = await this.ask(unnamed)
    const place: MailboxPlace = { ...unnamed, id }
    const onUnsubscribe = () => {
      this.open.delete(id)
      this.post({ unsubscribe: id })
    }
    const parts = { ...this.parts, overflow: undefined, onUnsubscribe }
    const subscription = new Subscription(parts, place, options.filter)
    this.open.set(id, subscription)
    // Meanwhile.
    if (this.closed || isMailboxClosed(place)) subscription.unsubscribe()
    return subscription
  }

  /** Ends them all, and refuses those that are asked for. */
  close(): void {
    this.closed = true
    for (const subscription of [...this.open.values()]) subscription.unsubscribe()
    this.refuseAll()
  }

  /** @internal The engine closes, and may not answer any more. */
  ready(): boolean {
    return this.isClosed
  }

  /** @internal */
  advance(): boolean {
    if (this.isClosed) this.refuseAll()
    return this.pending.size === 0
  }

  private get isClosed(): boolean {
    return this.closed || Atomics.load(this.control, STATE) >= CLOSING
  }

  private ask(place: Omit<MailboxPlace, 'id'>): Promise<number> {
    const request = this.nextRequest++
    const answer = Promise.withResolvers<number>()
    this.pending.set(request, answer)
    this.parts.waits.add(this)
    // Until it is answered, this thread goes on.
    this.port.ref()
    this.post({ subscribe: request, place })
    return answer.promise
  }

  private onReply(request: number, id: number | undefined): void {
    const answer = this.settle(request)
    if (id === undefined) answer?.reject(closedError())
    else if (answer === undefined) this.post({ unsubscribe: id })
    else answer.resolve(id)
  }

  private settle(request: number): PromiseWithResolvers<number> | undefined {
    const answer = this.pending.get(request)
    this.pending.delete(request)
    if (this.pending.size === 0) {
      this.parts.waits.remove(this)
      this.port.unref()
    }
    return answer
  }

  private refuseAll(): void {
    for (const request of [...this.pending.keys()]) this.settle(request)!.reject(closedError())
  }

  private post(request: ThreadRequest): void {
    this.port.postMessage(request)
  }
}
