import {
  EMPTY,
  NO_TICKET,
  RingReader,
  type Ticket,
  Tickets,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import {
  ClosedError,
  FullError,
  OptionsError,
  TimeoutError,
  UnansweredError,
  WorkerDiedError,
} from '../errors.ts'
import { Block } from '../event/block.ts'
import { readRef } from '../event/block-ref.ts'
import { ANY_DATA, readPayload } from '../event/payload.ts'
import type { RequestOptions } from '../event/publishing.ts'
import { AS_BLOCK, CODEC_BYTES, CODEC_MASK, CODEC_STRUCT, IN_BLOCK } from '../event/record.ts'
import { OwnSpace } from '../event/space.ts'
import { type Thrown, thrownOf } from '../event/thrown.ts'
import {
  ANSWER_BYTES,
  DIED,
  DUPLICATE_REQUEST,
  EXPIRED_REQUEST,
  flagsOfAnswer,
  kindOfAnswer,
  RESULT,
  slotOfAnswer,
  stampOfAnswer,
  THROWN,
} from '../lane/answer.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { checkWaiting } from '../lane/deadline.ts'
import { dispatchers, parkedWord, type SharedMap, STATE, STOPPED } from '../lane/map.ts'
import { answerPlace, MAX_TICKETS, ticketPlace } from '../lane/places.ts'
import type { TopicStructs } from '../lane/topic-structs.ts'
import type { Waits, Watch } from '../lane/waits.ts'
import { Clock } from './clock.ts'

/** A request without `timeoutMs` waits so long for its answer. */
export const REQUEST_TIMEOUT_MS = 30_000

/** The longest time that a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A request that was not answered. */
type Pending = {
  readonly type: string
  readonly stamp: number
  readonly timeoutMs: number
  /** When its time is over, by `performance.now()`. */
  readonly deadline: number
  readonly resolve: (result: unknown) => void
  readonly reject: (reason: unknown) => void
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
}

/** What one thread has asked, and waits to be answered (decision 18). */
export class Requests implements Watch {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly waits: Waits
  private readonly blocks: ThreadBlocks
  private readonly structs: TopicStructs
  private readonly tickets: Tickets
  private readonly clock = new Clock(() => performance.now())
  /** By slot. */
  private readonly pending: (Pending | undefined)[] = []
  private open = 0
  /** Of the threads that answer. */
  private readonly answers: readonly { readonly thread: number; readonly reader: RingReader }[]
  private timer: NodeJS.Timeout | undefined
  /** When the timer comes, by `performance.now()`. */
  private due = Number.POSITIVE_INFINITY
  private closed = false

  constructor(map: SharedMap, thread: number, waits: Waits, blocks: ThreadBlocks, structs: TopicStructs) {
    this.structs = structs
    this.map = map
    this.blocks = blocks
    this.control = wordsOf(map.control)
    this.waits = waits
    this.tickets = new Tickets(ticketPlace(map, thread))
    this.answers = dispatchers(map.shape).map((answerer) => ({
      thread: answerer,
      reader: new RingReader(answerPlace(map, answerer, thread)),
    }))
  }

  /** Has a request published with its ticket by `publish`, and resolves with its answer. */
  ask(
    type: string,
    options: RequestOptions,
    publish: (ticket: Ticket) => Promise<void> | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      checkWaiting(options)
      checkPolicy(options)
      const { timeoutMs = REQUEST_TIMEOUT_MS, signal } = options
      signal?.throwIfAborted()
      const slot = this.tickets.open()
      if (slot === NO_TICKET) {
        throw new FullError(`${MAX_TICKETS} requests of this thread are not answered yet`, { type })
      }
      const ticket: Ticket = { slot, stamp: this.tickets.stampOf(slot) }
      let sent: Promise<void> | undefined
      try {
        sent = publish(ticket)
      } catch (error) {
        this.tickets.close(slot)
        throw error
      }
      const onAbort = signal && (() => this.giveUp(slot, signal.reason))
      signal?.addEventListener('abort', onAbort!, { once: true })
      const deadline = this.clock.now() + timeoutMs
      this.pending[slot] = {
        type,
        stamp: ticket.stamp,
        timeoutMs,
        deadline,
        resolve,
        reject,
        signal,
        onAbort,
      }
      if (deadline < this.due) this.mindTheTime(deadline)
      if (this.open++ === 0) this.waits.add(this)
      // It was not published: nobody will answer.
      sent?.catch((error) => this.settle(slot, ticket.stamp)?.reject(error))
    })
  }

  /** Whether any is not answered. */
  get isOpen(): boolean {
    return this.open > 0
  }

  /** Nobody waits for this one any more, if it is open. */
  cancel({ slot, stamp }: Ticket): void {
    if (this.pending[slot]?.stamp === stamp)
      this.giveUp(slot, new ClosedError('Nobody waits for this answer'))
  }

  /** All that wait are rejected, and nothing more is asked. */
  close(): void {
    this.closed = true
    for (let slot = 0; slot < this.pending.length; slot++) {
      const { type } = this.pending[slot] ?? {}
      if (type !== undefined)
        this.giveUp(slot, new ClosedError(`The engine closed before it answered a request of type ${type}`))
    }
  }

  ready(): boolean {
    const { answers } = this
    // Nothing is waited for any more: it need not be watched.
    if (this.open === 0) return true
    for (let i = 0; i < answers.length; i++) if (answers[i]!.reader.prefetch() > 0) return true
    return !this.closed && Atomics.load(this.control, STATE) === STOPPED
  }

  advance(): boolean {
    for (const { thread, reader } of this.answers) {
      if (reader.prefetch() === 0) continue
      for (let at = reader.next(); at !== EMPTY; at = reader.next()) this.take(reader, at, thread)
      if (reader.release(reader.position)) wake(this.control, parkedWord(thread))
    }
    if (Atomics.load(this.control, STATE) === STOPPED) this.close()
    return this.open === 0
  }

  private take(reader: RingReader, at: number, answerer: number): void {
    if ((flagsOfAnswer(reader, at) & IN_BLOCK) !== 0) {
      this.takeLarge(reader, at, answerer)
      return
    }
    const pending = this.settle(slotOfAnswer(reader, at), stampOfAnswer(reader, at))
    // Its caller has gone, or it was answered before.
    if (pending === undefined) return
    try {
      const start = at + ANSWER_BYTES
      const end = at + reader.length
      const flags = flagsOfAnswer(reader, at)
      const kind = kindOfAnswer(reader, at)
      const codec = flags & CODEC_MASK
      // What is a view must not be one of the ring.
      if (codec === CODEC_BYTES || codec === CODEC_STRUCT)
        pending.resolve(this.read(flags, reader.bytes.slice(start, end), pending))
      else {
        const data = readPayload(flags, reader, start, end, false, ANY_DATA)
        if (kind === RESULT) pending.resolve(data)
        else pending.reject(reasonOf(kind, data, pending.type))
      }
    } catch (error) {
      pending.reject(error)
    }
  }

  /** A result in a block, which becomes this thread's; if that is gone, the result is none, and another one will come (decision 19). */
  private takeLarge(reader: RingReader, at: number, answerer: number): void {
    const { blocks } = this
    const ref = blocks.receiveAnswer(readRef(reader.bytes, at + reader.length), answerer)
    if (ref === undefined) return
    const pending = this.settle(slotOfAnswer(reader, at), stampOfAnswer(reader, at))
    const flags = flagsOfAnswer(reader, at)
    if (pending !== undefined && (flags & AS_BLOCK) !== 0) {
      pending.resolve(new Block(blocks, ref))
      return
    }
    try {
      if (pending !== undefined) pending.resolve(this.read(flags, new Uint8Array(blocks.view(ref)), pending))
    } catch (error) {
      pending?.reject(error)
    } finally {
      blocks.release(ref)
    }
  }

  /** The data in `bytes`, which are nobody else's. */
  private read(flags: number, bytes: Uint8Array, { type }: Pending): unknown {
    const source = { struct: this.structs.answerOf(type), decoder: undefined }
    return readPayload(flags, new OwnSpace(bytes), 0, bytes.length, true, source)
  }

  /** Closes its ticket, if it is open; answers who waits then. */
  private settle(slot: number, stamp: number): Pending | undefined {
    const pending = this.pending[slot]
    if (pending?.stamp !== stamp) return undefined
    this.pending[slot] = undefined
    this.tickets.close(slot)
    pending.signal?.removeEventListener('abort', pending.onAbort!)
    if (--this.open === 0) this.rest()
    return pending
  }

  private giveUp(slot: number, reason: unknown): void {
    const stamp = this.pending[slot]?.stamp
    if (stamp === undefined) return
    this.settle(slot, stamp)?.reject(reason)
    // Handlers that wait for their signal look.
    for (const { thread } of this.answers) wake(this.control, parkedWord(thread))
  }

  private mindTheTime(deadline: number): void {
    clearTimeout(this.timer)
    this.due = deadline
    if (deadline === Number.POSITIVE_INFINITY) return
    const ms = Math.max(0, deadline - performance.now())
    this.timer = setTimeout(() => this.sweep(), Math.min(MAX_TIMER_MS, Math.ceil(ms)))
  }

  /** Gives up what has waited too long. */
  private sweep(): void {
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < this.pending.length; slot++) {
      const pending = this.pending[slot]
      if (pending === undefined) continue
      const { deadline, timeoutMs, type } = pending
      if (deadline <= now) {
        const text = `A request of type ${type} was not answered within ${timeoutMs} ms`
        this.giveUp(slot, new TimeoutError(text, timeoutMs))
      } else if (deadline < next) next = deadline
    }
    if (this.open > 0) this.mindTheTime(next)
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.due = Number.POSITIVE_INFINITY
  }
}

function checkPolicy({ onFull }: RequestOptions): void {
  if (onFull === undefined || onFull === 'block' || onFull === 'reject') return
  throw new OptionsError('onFull of a request is block or reject: what is dropped would never be answered')
}

function reasonOf(kind: number, data: unknown, type: string): unknown {
  switch (kind) {
    case THROWN:
      return thrownOf(data as Thrown)
    case DIED:
      return new WorkerDiedError(`No answer to a request of type ${type}: ${String(data)}`, 0)
    case EXPIRED_REQUEST:
      return new UnansweredError(`A request of type ${type} had expired before it began`, 'expired')
    case DUPLICATE_REQUEST:
      return new UnansweredError(`A request of type ${type} has the id of one that was handled`, 'duplicate')
    default:
      return new UnansweredError(`Nobody handles requests of type ${type}`, 'no-handler')
  }
}
