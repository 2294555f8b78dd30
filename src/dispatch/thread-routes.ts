import type { RecordableHistogram } from 'node:perf_hooks'
import { wordsOf } from '../../native-free-ring/src/index.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { InboxWriter } from '../lane/inbox.ts'
import { dispatchers, poolOf, type SharedMap } from '../lane/map.ts'
import type { FlightRecorder } from './flight.ts'
import type { Handler } from './handlers.ts'
import type { LoadedModule, ModuleSpec } from './load.ts'
import { Router } from './router.ts'
import { HandlerTally } from './tally.ts'

export type ThreadRoutesParts = {
  readonly map: SharedMap
  readonly thread: number
  /** Names this thread in leases. */
  readonly holder: number
  readonly origins: EventOrigins
  readonly blocks: ThreadBlocks
  readonly flight: FlightRecorder
  readonly handlerCounters: SharedArrayBuffer
  /** The names of the pools there are. */
  readonly pools: readonly string[]
  onHistogram(handler: number, histogram: RecordableHistogram): void
}

/** Where events go on one thread, as its modules say. */
export class ThreadRoutes {
  private readonly parts: ThreadRoutesParts
  /** Of what comes in lanes. */
  readonly lanes: Router
  /** Of what comes to the inbox. */
  readonly inbox: Router
  private readonly inboxes: ReadonlyMap<number, InboxWriter>
  /** By the numbers of handlers. */
  private readonly tallies = new Map<number, HandlerTally>()

  constructor(parts: ThreadRoutesParts) {
    this.parts = parts
    const { map, origins, holder, blocks } = parts
    this.lanes = new Router(origins)
    this.inbox = new Router(origins)
    this.inboxes = new Map(
      dispatchers(map.shape).map((thread) => [thread, new InboxWriter(map, thread, holder, blocks)]),
    )
  }

  /** Nothing more comes to this thread's inbox, unless it answers false: another one is writing. */
  closeInbox(): boolean {
    return this.inboxes.get(this.parts.thread)!.close()
  }

  /** Handlers are called as these modules say. */
  set(specs: readonly ModuleSpec[], modules: readonly LoadedModule[]): void {
    this.lanes.clearHandlers()
    this.inbox.clearHandlers()
    let counted = 0
    modules.forEach(({ handlers }, index) => {
      const { numbers } = specs[index]!
      handlers.forEach((handler, i) => {
        this.add(handler, numbers?.[i] ?? counted)
        counted++
      })
    })
  }

  private add(handler: Handler, number: number): void {
    const { map, thread, pools, flight } = this.parts
    const routed = { handler: flight.watch(handler, number), number, tally: this.tallyOf(number) }
    // In the engine's own thread there is one pool, for the handlers of all.
    const isInline = map.shape.workers === 0
    const isOwn = isInline || (handler.pool ?? pools[0]) === poolOf(map.shape, thread).name
    if (handler.scope === 'one') {
      if (isOwn) this.lanes.addHandler(routed)
      return
    }
    const isEverywhere = handler.pool === undefined || isInline
    if (isEverywhere || isOwn) this.inbox.addHandler(routed)
    const inboxes = [...this.inboxes].filter(
      ([other]) => isEverywhere || poolOf(map.shape, other).name === handler.pool,
    )
    this.lanes.addEverywhere(
      handler,
      inboxes.map(([, inbox]) => inbox),
    )
  }

  private tallyOf(number: number): HandlerTally {
    const { handlerCounters, onHistogram } = this.parts
    const known = this.tallies.get(number)
    if (known !== undefined) return known
    const tally = new HandlerTally(wordsOf(handlerCounters), number, (histogram) =>
      onHistogram(number, histogram),
    )
    this.tallies.set(number, tally)
    return tally
  }
}
