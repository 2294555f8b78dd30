import { OptionsError } from '../errors.ts'
import type { PoolShape } from '../lane/map.ts'

/** Workers of their own for some of the handlers. */
export type PoolOptions = {
  /** Its worker threads. */
  workers: number
  /** How many it may have at most, when some are added while the engine runs: `workers` if not given. Each costs address space, and memory once it is there. */
  maxWorkers?: number
  /** Its lanes for events with a key: four for each worker that it may have, if not given. */
  lanes?: number
  /**
   * How many events all of its workers together may handle at once, at least one for each that it may have; as many as there are, if not given. For asynchronous handlers. Those that wait in `ctx.send` or
   * `ctx.request` do not count; others begin meanwhile, and go on beside them after that.
   */
  concurrency?: number
  /** How many events of one key are handled at once: 1 if not given, so that they are handled in their order; with more, they are begun in it. */
  keyConcurrency?: number
}

export type CheckedPool = Required<PoolOptions> & { readonly name: string }

/** Where there are no pools, this one has all workers. */
const ONLY = 'default'
const NAMES = ['workers', 'maxWorkers', 'lanes', 'concurrency', 'keyConcurrency']
const MAX_POOLS = 16
const MAX_LANES = 4_096
export const MAX_WORKERS = 256

/** The one pool of an engine that was not told of any. */
export function onlyPool(workers: number, maxWorkers: number, lanes: number | undefined): CheckedPool {
  return {
    name: ONLY,
    workers,
    maxWorkers,
    lanes: lanesOf('lanes', lanes, maxWorkers),
    concurrency: Number.POSITIVE_INFINITY,
    keyConcurrency: 1,
  }
}

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) */
export function checkPools(pools: unknown): CheckedPool[] {
  if (typeof pools !== 'object' || pools === null || Array.isArray(pools))
    throw new OptionsError('pools is an object: names, and what each pool is')
  const checked = Object.entries(pools).map(([name, options]) => checkPool(name, options))
  if (checked.length === 0 || checked.length > MAX_POOLS)
    throw new OptionsError(`There are 1 to ${MAX_POOLS} pools, not ${checked.length}`)
  const workers = checked.reduce((sum, pool) => sum + pool.maxWorkers, 0)
  if (workers > MAX_WORKERS)
    throw new OptionsError(`All pools have ${MAX_WORKERS} workers at most, not ${workers}`)
  return checked
}

function checkPool(name: string, options: unknown): CheckedPool {
  if (name === '') throw new OptionsError('A pool has a name')
  if (typeof options !== 'object' || options === null)
    throw new OptionsError(`pools.${name} is an object of options`)
  for (const option of Object.keys(options)) {
    if (!NAMES.includes(option))
      throw new OptionsError(`Unknown option pools.${name}.${option}: known are ${NAMES.join(', ')}`)
  }
  const {
    workers,
    maxWorkers = workers,
    lanes,
    concurrency = Number.POSITIVE_INFINITY,
    keyConcurrency = 1,
  } = options as PoolOptions
  checkInteger(`pools.${name}.workers`, workers, 1, MAX_WORKERS)
  checkInteger(`pools.${name}.maxWorkers`, maxWorkers, workers, MAX_WORKERS)
  if (concurrency !== Number.POSITIVE_INFINITY)
    checkInteger(`pools.${name}.concurrency`, concurrency, maxWorkers, Number.MAX_SAFE_INTEGER)
  checkInteger(`pools.${name}.keyConcurrency`, keyConcurrency, 1, Number.MAX_SAFE_INTEGER)
  const checkedLanes = lanesOf(`pools.${name}.lanes`, lanes, maxWorkers)
  return { name, workers, maxWorkers, lanes: checkedLanes, concurrency, keyConcurrency }
}

function lanesOf(name: string, lanes: number | undefined, workers: number): number {
  return checkInteger(name, lanes ?? 4 * Math.max(1, workers), 1, MAX_LANES)
}

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new OptionsError(`${name} is an integer from ${min} to ${max}, not ${String(value)}`)
  }
  return value
}

/** Where the pools' workers and lanes stand; with `isInline`, one that has no workers stands for all. */
export function poolShapes(pools: readonly CheckedPool[], isInline: boolean): PoolShape[] {
  if (isInline) {
    const { name, lanes } = pools[0]!
    const keyConcurrency = Math.min(...pools.map((pool) => pool.keyConcurrency))
    const place = { firstThread: 0, workers: 0, firstLane: 0, keyedLanes: lanes, freeLanes: 2 }
    return [{ name, ...place, concurrency: Number.POSITIVE_INFINITY, keyConcurrency }]
  }
  let firstThread = 1
  let firstLane = 0
  return pools.map(({ name, maxWorkers: workers, lanes, concurrency, keyConcurrency }) => {
    const place = { firstThread, workers, firstLane, keyedLanes: lanes, freeLanes: 2 * workers }
    const shape = { name, ...place, concurrency, keyConcurrency }
    firstThread += workers
    firstLane += shape.keyedLanes + shape.freeLanes
    return shape
  })
}
