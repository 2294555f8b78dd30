import { resolve as resolvePath } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ModuleSpec } from '../dispatch/load.ts'
import type { RegistryChange } from '../dispatch/registry.ts'
import { MAX_HANDLERS } from '../dispatch/tally.ts'
import type { HandlerName } from '../dispatch/task.ts'
import { ClosedError, HandlerLoadError, OptionsError } from '../errors.ts'
import type { ChangeQueue } from './change-queue.ts'

/** The modules of handlers, as they change while the engine runs (decision 22). Only the engine's own thread may call. */
export interface HandlerModules {
  /** Their URLs, in their order: of several handlers, the first answers a request. */
  list(): string[]
  /**
   * Adds a module after all others: every worker loads it, and then all begin to use it. What is published after the promise has resolved finds its handlers.
   *
   * @throws HandlerLoadError if one worker can't load it, OptionsError if it is there already, ClosedError: nothing has changed.
   */
  add(module: URL | string): Promise<void>
  /**
   * Puts `next` in the place of a module, or the module itself, loaded anew. The new version takes over between two events: each is handled by the one or by the other. What is
   * in flight goes on with the old one.
   *
   * @throws HandlerLoadError if one worker can't load it, or if it moves a pattern to another pool; OptionsError if there is no such module, ClosedError: nothing has changed.
   */
  replace(module: URL | string, next?: URL | string): Promise<void>
  /**
   * Events that come later, or still wait, are handled without it.
   *
   * @throws OptionsError if there is no such module, ClosedError.
   */
  remove(module: URL | string): Promise<void>
}

/** So many of the workers that are to load a module may die of something else. */
const MAX_DEATHS = 3

/** A module that is in use. */
type Entry = { readonly spec: ModuleSpec; readonly handlers: readonly HandlerName[] }

/** One that all dispatchers are to load. */
type Pending = {
  readonly spec: ModuleSpec
  readonly missing: Set<number>
  readonly loaded: PromiseWithResolvers<readonly HandlerName[]>
  /** What it has, as those say that have loaded it. */
  handlers: readonly HandlerName[]
  /** Of threads that had not loaded it. */
  deaths: number
}

export type NumberedHandler = HandlerName & { readonly number: number }

export type ModulesParts = {
  readonly changes: ChangeQueue
  /** The threads that dispatch now. */
  threads(): readonly number[]
  /** Tells all of them, or one; the registry's version rises with it. */
  announce(change: RegistryChange, thread?: number): void
  /** The handlers there are now: before the dispatchers learn of those that are gone, and after they have learnt of those that are new. */
  onHandlers(handlers: readonly NumberedHandler[]): void
}

export class Modules implements HandlerModules {
  private readonly parts: ModulesParts
  private entries: Entry[]
  private pending: Pending | undefined
  private readonly imported: Set<string>
  private lastId: number
  private nextNumber = 0
  /** Of handlers that are gone, by what they were: they have them again if they come again. */
  private readonly retired = new Map<string, number[]>()
  private isMet = false

  constructor(modules: readonly string[], parts: ModulesParts) {
    this.parts = parts
    this.entries = modules.map((url, index) => ({ spec: { id: index + 1, module: url, url }, handlers: [] }))
    this.imported = new Set(modules)
    this.lastId = modules.length
  }

  /** What a dispatcher starts with. */
  get specs(): ModuleSpec[] {
    return this.entries.map(({ spec }) => spec)
  }

  list(): string[] {
    return this.entries.map(({ spec }) => spec.module)
  }

  add(module: URL | string): Promise<void> {
    return this.parts.changes.run(async () => {
      const url = moduleUrl(module)
      if (this.find(url) !== undefined) throw new OptionsError(`${url} is there already: replace it`)
      const entry = await this.load(url, undefined)
      this.switchTo([...this.entries, entry])
    })
  }

  replace(module: URL | string, next: URL | string = module): Promise<void> {
    return this.parts.changes.run(async () => {
      const old = this.known(module)
      const url = moduleUrl(next)
      if (url !== old.spec.module && this.find(url) !== undefined)
        throw new OptionsError(`${url} is there already: remove one of the two`)
      const entry = await this.load(url, old)
      this.switchTo(this.entries.map((one) => (one === old ? entry : one)))
    })
  }

  remove(module: URL | string): Promise<void> {
    return this.parts.changes.run(async () => {
      const old = this.known(module)
      this.switchTo(this.entries.filter((one) => one !== old))
    })
  }

  /** A dispatcher has loaded what it started with. */
  onReady(thread: number, handlers: readonly (readonly HandlerName[])[]): void {
    if (!this.isMet) {
      this.isMet = true
      this.entries = this.entries.map(({ spec }, index) => this.numbered(spec, handlers[index]!, undefined))
      this.tell()
    }
    const { pending } = this
    if (pending?.missing.has(thread)) this.parts.announce({ prepare: pending.spec }, thread)
  }

  onPrepared(thread: number, id: number, handlers: readonly HandlerName[]): void {
    const { pending } = this
    if (pending?.spec.id !== id) return
    pending.handlers = handlers
    this.onLeft(thread)
  }

