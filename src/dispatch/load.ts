import { HandlerLoadError } from '../errors.ts'
import { parsePattern } from '../topic/pattern.ts'
import { type Handler, handlersOf } from './handlers.ts'
import { MAX_HANDLERS } from './tally.ts'

/**
 * Imports handler modules, in their order, in the thread that will run them.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`) with the module's own error as cause.
 */
export async function loadHandlers(modules: readonly string[]): Promise<Handler[]> {
  const handlers: Handler[] = []
  for (const module of modules) {
    let exported: unknown
    try {
      exported = await import(module)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new HandlerLoadError(`Handlers ${module} can't be loaded: ${reason}`, module, { cause: error })
    }
    const own = handlersOf(defaultOf(exported), module)
    for (const handler of own) checkPattern(handler, module)
    handlers.push(...own)
  }
  if (handlers.length > MAX_HANDLERS) {
    throw new HandlerLoadError(
      `${handlers.length} handlers exceed the limit of ${MAX_HANDLERS}`,
      modules.join(', '),
    )
  }
  return handlers
}

function checkPattern(handler: Handler, module: string): void {
  try {
    parsePattern(handler.pattern)
  } catch (error) {
    throw new HandlerLoadError(`Handler of ${module}: ${(error as Error).message}`, module, { cause: error })
  }
}

/** The default export; a CommonJS module compiled from ESM has it one level deeper. */
function defaultOf(exported: unknown): unknown {
  const outer = (exported as { default?: unknown }).default
  const isWrapped = typeof outer === 'object' && outer !== null && '__esModule' in outer && 'default' in outer
  return isWrapped ? outer.default : outer
}
