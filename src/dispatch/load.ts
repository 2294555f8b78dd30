import { HandlerLoadError } from '../errors.ts'
import { parsePattern } from '../topic/pattern.ts'
import type { Delivery } from './aftermath.ts'
import { type Handler, handlersOf } from './handlers.ts'
import { type HookWorker, hooksOf, type ModuleHooks } from './hooks.ts'
import { MAX_HANDLERS } from './tally.ts'

/** A module as the engine's thread names it. */
export type ModuleSpec = {
  /** Of this version. */
  readonly id: number
  readonly module: string
  /** What is imported. */
  readonly url: string
  /** Of its handlers, which write their counters under them; undefined before the engine knows of them: then they are counted. */
  readonly numbers?: readonly number[]
}

/** What a module exports, in the thread that has imported it. */
export type LoadedModule = {
  readonly id: number
  readonly handlers: readonly Handler[]
  readonly hooks: ModuleHooks | undefined
}

/** What the engine's options say of handlers. */
export type LoadRules = {
  readonly delivery: Delivery['mode']
  /** The names of the pools there are. */
  readonly pools: readonly string[]
}

/** A module that awaits what never comes must not keep `createEngine` from answering. */
export const LOAD_TIMEOUT_MS = 60_000

/**
 * Imports a module of handlers, and sets it up, in the thread that will run them. It gets `timeoutMs` for either.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`) with the module's own error as cause.
 */
export async function loadModule(
  { id, module, url }: ModuleSpec,
  rules: LoadRules,
  worker: HookWorker,
  timeoutMs = LOAD_TIMEOUT_MS,
): Promise<LoadedModule> {
  let exported: unknown
  try {
    exported = await within(import(url), 'loaded', timeoutMs)
  } catch (error) {
    throw new HandlerLoadError(`Handlers ${module} can't be loaded: ${reasonOf(error)}`, module, {
      cause: error,
    })
  }
  const handlers = handlersOf(exportOf(exported, 'default'), module)
  const hooks = hooksOf(exportOf(exported, 'hooks'), module)
  for (const handler of handlers) {
    checkPattern(handler, module)
    checkPool(handler, module, rules.pools)
    if (handler.attempts === 1 || rules.delivery !== 'at-most-once') continue
    throw new HandlerLoadError(
      `Handler ${handler.name} of ${module} asks for retry: at most once is once`,
      module,
    )
  }
  if (hooks?.setup !== undefined) await setUp(hooks, worker, module, timeoutMs)
  return { id, handlers, hooks }
}

/** The modules that a thread starts with, in their order. */
export async function loadModules(
  specs: readonly ModuleSpec[],
  rules: LoadRules,
  worker: HookWorker,
): Promise<LoadedModule[]> {
  const loaded: LoadedModule[] = []
  for (const spec of specs) loaded.push(await loadModule(spec, rules, worker))
  const count = loaded.reduce((sum, { handlers }) => sum + handlers.length, 0)
  if (count > MAX_HANDLERS) {
    throw new HandlerLoadError(
      `${count} handlers exceed the limit of ${MAX_HANDLERS}`,
      specs.map(({ module }) => module).join(', '),
    )
  }
  return loaded
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
