import { availableParallelism } from 'node:os'
import type { Delivery } from '../dispatch/aftermath.ts'
import type { Affinity } from '../dispatch/lanes.ts'
import { CapabilityError, type MillraceError, OptionsError } from '../errors.ts'
import { checkPolicy, noStore, type Policy } from '../event/policy.ts'
import { PRIORITIES } from '../event/priority.ts'
import { MAX_PUBLISHERS, MAX_TOPIC_ID } from '../event/record.ts'
import { Struct } from '../event/struct/struct.ts'
import { MAX_DEPTH } from '../lane/map.ts'
import { MAX_DEATHS } from '../lane/mark.ts'
import { type StructEntry, TopicStructs } from '../lane/topic-structs.ts'
import type { Store } from '../store/store.ts'
import { moduleUrl } from './modules.ts'
import {
  type CheckedPool,
  checkPools,
  checkInteger as integer,
  MAX_WORKERS,
  onlyPool,
  type PoolOptions,
} from './pools.ts'

export type EngineOptions = {
  /** Worker threads; the machine's parallelism less one if not given, 0 to run handlers in this thread. Not beside `pools`, unless 0. */
  workers?: number
  /** How many there may be at most, when some are added while the engine runs (`engine.workers`): `workers` if not given. Not beside `pools`. */
  maxWorkers?: number
  /** Workers by name, for handlers that name their pool; others are run by the first one. */
  pools?: Record<string, PoolOptions>
  /**
   * Structs by topic or pattern: the data of those topics' events are written and read as these, by all threads. `{ data, answer }` says what answers to requests
   * are. Of several patterns that match, the first counts.
   */
  structs?: Record<string, Struct | { data?: Struct; answer?: Struct }>
  /** Modules whose default export is made by `defineHandlers`; loaded once per worker. */
  handlers?: URL | string | readonly (URL | string)[]
  /** What happens at a full lane: `block` if not given. */
  onFull?: Policy
  /** Where events wait that spill. The engine does not close it. */
  store?: Store
  /** Whether a key's lane stays with one worker while that lives (`sticky`, if not given) or may move. */
  affinity?: Affinity
  /**
   * What becomes of events in flight when their worker dies: handled again (`at-least-once`, if not given), or counted as
   * dropped (`at-most-once`). `effectively-once`: handled again, and an event with the `id` of one that was completed is not.
   */
  delivery?: Delivery['mode']
  /** With `effectively-once`: of about how many completed events the ids are remembered, 100,000 if not given. */
  duplicateWindow?: number
  /** How often an event is handled again after deaths of its worker, before it is a dead letter: twice if not given. */
  redeliveries?: number
  /**
   * After so many milliseconds a worker that does not mind its lanes, since a handler blocks its thread, is told of with a
   * StuckError: 10,000 if not given. `Infinity`: never.
   */
  stuckMs?: number
  /** What else happens then: nothing (`report`, if not given), or the worker is ended and replaced (`restart`). */
  onStuck?: 'report' | 'restart'
  /** How many dead letters are kept to be looked at and published again: 1,000 if not given. */
  deadLetters?: number
  /** Lanes for events with a key: four for each worker that there may be, if not given. More spread keys better, each costs memory when used. Not beside `pools`. */
  lanes?: number
  /** Bytes of each ring, a power of two, 262,144 if not given. An event takes at most half of it, or lies in a block. */
  ringBytes?: number
  /**
   * The memory for blocks, where events and answers lie that are too large for a ring: 512 MiB if not given; 0: none. Taken when it is used. Half
   * of it is for what is published from outside, the rest for what handlers publish, answers and mailboxes.
   */
  blockBytes?: number
  /** The most events of one ring in flight at once when handlers are asynchronous: 64 if not given. */
  maxInFlight?: number
  /** How many threads may be attached at once: 8 if not given. */
  attachable?: number
  /** Topics that are interned; events of further ones carry theirs as text. 16,384 if not given. */
  maxTopics?: number
  /** Handlers that fail, workers that die. Without it, a process warning says so once per handler. */
  onError?: (error: MillraceError) => void
  /** Limits of each worker's heap, as for `new Worker`. */
  resourceLimits?: {
    maxOldGenerationSizeMb?: number
    maxYoungGenerationSizeMb?: number
    stackSizeMb?: number
  }
}

