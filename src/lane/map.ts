import type { BlocksPlace } from '../../native-free-ring/src/index.ts'
import { PRIORITIES } from '../event/priority.ts'
import type { StructEntry } from './topic-structs.ts'

/**
 * Where everything lies in the shared memory of an engine (decision 3).
 *
 * Control memory, in lines of 32 words: one for the engine, three per thread, the homes of all lanes, one for each lane's lease. Thread 0 is the
 * engine's own, 1…workers are the workers, then the attached ones. Each publisher has a segment of its own, with one ring per
 * lane: all control blocks, then all data; another with a relay per lane, for events that may be overwritten (decision
 * 13); and if there is a store, one with a spillway per lane (decision 15).
 */
export type MapShape = {
  /** As many as all pools may ever have. */
  readonly workers: number
  readonly pools: readonly PoolShape[]
  readonly attachable: number
  readonly ringBytes: number
  readonly maxTopics: number
  /** How many ids of completed events each keyed lane remembers; 0: none. */
  readonly rememberedIds: number
  /** Pages for blocks: 0 if there are none. */
  readonly blockPages: number
  /** Whether there are spillways. */
  readonly spills: boolean
}

/** Workers with lanes of their own, one pool's after the other's (decision 21). */
export type PoolShape = {
  readonly name: string
  readonly firstThread: number
  /** As many as it may ever have (decision 23); 0 if the engine's own thread dispatches. */
  readonly workers: number
  readonly firstLane: number
  /** The first of its lanes take events with a key, the others those without. */
  readonly keyedLanes: number
  readonly freeLanes: number
  /** How many events all of its workers may handle at once. */
  readonly concurrency: number
  /** How many of one key. */
  readonly keyConcurrency: number
}

/**
 * Who writes one ring in each lane. A thread publishes as several: there is one for each priority (decision 21); and what handlers send goes to rings
 * of another depth than the events they handle, so that no ring waits for itself (decision 11).
 */
export type PublisherSlot = {
  readonly thread: number
  /** Through how many handlers its events have come: none (0), one, …, `MAX_DEPTH` or more. */
  readonly depth: number
  readonly priority: number
}

export const MAX_DEPTH = 4

/** What a thread needs to take part; travels in `workerData`. */
export type SharedMap = {
  readonly shape: MapShape
  readonly publishers: readonly PublisherSlot[]
  readonly engineId: string
  readonly control: SharedArrayBuffer
  readonly topics: SharedArrayBuffer
  /** Which topics have structs. */
  readonly structs: readonly StructEntry[]
  readonly segments: readonly SharedArrayBuffer[]
  readonly relays: readonly SharedArrayBuffer[]
  /** Empty without a store. */
  readonly spillways: readonly SharedArrayBuffer[]
  /** Of each thread that dispatches, the rings of its answers, one for each thread that may ask. */
  readonly answers: readonly SharedArrayBuffer[]
  /** Of each thread, the tickets of what it has asked. */
  readonly tickets: SharedArrayBuffer
  /** Which pools the handlers' patterns lead to, as a bulletin. */
  readonly routes: SharedArrayBuffer
  /** What keyed lanes remember; without a byte if they don't. */
  readonly completed: SharedArrayBuffer
  /** Of each thread that dispatches, its inbox (decision 20). */
  readonly inboxes: readonly SharedArrayBuffer[]
  /** What is too large for a ring lies there (decision 19). */
  readonly blocks: BlocksPlace
  /** By chance: of the hashes by which that is found, so that nobody can choose what shares one. */
  readonly seed: number
}

export const LINE_WORDS = 32

/** Words of the engine's line, written by thread 0. */
export const STATE = 0
export const REGISTRY_VERSION = 1
export const DRAINING = 2
/** How many threads have begun to publish: each adds one, once. */
export const ACTIVATIONS = 3
/** How many threads that took part have died. */
export const DEATHS = 4
/** Bits of the notices that somebody asks for. */
export const NOTICES = 5

/** Values of STATE. */
export const OPEN = 0
/** Nothing more is published; handlers finish. */
export const CLOSING = 1
/** Dispatchers stop, finished or not. */
export const STOPPED = 2

/** Words of a thread's first line. */
const PARKED = 0
const OWNER = 1
const COMMITTING = 2
const PRESENCE = 3
/** One word for each depth and priority. */
const ACTIVE = 4
const IDLE = LINE_WORDS - 1

const THREAD_LINES = 3
/** A thread's statistics fill its other lines. */
export const THREAD_COUNTERS = 32

export function threadCount(shape: MapShape): number {
  return 1 + shape.workers + shape.attachable
}

