import type { Suite } from './suite.ts'

/** By name; a process loads what it measures. */
const SUITES: Readonly<Record<string, () => Promise<{ default: Suite }>>> = {
  delivery: () => import('./suites/delivery.ts'),
  latency: () => import('./suites/latency.ts'),
  memory: () => import('./suites/memory.ts'),
  'cpu-bound': () => import('./suites/cpu-bound.ts'),
  predecessors: () => import('./suites/predecessors.ts'),
}

export const SUITE_NAMES: readonly string[] = Object.keys(SUITES)

export async function suiteOf(name: string): Promise<Suite> {
  const load = SUITES[name]
  if (load === undefined) throw new Error(`No suite ${name}: there are ${SUITE_NAMES.join(', ')}`)
  return (await load()).default
}
