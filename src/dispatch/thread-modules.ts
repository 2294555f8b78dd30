import type { LoadedModule, ModuleSpec } from './load.ts'

export type ThreadModulesParts = {
  load(spec: ModuleSpec): Promise<LoadedModule>
  onPrepared(module: LoadedModule): void
  onRefused(id: number, error: unknown): void
  /** These are the modules from now on; `gone` is what there was, and `come` what there was not. */
  onSwitch(
    specs: readonly ModuleSpec[],
    modules: readonly LoadedModule[],
    gone: readonly LoadedModule[],
    come: readonly LoadedModule[],
  ): void
  /** It was prepared, and nobody wants it. */
  onAbandoned(module: LoadedModule): void
  /** Something is under way that needs the event loop. */
  keepTurning(work: Promise<void>): void
}

/** The modules that one thread has loaded, as the engine's thread changes them (decision 22). */
export class ThreadModules {
  private readonly parts: ThreadModulesParts
  private current: readonly LoadedModule[]
  /** By id; undefined while it is being loaded. */
  private readonly prepared = new Map<number, LoadedModule | undefined>()

  constructor(parts: ThreadModulesParts, loaded: readonly LoadedModule[]) {
    this.parts = parts
    this.current = loaded
  }

  /** Those that are in use, and what is prepared. */
  get all(): LoadedModule[] {
    return [...this.current, ...[...this.prepared.values()].filter((module) => module !== undefined)]
  }

  prepare(spec: ModuleSpec): void {
    if (this.prepared.has(spec.id)) return
    this.prepared.set(spec.id, undefined)
    this.parts.keepTurning(this.load(spec))
  }

  abandon(id: number): void {
    const module = this.prepared.get(id)
    this.prepared.delete(id)
    if (module !== undefined) this.parts.onAbandoned(module)
  }

  switchTo(specs: readonly ModuleSpec[]): void {
    const before = this.current
    const modules = specs.map(({ id }) => before.find((one) => one.id === id) ?? this.prepared.get(id)!)
    for (const { id } of modules) this.prepared.delete(id)
    this.current = modules
    const gone = before.filter((one) => !modules.includes(one))
    const come = modules.filter((one) => !before.includes(one))
    this.parts.onSwitch(specs, modules, gone, come)
  }

  private async load(spec: ModuleSpec): Promise<void> {
    try {
      const module = await this.parts.load(spec)
      if (!this.prepared.has(spec.id)) {
        this.parts.onAbandoned(module)
        return
      }
      this.prepared.set(spec.id, module)
      this.parts.onPrepared(module)
    } catch (error) {
      this.prepared.delete(spec.id)
      this.parts.onRefused(spec.id, error)
    }
  }
}
