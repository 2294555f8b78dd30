import type { RecordableHistogram } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { leaseHolder, PARK_BOUND_MS, revokeLease, wake } from '../../native-free-ring/src/index.ts'
import type { RegistryChange } from '../dispatch/dispatcher.ts'
import type { DeadLetter, FailureError } from '../dispatch/failure.ts'
import type { DispatchTask, HandlerName, LoadFailure, WorkerReport } from '../dispatch/task.ts'
import { HandlerLoadError, WorkerDiedError } from '../errors.ts'
import { type MailboxPlace, revokeMailbox } from '../lane/mailbox.ts'
import { laneCount, leaseWord, ownerWord, parkedWord, type SharedMap } from '../lane/map.ts'
import type { CheckedOptions } from './options.ts'
import { dispatcherUrl } from './worker-url.ts'

/** One start of a dispatcher. Its end is seen twice, by the thread's exit and by the task's rejection. */
type Launch = { over: boolean }

/** One worker's place: the thread in it may change, the place with its lanes and counters does not. */
type Slot = {
  readonly thread: number
  port: MessagePort | undefined
  launch: Launch
  /** Deaths since it was last ready: the next start is put off accordingly. */
  deaths: number
}

export type SupervisorEvents = {
  onHandlers(handlers: readonly HandlerName[]): void
  onDeadLetter(letter: DeadLetter): void
  onHistogram(handler: number, histogram: RecordableHistogram): void
  onDeath(error: WorkerDiedError): void
}

const RESTART_MS = 10
const MAX_RESTART_MS = 2_000
/** Workers that were told to stop get so long before they are terminated. */
const STOP_GRACE_MS = 1_000

/**
 * Hosts the dispatchers on a Piscina pool, one endless task per thread, and replaces those that die.
 *
 * A dead worker's leases are revoked after its thread's `exit` event and not before; then its slot is started again.
 */
export class Supervisor {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly options: CheckedOptions
  private readonly counters: readonly SharedArrayBuffer[]
  private readonly mailboxes: () => readonly MailboxPlace[]
  private readonly events: SupervisorEvents
  private readonly pool: Piscina
  private readonly slots: Slot[]
  private readonly watched = new WeakSet<object>()
  private readonly ready = new Set<number>()
  private readonly start = Promise.withResolvers<void>()
  private stopping = false

  constructor(
    map: SharedMap,
    options: CheckedOptions,
    counters: readonly SharedArrayBuffer[],
    mailboxes: () => readonly MailboxPlace[],
    events: SupervisorEvents,
  ) {
    this.map = map
    this.control = new Int32Array(map.control)
    this.options = options
    this.counters = counters
    this.mailboxes = mailboxes
    this.events = events
    this.pool = new Piscina({
      filename: fileURLToPath(dispatcherUrl),
      minThreads: options.workers,
      maxThreads: options.workers,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      resourceLimits: options.resourceLimits,
      recordTiming: false,
      closeTimeout: STOP_GRACE_MS,
    })
    this.pool.on('workerCreate', () => this.watchThreads())
    this.pool.on('error', () => {})
    this.slots = Array.from({ length: options.workers }, (_, index) => ({
      thread: index + 1,
      port: undefined,
      launch: { over: true },
      deaths: 0,
    }))
  }

  /** Starts all workers; resolves when each has loaded its handlers. */
  async run(): Promise<void> {
    this.watchThreads()
    for (const slot of this.slots) this.launch(slot)
    await this.start.promise
  }

  /** Tells all workers of a change of the subscriptions. The caller raises the registry's version afterwards. */
  announce(change: RegistryChange): void {
    for (const slot of this.slots) slot.port?.postMessage(change)
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
    await this.pool.close({ force: true })
    clearInterval(waking)
    for (const slot of this.slots) slot.port?.close()
  }