  /** It need not load anything any more. */
  onLeft(thread: number): void {
    const { pending } = this
    if (pending?.missing.delete(thread) && pending.missing.size === 0)
      pending.loaded.resolve(pending.handlers)
  }

  onRefused(id: number, error: unknown): void {
    if (this.pending?.spec.id === id) this.pending.loaded.reject(error)
  }

  /** What it had loaded is gone with it; that may be why. */
  onDied(thread: number): void {
    const { pending } = this
    if (pending === undefined) return
    if (pending.missing.has(thread) && ++pending.deaths > MAX_DEATHS) {
      const text = `Workers died ${pending.deaths} times before they had loaded ${pending.spec.module}`
      pending.loaded.reject(new HandlerLoadError(text, pending.spec.module))
    }
    pending.missing.add(thread)
  }

  close(): void {
    this.pending?.loaded.reject(new ClosedError('The engine is closed: its handlers stay as they are'))
  }

  /** Has all dispatchers load it. */
  private async load(module: string, old: Entry | undefined): Promise<Entry> {
    const id = ++this.lastId
    const url = this.imported.has(module)
      ? `${module}${module.includes('?') ? '&' : '?'}millrace=${id}`
      : module
    this.imported.add(module)
    const spec: ModuleSpec = { id, module, url }
    const missing = new Set(this.parts.threads())
    this.pending = { spec, missing, loaded: Promise.withResolvers(), handlers: [], deaths: 0 }
    try {
      this.parts.announce({ prepare: spec })
      const handlers = await this.pending.loaded.promise
      checkMoves(module, old?.handlers ?? [], handlers)
      return this.numbered(spec, handlers, old)
    } catch (error) {
      this.parts.announce({ abandon: id })
      throw error
    } finally {
      this.pending = undefined
    }
  }

  /** Handlers that go on under the same name and pattern keep their number. */
  private numbered(spec: ModuleSpec, handlers: readonly HandlerName[], old: Entry | undefined): Entry {
    const before = old?.handlers ?? []
    const taken = new Set<number>()
    /** How many of the retired numbers come again. */
    const again = new Map<string, number>()
    const numbers = handlers.map(({ name, pattern }) => {
      const index = before.findIndex(
        (one, i) => one.name === name && one.pattern === pattern && !taken.has(i),
      )
      if (index >= 0) {
        taken.add(index)
        return old!.spec.numbers![index]!
      }
      const key = keyOf(spec, name, pattern)
      const count = (again.get(key) ?? 0) + 1
      again.set(key, count)
      return this.retired.get(key)?.at(-count) ?? -1
    })
    const added = numbers.filter((number) => number < 0).length
    if (this.nextNumber + added > MAX_HANDLERS) {
      const text = `${this.nextNumber + added} handlers, those that were replaced included, exceed the limit of ${MAX_HANDLERS}`
      throw new HandlerLoadError(text, spec.module)
    }
    for (const [key, count] of again) this.retired.get(key)?.splice(-count)
    return {
      spec: { ...spec, numbers: numbers.map((number) => (number < 0 ? this.nextNumber++ : number)) },
      handlers,
    }
  }

  private switchTo(entries: Entry[]): void {
    const kept = new Set(entries.flatMap(({ spec }) => spec.numbers!))
    for (const { spec, handlers } of this.entries) {
      handlers.forEach(({ name, pattern }, index) => {
        const number = spec.numbers![index]!
        if (!kept.has(number)) this.retire(keyOf(spec, name, pattern), number)
      })
    }
    this.entries = entries
    this.parts.announce({ switch: this.specs })
    this.tell()
  }

  private retire(key: string, number: number): void {
    const numbers = this.retired.get(key)
    if (numbers === undefined) this.retired.set(key, [number])
    else numbers.push(number)
  }

  private tell(): void {
    this.parts.onHandlers(
      this.entries.flatMap(({ spec, handlers }) =>
        handlers.map((handler, index) => ({ ...handler, number: spec.numbers![index]! })),
      ),
    )
  }

  private find(url: string): Entry | undefined {
    return this.entries.find(({ spec }) => spec.module === url)
  }

  private known(module: URL | string): Entry {
    const url = moduleUrl(module)
    const entry = this.find(url)
    if (entry === undefined)
      throw new OptionsError(`There is no module ${url}: there are ${this.list().join(', ')}`)
    return entry
  }
}

function keyOf({ module }: ModuleSpec, name: string, pattern: string): string {
  return JSON.stringify([module, name, pattern])
}

/** What lies in the old pool's lanes would find nobody. */
function checkMoves(module: string, before: readonly HandlerName[], after: readonly HandlerName[]): void {
  for (const { pattern, scope, pool } of before) {
    const moved = after.find((one) => one.pattern === pattern && (one.pool !== pool || one.scope !== scope))
    if (moved === undefined) continue
    const text = `The new ${module} moves ${JSON.stringify(pattern)} to another pool or scope: remove the old one first`
    throw new HandlerLoadError(text, module)
  }
}

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) if it is neither a URL nor a path. */
export function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href
  if (typeof module !== 'string' || module === '')
    throw new OptionsError('handlers are URLs or paths of modules')
  return module.startsWith('file:') ? module : pathToFileURL(resolvePath(module)).href
}
