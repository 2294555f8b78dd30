import { HandlerLoadError } from '../errors.ts'

/**
 * What a module of handlers is told, as its export `hooks`. What they return is awaited.
 *
 * They matter to handlers that keep state per key in their own memory: events of a key come to this worker from when its lane
 * was gained until it was lost. `ctx.lane` says which lane an event's key belongs to.
 *
 * @example
 * const totals = new Map<number, Map<string, number>>()
 * export const hooks: ModuleHooks = {
 *   laneGained: (lane) => void totals.set(lane, new Map()),
 *   laneLost: (lane) => void totals.delete(lane),
 * }
 */
export type ModuleHooks = {
  /**
   * The worker begins: no event is handled before what this returns has settled. One that fails keeps the worker from starting, as a module does that
   * can't be loaded.
   */
  setup?(worker: HookWorker): unknown
  /**
   * The worker ends, if that is not because of its death, and has lost its lanes; what this returns is awaited for as long as a handler that does not
   * yield: 0.9 seconds, less what such a one took of them.
   */
  teardown?(worker: HookWorker): unknown
  /** Events of this lane come to this worker from now on: none is handled before what this returns has settled. */
  laneGained?(lane: number, worker: HookWorker): unknown
  /**
   * No event of this lane comes any more, and none is being handled. Others get the lane after what this returns has settled.
   * Called when the worker stops, too, if that is not because of its death; then handlers may be open that `close` did not wait for.
   */
  laneLost?(lane: number, worker: HookWorker): unknown
}

/** Which worker it is that is told. */
export type HookWorker = { readonly workerId: number }

const NAMES: readonly string[] = [
  'setup',
  'teardown',
  'laneGained',
  'laneLost',
] satisfies (keyof ModuleHooks)[]

/**
 * The hooks that a module exports; undefined if there are none.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`) if they are malformed.
 */
export function hooksOf(exported: unknown, module: string): ModuleHooks | undefined {
  if (exported === undefined) return undefined
  if (typeof exported !== 'object' || exported === null) {
    throw new HandlerLoadError(`The hooks of ${module} are not an object`, module)
  }
  for (const [name, hook] of Object.entries(exported)) {
    if (!NAMES.includes(name)) {
      throw new HandlerLoadError(`${module} has no hook to offer for ${JSON.stringify(name)}`, module)
    }
    if (hook !== undefined && typeof hook !== 'function') {
      throw new HandlerLoadError(`The hook ${name} of ${module} is not a function`, module)
    }
  }
  return exported
}