  private launch(slot: Slot): void {
    const launch: Launch = { over: false }
    slot.launch = launch
    const { port1, port2 } = new MessageChannel()
    slot.port = port1
    port1.on('message', (report: WorkerReport) => this.onReport(slot, report))
    port1.unref()
    const task: DispatchTask = {
      map: this.map,
      thread: slot.thread,
      modules: this.options.modules,
      handlerCounters: this.counters[slot.thread]!,
      affinity: this.options.affinity,
      maxInFlight: this.options.maxInFlight,
      onFull: this.options.onFull,
      mailboxes: this.mailboxes(),
      port: port2,
    }
    this.pool.run(task, { transferList: [port2] }).then(
      (failure: LoadFailure | undefined) => failure && this.onLoadFailure(slot, launch, failure),
      (error: unknown) => {
        // A thread that had taken the slot is dealt with when it has exited.
        if (leaseHolder(this.control, ownerWord(slot.thread)) === 0) this.onDeath(slot, launch, error)
      },
    )
  }

  private onReport(slot: Slot, report: WorkerReport): void {
    switch (report.kind) {
      case 'ready':
        slot.deaths = 0
        this.ready.add(slot.thread)
        this.events.onHandlers(report.handlers)
        if (this.ready.size === this.slots.length) this.start.resolve()
        break
      case 'dead-letter':
        this.events.onDeadLetter(report.letter)
        break
      case 'histogram':
        this.events.onHistogram(report.handler, report.histogram)
        break
    }
  }

  /** Before the first start is complete this ends it; afterwards it is one more death. */
  private onLoadFailure(slot: Slot, launch: Launch, failure: LoadFailure): void {
    const error = new HandlerLoadError(failure.message, failure.module, { cause: errorOf(failure.cause) })
    if (this.ready.has(slot.thread)) this.onDeath(slot, launch, error)
    else this.start.reject(error)
  }

  /** Listens for the end of threads that are new in the pool. */
  private watchThreads(): void {
    for (const worker of this.pool.threads) {
      if (this.watched.has(worker)) continue
      this.watched.add(worker)
      const holder = worker.threadId + 1
      let cause: unknown
      worker.once('error', (error) => {
        cause = error
      })
      worker.once('exit', (code) => this.onExit(holder, code, cause))
    }
  }

  private onExit(holder: number, code: number, cause: unknown): void {
    const slot = this.slots.find(({ thread }) => leaseHolder(this.control, ownerWord(thread)) === holder)
    if (slot === undefined) return
    const { shape } = this.map
    for (let lane = 0; lane < laneCount(shape); lane++)
      revokeLease(this.control, leaseWord(shape, lane), holder)
    for (const place of this.mailboxes()) revokeMailbox(place, holder)
    revokeLease(this.control, ownerWord(slot.thread), holder)
    Atomics.store(this.control, parkedWord(slot.thread), 0)
    this.onDeath(slot, slot.launch, cause ?? new Error(`The thread exited with code ${code}`))
  }

  private onDeath(slot: Slot, launch: Launch, cause: unknown): void {
    if (launch.over || this.stopping) return
    launch.over = true
    slot.port?.close()
    const error = new WorkerDiedError(
      `Worker ${slot.thread} died: ${cause instanceof Error ? cause.message : String(cause)}. It is being replaced`,
      slot.thread,
      { cause },
    )
    if (!this.ready.has(slot.thread)) this.start.reject(error)
    this.events.onDeath(error)
    const delayMs = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** slot.deaths++)
    setTimeout(() => {
      if (!this.stopping) this.launch(slot)
    }, delayMs)
    // A notification may have been swallowed by the dead thread.
    this.wakeAll()
  }
}

/** An error of another thread, made again from what crossed the border. */
export function errorOf(described: FailureError): Error {
  const error = new Error(described.message)
  error.name = described.name
  if (described.stack !== undefined) error.stack = described.stack
  if (described.code !== undefined) Object.assign(error, { code: described.code })
  return error
}
