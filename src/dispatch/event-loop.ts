import { performance } from 'node:perf_hooks'

/** After the event loop had something to do, so long passes before its thread may stand still again. */
const QUIET_MS = 1_000

/**
 * Whether anybody but the engine needs this thread's event loop, so that the thread must not block (decision 4).
 *
 * Timers, sockets, requests and ports are active resources. Jobs of the thread pool that nobody waits for, and handles
 * that were `unref`ed, are not: they show as events that the loop has handled during its turns.
 */
export class EventLoop {
  private readonly own: () => number
  private busyUntil = 0

  /** `own`: how many of this thread's active resources are the engine's. */
  constructor(own: () => number) {
    this.own = own
  }

  /** Asked before the thread blocks. */
  isIdle(): boolean {
    if (process.getActiveResourcesInfo().length > this.own()) return false
    return performance.now() >= this.busyUntil
  }

  /** Gives it a turn, after the thread has stood still. */
  async turn(): Promise<void> {
    const before = handledEvents()
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (handledEvents() !== before) this.busyUntil = performance.now() + QUIET_MS
  }
}

function handledEvents(): number {
  return performance.nodeTiming.uvMetricsInfo.events
}
