import { fileURLToPath } from 'node:url'
import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
} from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { RegistryChange } from '../dispatch/registry.ts'
import type { DispatchTask, LoadFailure, WorkerReport } from '../dispatch/task.ts'
import { HandlerLoadError } from '../errors.ts'
import { errorOf } from '../event/thrown.ts'
import { dispatcherUrl } from './worker-url.ts'

/** A dispatcher that was told to stop gets so long before its thread is terminated. */
const STOP_GRACE_MS = 1_000

export type WorkerThreadEvents = {
  onReport(report: WorkerReport): void
  /** The thread has ended, and nothing of it runs any more; `hasLeft`: it had nothing left to do, else it died of the cause. */
  onExit(cause: unknown, hasLeft: boolean): void
}

/**
 * One thread that dispatches, from its start to its exit: a Piscina pool of its own, with one endless task.
 *
 * A pool for each, because a pool whose thread dies before it is ready starts no other one ever again.
 */
export class WorkerThread {
  /** Names the thread in leases; ids are never used twice. */
  readonly holder: number
  private readonly pool: Piscina
  private readonly port: MessagePort
  private readonly events: WorkerThreadEvents
  private readonly exited = Promise.withResolvers<void>()
  private cause: unknown
  private hasLeft = false
  private isStopping = false

  constructor(
    task: Omit<DispatchTask, 'port'>,
    resourceLimits: ResourceLimits | undefined,
    events: WorkerThreadEvents,
  ) {
    this.events = events
    this.pool = new Piscina({
      filename: fileURLToPath(dispatcherUrl),
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      ...(resourceLimits && { resourceLimits }),
      recordTiming: false,
      closeTimeout: STOP_GRACE_MS,
    })
    this.pool.on('error', () => {})
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    port1.on('message', (report: WorkerReport) => events.onReport(report))
    port1.unref()
    const run: Promise<LoadFailure | undefined> = this.pool.run(
      { ...task, port: port2 },
      { transferList: [port2] },
    )
    const thread = this.pool.threads[0]!
    this.holder = thread.threadId + 1
    thread.once('error', (error: unknown) => {
      this.cause ??= error
    })
    thread.once('exit', (code: number) => {
      // A task that the thread did not live to begin.
      void this.pool.destroy()
      this.closePort()
      this.exited.resolve()
      events.onExit(this.cause ?? new Error(`The thread exited with code ${code}`), this.hasLeft)
    })
    run.then(
      (failure) => this.onEnd(failure),
      () => {},
    )
  }

  /** The registry's version rises afterwards. */
  announce(change: RegistryChange): void {
    this.port.postMessage(change)
  }

  /** Ends the thread, whatever it does. */
  kill(cause: unknown): void {
    this.cause = cause
    void this.pool.destroy()
  }

  /** Waits for the dispatcher's end, after the engine's state says so; terminates a thread that does not yield. */
  async stop(): Promise<void> {
    this.isStopping = true
    await this.pool.close({ force: true })
    // What it has said last is read then.
    await this.exited.promise
  }

  /** Reads what the thread has said last. The other end may never have come to it: this one would stay for ever. */
  private closePort(): void {
    const { port, events } = this
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      events.onReport(next.message)
    port.close()
  }

  /** The task has ended by itself: the handlers did not load, or the worker has left, as it does when the engine stops. */
  private onEnd(failure: LoadFailure | undefined): void {
    if (failure === undefined) this.hasLeft = true
    else this.cause = loadError(failure)
    if (!this.isStopping) void this.pool.destroy()
  }
}

export function loadError({ message, module, cause }: LoadFailure): HandlerLoadError {
  return new HandlerLoadError(message, module, { cause: errorOf(cause) })
}