/** Whether the thread is one that publishes into an engine which another thread closes. */
export function isAttached(shape: MapShape, thread: number): boolean {
  return thread > shape.workers
}

/** Of all pools. */
export function laneCount({ pools }: MapShape): number {
  const { firstLane, keyedLanes, freeLanes } = pools.at(-1)!
  return firstLane + keyedLanes + freeLanes
}

export function controlWords(shape: MapShape): number {
  return leaseWord(shape, leaseCount(shape))
}

function threadWord(thread: number): number {
  return LINE_WORDS * (1 + THREAD_LINES * thread)
}

/** The word on which a thread parks. */
export function parkedWord(thread: number): number {
  return threadWord(thread) + PARKED
}

/** 1 while a thread that dispatches has found nothing to do. A hint, stored and loaded without more ado. */
export function idleWord(thread: number): number {
  return threadWord(thread) + IDLE
}

/** The lease word of a thread's slot: who uses it. */
export function ownerWord(thread: number): number {
  return threadWord(thread) + OWNER
}

/** Bits of the active word: the publisher uses its rings, its relays, its spillways. */
export const USES_RINGS = 1
export const USES_RELAYS = 2
export const USES_SPILLWAYS = 4

/** What the publisher has begun to use: the rest needs no look. */
export function activeWord({ thread, depth, priority }: PublisherSlot): number {
  return threadWord(thread) + ACTIVE + depth * PRIORITIES + priority
}

/** 1 while an attached thread looks whether the engine is open, and if so, commits (decision 3). */
export function committingWord(thread: number): number {
  return threadWord(thread) + COMMITTING
}

export function countersWord(thread: number): number {
  return threadWord(thread) + LINE_WORDS
}

/** The lane whose ring is this thread's inbox; those come after all others. */
export function inboxLane(shape: MapShape, thread: number): number {
  return laneCount(shape) + Math.max(0, thread - 1)
}

/** Lanes, inboxes included. */
export function leaseCount(shape: MapShape): number {
  return laneCount(shape) + Math.max(1, shape.workers)
}

/** The word that holds a lane's lease. */
export function leaseWord(shape: MapShape, lane: number): number {
  const homes = Math.ceil(laneCount(shape) / LINE_WORDS)
  return LINE_WORDS * (1 + THREAD_LINES * threadCount(shape) + homes + lane)
}

/** Whether there is a worker in this slot (decision 23). */
export function presenceWord(thread: number): number {
  return threadWord(thread) + PRESENCE
}

/** The word with a lane's home: those that all read lie beside each other. */
export function homeWord(shape: MapShape, lane: number): number {
  return threadWord(threadCount(shape)) + lane
}

export function isKeyed(shape: MapShape, lane: number): boolean {
  const { firstLane, keyedLanes } = poolOfLane(shape, lane)
  return lane < firstLane + keyedLanes
}

function poolOfLane({ pools }: MapShape, lane: number): PoolShape {
  return pools.findLast(({ firstLane }) => firstLane <= lane)!
}

/** The pool for which this thread dispatches. */
export function poolOf({ pools }: MapShape, thread: number): PoolShape {
  return pools.findLast(({ firstThread }) => firstThread <= thread)!
}

/** The publisher as which this thread publishes what has come through `depth` handlers, with this priority. */
export function publisherOf(map: SharedMap, thread: number, depth: number, priority: number): number {
  return map.publishers.findIndex(
    (slot) => slot.thread === thread && slot.depth === depth && slot.priority === priority,
  )
}

/** The threads that may dispatch, in their order: the workers, or the engine's own. */
export function dispatchers({ pools }: MapShape): number[] {
  return pools.flatMap(threadsOf)
}

/** Those of one pool. */
export function threadsOf({ firstThread, workers }: PoolShape): number[] {
  return Array.from({ length: Math.max(1, workers) }, (_, index) => firstThread + index)
}

/** The engine's own, all depths of each thread that dispatches, the attached threads'; all priorities of each. */
export function publisherSlots(shape: MapShape): PublisherSlot[] {
  const slots: PublisherSlot[] = []
  const add = (thread: number, depth: number): void => {
    for (let priority = 0; priority < PRIORITIES; priority++) slots.push({ thread, depth, priority })
  }
  for (let thread = 0; thread < threadCount(shape); thread++) {
    const isWorker = thread > 0 && !isAttached(shape, thread)
    if (!isWorker) add(thread, 0)
    const dispatches = isWorker || (thread === 0 && shape.workers === 0)
    for (let depth = 1; dispatches && depth <= MAX_DEPTH; depth++) add(thread, depth)
  }
  return slots
}
