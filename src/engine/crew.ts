import { threadId } from 'node:worker_threads'
import type { Parking } from '../../native-free-ring/src/index.ts'
import { Dispatcher } from '../dispatch/dispatcher.ts'
import type { DeadLetter } from '../dispatch/failure.ts'
import { loadModules, type ModuleSpec } from '../dispatch/load.ts'
import type { RegistryChange } from '../dispatch/registry.ts'
import { type HandlerName, nameOf } from '../dispatch/task.ts'
import type { ThreadMemory } from '../dispatch/thread-memory.ts'
import { HandlerError, type MillraceError } from '../errors.ts'
import type { EventOrigins } from '../event/origins.ts'
import { describeError, errorOf, type FailureError } from '../event/thrown.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import type { SharedMap } from '../lane/map.ts'
import type { Waits } from '../lane/waits.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { HandlerStatistics } from './handler-stats.ts'
import type { CheckedOptions } from './options.ts'
import type { Subscriptions } from './subscriptions.ts'
import { Supervisor } from './supervisor.ts'
import { Watchdog } from './watchdog.ts'

/** Who runs the handlers of an engine: worker threads, or the engine's own thread. */
export interface Crew {
  /** Starts the dispatcher of this slot; resolves when it has loaded its handlers. */
  start(thread: number): Promise<void>
  /** Resolves when it has ended, which it does by itself once its presence says that it is to leave. */
  left(thread: number): Promise<void>
  /** Tells the dispatchers of a change of the registry, or one of them; its version rises afterwards. */
  announce(change: RegistryChange, thread?: number): void
  /** Ends them, once the engine's state says so. */
  stop(): Promise<void>
}

type CrewEvents = {
  onError(error: MillraceError): void
  /** A worker is about to start in the place of one that has died. */
  onReplace(thread: number): void
  onReady(thread: number, handlers: readonly (readonly HandlerName[])[]): void
  onPrepared(thread: number, id: number, handlers: readonly HandlerName[]): void
  onRefused(id: number, error: unknown): void
  onDied(thread: number): void
  onLeft(thread: number): void
}

/** Worker threads under a supervisor. */
export class WorkerCrew implements Crew {
  private readonly supervisor: Supervisor
  private readonly watchdog: Watchdog

  constructor(
    map: SharedMap,
    options: CheckedOptions,
    memories: readonly ThreadMemory[],
    statistics: HandlerStatistics,
    subscriptions: Subscriptions,
    modules: () => readonly ModuleSpec[],
    origins: EventOrigins,
    blocks: ThreadBlocks,
    events: CrewEvents,
  ) {
    this.supervisor = new Supervisor(map, options, memories, origins, blocks, subscriptions, modules, {
      onReady: (thread, handlers) => events.onReady(thread, handlers),
      onPrepared: (thread, id, handlers) => events.onPrepared(thread, id, handlers),
      onRefused: (id, error) => events.onRefused(id, error),
      onDied: (thread) => events.onDied(thread),
      onLeft: (thread) => events.onLeft(thread),
      onDeadLetter: (letter, untold) => events.onError(handlerError(letter, untold)),
      onHookError: (error, hook, lane) => events.onError(hookError(error, hook, lane)),
      onHistogram: (thread, handler, histogram) => statistics.addHistogram(thread, handler, histogram),
      onDeath: (error) => events.onError(error),
      onReplace: (thread) => events.onReplace(thread),
    })
    const { stuckMs, onStuck } = options
    const handlerName = (handler: number) => statistics.nameOf(handler)
    this.watchdog = new Watchdog(this.supervisor.watched, stuckMs, handlerName, (error) => {
      events.onError(error)
      if (onStuck === 'restart') this.supervisor.restart(error.workerId, error)
    })
  }

  start(thread: number): Promise<void> {
    return this.supervisor.add(thread)
  }

  left(thread: number): Promise<void> {
    return this.supervisor.remove(thread)
  }

  announce(change: RegistryChange, thread?: number): void {
    this.supervisor.announce(change, thread)
  }

  stop(): Promise<void> {
    this.watchdog.stop()
    return this.supervisor.stop()
  }
}

type InlineParts = {
  map: SharedMap
  memory: ThreadMemory
  options: CheckedOptions
  statistics: HandlerStatistics
  origins: EventOrigins
  modules: () => readonly ModuleSpec[]
  /** The handlers' own. */
  publishers: readonly Publisher[]
  waits: Waits
  blocks: ThreadBlocks
  parking: Parking
}

/** The engine's own thread: the same dispatcher, between the turns of its event loop. */
export class InlineCrew implements Crew {
  private readonly parts: InlineParts
  private readonly events: CrewEvents
  private readonly changes: RegistryChange[] = []
  private running: Promise<void> | undefined

  constructor(parts: InlineParts, events: CrewEvents) {
    this.parts = parts
    this.events = events
  }

  async start(): Promise<void> {
    const { options, statistics, modules: specsOf, ...parts } = this.parts
    const specs = specsOf()
    const rules = { delivery: options.delivery.mode, pools: options.pools.map(({ name }) => name) }
    const modules = await loadModules(specs, rules, { workerId: 0 })
    this.events.onReady(
      0,
      modules.map(({ handlers }) => handlers.map(nameOf)),
    )
    const dispatcher = new Dispatcher({
      ...parts,
      thread: 0,
      holder: threadId + 1,
      specs,
      modules,
      affinity: options.affinity,
      delivery: options.delivery,
      rules,
      maxInFlight: options.maxInFlight,
      receiveChanges: () => this.changes.splice(0),
      reports: {
        onDeadLetter: (letter, untold) => this.events.onError(handlerError(letter, untold)),
        onHookError: (error, hook, lane) => this.events.onError(hookError(describeError(error), hook, lane)),
        onHistogram: (handler, histogram) => statistics.addHistogram(0, handler, histogram),
        onPrepared: ({ id, handlers }) => this.events.onPrepared(0, id, handlers.map(nameOf)),
        onRefused: (id, error) => this.events.onRefused(id, error),
      },
      spins: false,
      eventLoop: undefined,
    })
    this.running = dispatcher.run()
  }

  /** It stays as long as the engine. */
  async left(): Promise<void> {
    await this.running
  }

  announce(change: RegistryChange): void {
    this.changes.push(change)
  }

  async stop(): Promise<void> {
    this.parts.parking.unpark()
    await this.running
    for (const publisher of this.parts.publishers) publisher.close()
  }
}

function handlerError(letter: DeadLetter, untold: number): HandlerError {
  const { handler, error, event } = letter
  const others = untold === 0 ? '' : ` (and ${untold} failures before it that were not told one by one)`
  return new HandlerError(
    `Handler ${handler} failed on an event of type ${event.event_type}: ${error.message}${others}`,
    handler,
    untold,
    { cause: errorOf(error) },
  )
}

function hookError(error: FailureError, hook: string, lane: number | undefined): HandlerError {
  const where = lane === undefined ? '' : ` for lane ${lane}`
  return new HandlerError(`The hook ${hook} failed${where}: ${error.message}`, hook, 0, {
    cause: errorOf(error),
  })
}