export type CheckedOptions = Required<
  Omit<
    EngineOptions,
    | 'workers'
    | 'pools'
    | 'lanes'
    | 'handlers'
    | 'structs'
    | 'onError'
    | 'resourceLimits'
    | 'delivery'
    | 'redeliveries'
    | 'store'
    | 'duplicateWindow'
  >
> & {
  /** As many as all pools may have; 0 to run handlers in this thread. */
  maxWorkers: number
  pools: readonly CheckedPool[]
  delivery: Delivery
  /** 0 if ids are not remembered. */
  duplicateWindow: number
  modules: readonly string[]
  structs: readonly StructEntry[]
  onError: ((error: MillraceError) => void) | undefined
  store: Store | undefined
  resourceLimits: NonNullable<EngineOptions['resourceLimits']>
}

const NAMES = [
  'workers',
  'maxWorkers',
  'pools',
  'handlers',
  'structs',
  'onFull',
  'store',
  'affinity',
  'delivery',
  'duplicateWindow',
  'redeliveries',
  'stuckMs',
  'onStuck',
  'deadLetters',
  'lanes',
  'ringBytes',
  'blockBytes',
  'maxInFlight',
  'attachable',
  'maxTopics',
  'onError',
  'resourceLimits',
]

const DELIVERIES = ['at-least-once', 'at-most-once', 'effectively-once']
const LIMITS = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'stackSizeMb']
const MIN_RING_BYTES = 1_024
/** With less, and with less than a megabyte of stack, Node itself would end the process. */
const MIN_HEAP_MB = 4
/** Tables of latest values are eight times as long, and have places of 32 bits. */
const MAX_RING_BYTES = 2 ** 27
const MAX_BLOCK_BYTES = 2 ** 35
const DUPLICATE_WINDOW = 100_000
const MAX_DUPLICATE_WINDOW = 10_000_000

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`), CapabilityError if the platform lacks what the engine needs. */
export function checkOptions(options: EngineOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null)
    throw new OptionsError('createEngine takes an object of options')
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) throw new OptionsError(`Unknown option ${name}: known are ${NAMES.join(', ')}`)
  }
  if (typeof (Atomics as { waitAsync?: unknown }).waitAsync !== 'function') {
    throw new CapabilityError('This platform lacks Atomics.waitAsync')
  }
  const pools = poolsOf(options)
  const maxWorkers = options.workers === 0 ? 0 : pools.reduce((sum, pool) => sum + pool.maxWorkers, 0)
  const { onFull = 'block', affinity = 'sticky', onError, stuckMs = 10_000, onStuck = 'report' } = options
  if (onStuck !== 'report' && onStuck !== 'restart') throw new OptionsError('onStuck is report or restart')
  checkPolicy(onFull)
  const { store } = options
  if (store !== undefined && !isStore(store)) throw new OptionsError('store is what memoryStore() answers')
  if (onFull === 'spill' && store === undefined) throw noStore()
  if (affinity !== 'sticky' && affinity !== 'balanced')
    throw new OptionsError('affinity is sticky or balanced')
  if (onError !== undefined && typeof onError !== 'function') throw new OptionsError('onError is a function')
  const { resourceLimits = {} } = options
  if (typeof resourceLimits !== 'object' || resourceLimits === null)
    throw new OptionsError('resourceLimits is an object of limits')
  for (const [name, megabytes] of Object.entries(resourceLimits)) {
    if (!LIMITS.includes(name))
      throw new OptionsError(`Unknown limit ${name}: known are ${LIMITS.join(', ')}`)
    const least = name === 'maxOldGenerationSizeMb' ? MIN_HEAP_MB : 1
    if (typeof megabytes !== 'number' || !(megabytes >= least)) {
      throw new OptionsError(`${name} is a number of megabytes from ${least} on, not ${String(megabytes)}`)
    }
  }
  return {
    maxWorkers,
    pools,
    modules: modulesOf(options.handlers),
    structs: structsOf(options.structs),
    onFull,
    store,
    affinity,
    delivery: deliveryOf(options),
    duplicateWindow: duplicateWindowOf(options),
    stuckMs: stuckMs === Number.POSITIVE_INFINITY ? stuckMs : integer('stuckMs', stuckMs, 100, 2 ** 31 - 1),
    onStuck,
    deadLetters: integer('deadLetters', options.deadLetters ?? 1_000, 0, 1_000_000),
    ringBytes: powerOfTwo('ringBytes', options.ringBytes ?? 262_144, MIN_RING_BYTES, MAX_RING_BYTES),
    blockBytes: integer('blockBytes', options.blockBytes ?? 2 ** 29, 0, MAX_BLOCK_BYTES),
    maxInFlight: integer('maxInFlight', options.maxInFlight ?? 64, 1, 65_536),
    attachable: integer(
      'attachable',
      options.attachable ?? 8,
      0,
      Math.floor(MAX_PUBLISHERS / PRIORITIES) - MAX_DEPTH * Math.max(1, maxWorkers) - 1,
    ),
    maxTopics: integer('maxTopics', options.maxTopics ?? 16_384, 1, MAX_TOPIC_ID >> 2),
    onError,
    resourceLimits,
  }
}

function poolsOf({ workers, maxWorkers, pools, lanes, delivery }: EngineOptions): CheckedPool[] {
  if (pools === undefined) {
    const count = integer('workers', workers ?? Math.max(1, availableParallelism() - 1), 0, MAX_WORKERS)
    if (count === 0 && maxWorkers !== undefined)
      throw new OptionsError('Without workers none can be added: leave maxWorkers out')
    return [onlyPool(count, integer('maxWorkers', maxWorkers ?? count, count, MAX_WORKERS), lanes)]
  }
  if (workers !== undefined && workers !== 0)
    throw new OptionsError('Each pool has workers of its own: leave workers out')
  if (maxWorkers !== undefined)
    throw new OptionsError('Each pool has a limit of its own: leave maxWorkers out')
  if (lanes !== undefined) throw new OptionsError('Each pool has lanes of its own: leave lanes out')
  const checked = checkPools(pools)
  if (delivery === 'effectively-once' && checked.some(({ keyConcurrency }) => keyConcurrency > 1))
    throw new OptionsError(
      'With delivery: effectively-once, keyConcurrency is 1: two of one id would be handled at once',
    )
  return checked
}

function powerOfTwo(name: string, value: unknown, min: number, max: number): number {
  const bytes = integer(name, value, min, max)
  if ((bytes & (bytes - 1)) !== 0) throw new OptionsError(`${name} is a power of two, not ${bytes}`)
  return bytes
}

function modulesOf(handlers: EngineOptions['handlers']): string[] {
  if (handlers === undefined) return []
  const modules = (Array.isArray(handlers) ? handlers : [handlers]).map(moduleUrl)
  const twice = modules.find((module, index) => modules.indexOf(module) < index)
  if (twice !== undefined) throw new OptionsError(`${twice} is there twice`)
  return modules
}

/** @throws PatternError if a pattern is none. */
function structsOf(structs: unknown = {}): StructEntry[] {
  if (typeof structs !== 'object' || structs === null)
    throw new OptionsError('structs is an object of structs by topic or pattern')
  const entries = Object.entries(structs).map(([pattern, given]) => {
    const { data, answer } = given instanceof Struct ? { data: given, answer: undefined } : (given ?? {})
    const parts = [data, answer].filter((part) => part !== undefined)
    if (parts.length === 0 || parts.some((part) => !(part instanceof Struct)))
      throw new OptionsError(`structs of ${pattern} is what struct() answers, or { data, answer } of those`)
    return { pattern, data: data?.description, answer: answer?.description }
  })
  // The patterns are looked at here, so that no thread stumbles over one later.
  new TopicStructs(entries)
  return entries
}

function deliveryOf({ delivery = 'at-least-once', redeliveries = 2 }: EngineOptions): Delivery {
  if (!DELIVERIES.includes(delivery)) throw new OptionsError(`delivery is one of ${DELIVERIES.join(', ')}`)
  return { mode: delivery, redeliveries: integer('redeliveries', redeliveries, 0, MAX_DEATHS - 1) }
}

function duplicateWindowOf({ delivery, ...options }: EngineOptions): number {
  const { duplicateWindow = DUPLICATE_WINDOW } = options
  if (delivery === 'effectively-once') {
    return integer('duplicateWindow', duplicateWindow, 1, MAX_DUPLICATE_WINDOW)
  }
  if (options.duplicateWindow !== undefined)
    throw new OptionsError('duplicateWindow is for delivery: effectively-once')
  return 0
}

function isStore(store: unknown): store is Store {
  const overflow = (store as Partial<Store> | null)?.overflow
  return typeof overflow?.push === 'function' && typeof overflow.shift === 'function'
}
