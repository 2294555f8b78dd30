import { HandlerLoadError } from '../errors.ts'
import { parsePattern } from '../topic/pattern.ts'
import type { Delivery } from './aftermath.ts'
import { type Handler, handlersOf } from './handlers.ts'
import { type HookWorker, hooksOf, type ModuleHooks } from './hooks.ts'
import { MAX_HANDLERS } from './tally.ts'

/** What the modules of a thread export, together. */
export type LoadedModules = { readonly handlers: readonly Handler[]; readonly hooks: readonly ModuleHooks[] }

/** What the engine's options say of handlers. */
export type LoadRules = {
  readonly delivery: Delivery['mode']
  /** The names of the pools there are. */
  readonly pools: readonly string[]
}

/** A module that awaits what never comes must not keep `createEngine` from answering. */
export const LOAD_TIMEOUT_MS = 60_000

/**
 * Imports handler modules, and sets them up, in their order, in the thread that will run them. Each gets `timeoutMs` for either.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`) with the module's own error as cause.
 */
export async function loadHandlers(
  modules: readonly string[],
  rules: LoadRules,
  worker: HookWorker,
  timeoutMs = LOAD_TIMEOUT_MS,
): Promise<LoadedModules> {
  const handlers: Handler[] = []
  const hooks: ModuleHooks[] = []
  for (const module of modules) {
    let exported: unknown
    try {
      exported = await within(import(module), 'loaded', timeoutMs)
    } catch (error) {
      throw new HandlerLoadError(`Handlers ${module} can't be loaded: ${reasonOf(error)}`, module, {
        cause: error,
      })
    }
    const own = handlersOf(exportOf(exported, 'default'), module)
    const ownHooks = hooksOf(exportOf(exported, 'hooks'), module)
    if (ownHooks !== undefined) hooks.push(ownHooks)
    for (const handler of own) {
      checkPattern(handler, module)
      checkPool(handler, module, rules.pools)
      if (handler.attempts === 1 || rules.delivery !== 'at-most-once') continue
      throw new HandlerLoadError(
        `Handler ${handler.name} of ${module} asks for retry: at most once is once`,
        module,
      )
    }
    handlers.push(...own)
    if (ownHooks?.setup !== undefined) await setUp(ownHooks, worker, module, timeoutMs)
  }
  if (handlers.length > MAX_HANDLERS) {
    throw new HandlerLoadError(
      `${handlers.length} handlers exceed the limit of ${MAX_HANDLERS}`,
      modules.join(', '),
    )
  }
  return { handlers, hooks }
}

async function setUp(
  hooks: ModuleHooks,
  worker: HookWorker,
  module: string,
  timeoutMs: number,
): Promise<void> {
  try {
    await within(hooks.setup!(worker), 'done', timeoutMs)
  } catch (error) {
    throw new HandlerLoadError(`The setup of ${module} failed: ${reasonOf(error)}`, module, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function within(work: unknown, done: string, timeoutMs: number): Promise<unknown> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not ${done} within ${timeoutMs} ms`)), timeoutMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function checkPattern(handler: Handler, module: string): void {
  try {
    parsePattern(handler.pattern)
  } catch (error) {
    throw new HandlerLoadError(`Handler of ${module}: ${(error as Error).message}`, module, { cause: error })
  }
}

function checkPool({ name, pool }: Handler, module: string, pools: readonly string[]): void {
  if (pool === undefined || pools.includes(pool)) return
  const text = `Handler ${name} of ${module} names the pool ${JSON.stringify(pool)}: there are ${pools.join(', ')}`
  throw new HandlerLoadError(text, module)
}

/** One of the exports; a CommonJS module compiled from ESM has them one level deeper. */
function exportOf(exported: unknown, name: 'default' | 'hooks'): unknown {
  const outer = exported as Record<string, unknown>
  const { default: inner } = outer
  const isWrapped = typeof inner === 'object' && inner !== null && '__esModule' in inner && 'default' in inner
  return isWrapped ? (inner as Record<string, unknown>)[name] : outer[name]
}
