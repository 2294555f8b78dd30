import type { RecordableHistogram } from 'node:perf_hooks'
import {
  closeTickets,
  type LatestPlace,
  LatestWriter,
  PARK_BOUND_MS,
  readCounter,
  revokeLease,
  ticketWords,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import type { DeadLetter } from '../dispatch/failure.ts'
import { FlightReader } from '../dispatch/flight.ts'
import { LOAD_TIMEOUT_MS, type ModuleSpec } from '../dispatch/load.ts'
import type { RegistryChange } from '../dispatch/registry.ts'
import type { HandlerName, WorkerReport } from '../dispatch/task.ts'
import type { ThreadMemory } from '../dispatch/thread-memory.ts'
import { ClosedError, HandlerLoadError, WorkerDiedError } from '../errors.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { FailureError } from '../event/thrown.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { abandonInbox, revokeInboxes } from '../lane/inbox.ts'
import { revokeLanes } from '../lane/lane-lease.ts'
import { type MailboxPlace, revokeMailbox } from '../lane/mailbox.ts'
import { countersWord, ownerWord, parkedWord, type SharedMap } from '../lane/map.ts'
import { ticketPlace } from '../lane/places.ts'
import { freeReplaced, freeReplacedBy } from '../lane/replaced.ts'
import { DISPATCHED } from '../lane/thread-counters.ts'
import type { CheckedOptions } from './options.ts'
import { RestartBudget } from './restart-budget.ts'
import type { Watched } from './watchdog.ts'
import { loadError, WorkerThread } from './worker-thread.ts'

/** Those that workers write into; and all whose lease one may have. */
type Mailboxes = { readonly places: readonly MailboxPlace[]; readonly all: readonly MailboxPlace[] }

/** One worker's place: the thread in it may change, the place with its lanes and counters does not. */
type Slot = {
  readonly thread: number
  /** What the thread in it has done; goes on with the next. */
  readonly flight: FlightReader
  readonly budget: RestartBudget
  worker: WorkerThread | undefined
  /** Ends it if that takes too long. */
  loading: NodeJS.Timeout | undefined
  isReady: boolean
  /** It was never ready in this place: somebody waits for that. */
  joining: PromiseWithResolvers<void> | undefined
  /** It is to leave. */
  leaving: PromiseWithResolvers<void> | undefined
  startedAt: number
  /** What its threads had dispatched when the last one was started. */
  dispatchedBefore: number
  /** Deaths in a row without having achieved anything: the next start is put off accordingly. */
  deaths: number
}

export type SupervisorEvents = {
  onReady(thread: number, handlers: readonly (readonly HandlerName[])[]): void
  onPrepared(thread: number, id: number, handlers: readonly HandlerName[]): void
  onRefused(id: number, error: HandlerLoadError): void
  onDeadLetter(letter: DeadLetter, untold: number): void
  onHookError(error: FailureError, hook: string, lane: number | undefined): void
  onHistogram(thread: number, handler: number, histogram: RecordableHistogram): void
  onDeath(error: WorkerDiedError): void
  /** Its thread has ended before its time. */
  onDied(thread: number): void
  /** It has left. */
  onLeft(thread: number): void
  /** A thread is about to start in the place of one that has died. */
  onReplace(thread: number): void
}

/** For a thread to start. */
const START_MS = 10_000
const RESTART_MS = 10
const MAX_RESTART_MS = 2_000
/** A worker that lived so long was not the last one's cause of death again. */
const STABLE_MS = 5_000

/**
 * Keeps a thread running in every worker's place.
 *
 * A dead worker's leases are revoked after its thread's `exit` event and not before; then its place is filled again.
 */
export class Supervisor {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly options: CheckedOptions
  private readonly memories: readonly ThreadMemory[]
  private readonly blocks: ThreadBlocks
  private readonly mailboxes: Mailboxes
  private readonly modules: () => readonly ModuleSpec[]
  private readonly events: SupervisorEvents
  private readonly slots: Slot[]
  private stopping = false

  constructor(
    map: SharedMap,
    options: CheckedOptions,
    memories: readonly ThreadMemory[],
    origins: EventOrigins,
    blocks: ThreadBlocks,
    mailboxes: Mailboxes,
    modules: () => readonly ModuleSpec[],
    events: SupervisorEvents,
  ) {
    this.map = map
    this.control = wordsOf(map.control)
    this.options = options
    this.memories = memories
    this.blocks = blocks
    this.mailboxes = mailboxes
    this.modules = modules
    this.events = events
    this.slots = Array.from({ length: options.maxWorkers }, (_, index) => ({
      thread: index + 1,
      flight: new FlightReader(memories[index + 1]!.flight, origins),
      worker: undefined,
      loading: undefined,
      isReady: false,
      joining: undefined,
      leaving: undefined,
      startedAt: 0,
      dispatchedBefore: 0,
      deaths: 0,
      budget: new RestartBudget(),
    }))
  }

  /**
   * Starts a thread in this worker's place; resolves when it has loaded its handlers.
   *
   * @throws HandlerLoadError, WorkerDiedError, ClosedError: then there is none.
   */
  add(thread: number): Promise<void> {
    const slot = this.slots[thread - 1]!
    slot.joining = Promise.withResolvers()
    this.launch(slot)
    return slot.joining.promise
  }

  /** Resolves when its thread has ended by itself, after its presence says so, or with all others. */
  remove(thread: number): Promise<void> {
    const slot = this.slots[thread - 1]!
    slot.leaving = Promise.withResolvers()
    return slot.leaving.promise
  }

  /** What a watchdog looks at. */
  get watched(): Watched[] {
    return this.slots.map((slot) => ({
      workerId: slot.thread,
      flight: slot.flight,
      get isRunning() {
        return slot.isReady && slot.worker !== undefined
      },
    }))
  }

  /** Ends a worker that does not do so by itself; it is replaced. */
  restart(workerId: number, cause: unknown): void {
    this.slots[workerId - 1]?.worker?.kill(cause)
  }

  /** Tells all workers of a change of the registry, or only one. The caller raises its version afterwards. */
  announce(change: RegistryChange, thread?: number): void {
    for (const slot of this.slots)
      if (thread === undefined || slot.thread === thread) slot.worker?.announce(change)
  }

  wakeAll(): void {
    for (const slot of this.slots) wake(this.control, parkedWord(slot.thread))
  }

  /** Ends the threads, after the engine's state says so. Those whose handlers do not yield are terminated. */
  async stop(): Promise<void> {
    this.stopping = true
    this.wakeAll()
    // A worker that was about to park looks once more within the bound.
    const waking = setInterval(() => this.wakeAll(), PARK_BOUND_MS)
    await Promise.all(this.slots.map(({ worker }) => worker?.stop()))
    clearInterval(waking)
    for (const { joining, leaving } of this.slots) {
      joining?.reject(new ClosedError('The engine was closed before the worker had started'))
      leaving?.resolve()
    }
  }

  private launch(slot: Slot): void {
    slot.startedAt = performance.now()
    slot.dispatchedBefore = this.dispatchedBy(slot)
    slot.isReady = false
    const worker: WorkerThread = new WorkerThread(
      {
        map: this.map,
        thread: slot.thread,
        modules: this.modules(),
        memory: this.memories[slot.thread]!,
        affinity: this.options.affinity,
        delivery: this.options.delivery,
        pools: this.options.pools.map(({ name }) => name),
        maxInFlight: this.options.maxInFlight,
        onFull: this.options.onFull,
        mailboxes: this.mailboxes.places,
      },
      this.options.resourceLimits,
      {
        onReport: (report) => this.onReport(slot, report),
        onExit: (cause, hasLeft) => this.onExit(slot, worker.holder, cause, hasLeft),
      },
    )
    slot.worker = worker
    slot.loading = this.superviseLoading(slot, worker)
  }

  /** A module that never yields keeps its thread from minding the time itself. */
  private superviseLoading({ thread }: Slot, worker: WorkerThread): NodeJS.Timeout {
    const modules = this.modules().map(({ module }) => module)
    const limitMs = LOAD_TIMEOUT_MS * modules.length + START_MS
    const text = `Worker ${thread} has not loaded its handlers within ${limitMs} ms`
    return setTimeout(() => worker.kill(new HandlerLoadError(text, modules.join(', '))), limitMs).unref()
  }

  private onReport(slot: Slot, report: WorkerReport): void {
    switch (report.kind) {
      case 'ready':
        slot.isReady = true
        clearTimeout(slot.loading)
        this.events.onReady(slot.thread, report.handlers)
        slot.joining?.resolve()
        slot.joining = undefined
        break
      case 'prepared':
        this.events.onPrepared(slot.thread, report.id, report.handlers)
        break
      case 'refused':
        this.events.onRefused(report.id, loadError(report.failure))
        break
      case 'dead-letter':
        this.events.onDeadLetter(report.letter, report.untold)
        break
      case 'hook-error':
        this.events.onHookError(report.error, report.hook, report.lane)
        break
      case 'histogram':
        this.events.onHistogram(slot.thread, report.handler, report.histogram)
        break
    }
  }

  private onExit(slot: Slot, holder: number, cause: unknown, hasLeft: boolean): void {
    const { thread } = slot
    slot.worker = undefined
    clearTimeout(slot.loading)
    revokeLanes(this.map, holder)
    const mend = (table: LatestPlace): void => freeReplaced(new LatestWriter(table), this.blocks)
    for (const place of this.mailboxes.all) revokeMailbox(place, holder, mend)
    freeReplacedBy(this.map, thread, this.blocks)
    revokeInboxes(this.map, holder)
    closeTickets(ticketWords(ticketPlace(this.map, thread)))
    this.blocks.bury(thread)
    revokeLease(this.control, ownerWord(thread), holder)
    Atomics.store(this.control, parkedWord(thread), 0)
    if (this.stopping) return
    if (hasLeft && slot.leaving !== undefined) this.onLeft(slot)
    else this.onDeath(slot, cause)
  }

  /** One that was to leave has died: nobody reads its inbox any more. */
  private abandon(slot: Slot): void {
    if (this.stopping) return
    if (abandonInbox(this.map, slot.thread, this.blocks)) this.onLeft(slot)
    else setTimeout(() => this.abandon(slot), 1)
  }

  private onLeft(slot: Slot): void {
    this.events.onLeft(slot.thread)
    slot.leaving!.resolve()
    slot.leaving = undefined
  }

  private onDeath(slot: Slot, cause: unknown): void {
    const { thread, joining } = slot
    const message = `Worker ${thread} died: ${describe(cause)}`
    this.events.onDied(thread)
    // One that can't be started is not replaced: that is the answer to whoever wanted it.
    if (joining !== undefined) {
      slot.joining = undefined
      const known = cause instanceof HandlerLoadError
      joining.reject(known ? cause : new WorkerDiedError(message, thread, [], { cause }))
      return
    }
    const lastEvents = slot.flight.events()
    const next = slot.leaving === undefined ? 'It is being replaced' : 'It was about to leave'
    this.events.onDeath(new WorkerDiedError(`${message}. ${next}`, thread, lastEvents, { cause }))
    // A notification may have been swallowed by the dead thread.
    this.wakeAll()
    if (slot.leaving !== undefined) {
      this.abandon(slot)
      return
    }
    const lived = performance.now() - slot.startedAt
    if (lived > STABLE_MS || this.dispatchedBy(slot) > slot.dispatchedBefore) slot.deaths = 0
    const backOffMs = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** slot.deaths++)
    const delayMs = Math.max(backOffMs, slot.budget.take())
    setTimeout(() => {
      if (this.stopping) return
      if (slot.leaving !== undefined) {
        this.abandon(slot)
        return
      }
      this.events.onReplace(thread)
      this.launch(slot)
    }, delayMs)
  }

  private dispatchedBy(slot: Slot): number {
    return readCounter(this.control, countersWord(slot.thread), DISPATCHED)
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.message === '' ? cause.name : `${cause.name}: ${cause.message}`
}
