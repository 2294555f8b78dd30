import type { BlocksPlace } from '../../native-free-ring/src/index.ts'

/**
 * Where everything lies in the shared memory of an engine (decision 3).
 *
 * Control memory, in lines of 32 words: one for the engine, three per thread, one per lane. Thread 0 is the engine's
 * own, 1…workers are the workers, then the attached ones. Each publisher has a segment of its own, with one ring per
 * lane: all control blocks, then all data; another with a relay per lane, for events that may be overwritten (decision
 * 13); and if there is a store, one with a spillway per lane (decision 15).
 */
export type MapShape = {
  readonly workers: number
  readonly attachable: number
  /** Lanes 0…keyedLanes-1 take events with a key, the others those without. */
  readonly keyedLanes: number
  readonly freeLanes: number
  readonly ringBytes: number
  readonly maxTopics: number
  /** How many ids of completed events each keyed lane remembers; 0: none. */
  readonly rememberedIds: number
  /** Pages for blocks: 0 if there are none. */
  readonly blockPages: number
  /** Whether there are spillways. */
  readonly spills: boolean
}

/**
 * Who writes one ring in each lane. A thread that dispatches publishes as several: what handlers send goes to rings of
 * another depth than the events they handle, so that no ring waits for itself (decision 11).
 */
export type PublisherSlot = {
  readonly thread: number
  /** Through how many handlers its events have come: none (0), one, …, `MAX_DEPTH` or more. */
  readonly depth: number
}

export const MAX_DEPTH = 4

/** What a thread needs to take part; travels in `workerData`. */
export type SharedMap = {
  readonly shape: MapShape
  readonly publishers: readonly PublisherSlot[]
  readonly engineId: string
  readonly control: SharedArrayBuffer
  readonly topics: SharedArrayBuffer
  readonly segments: readonly SharedArrayBuffer[]
  readonly relays: readonly SharedArrayBuffer[]
  /** Empty without a store. */
  readonly spillways: readonly SharedArrayBuffer[]
  /** Of each thread that dispatches, the rings of its answers, one for each thread that may ask. */
  readonly answers: readonly SharedArrayBuffer[]
  /** Of each thread, the tickets of what it has asked. */
  readonly tickets: SharedArrayBuffer
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
/** One word for each depth. */
const ACTIVE = 3

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

export function laneCount(shape: MapShape): number {
  return shape.keyedLanes + shape.freeLanes
}

export function controlWords(shape: MapShape): number {
  return LINE_WORDS * (1 + THREAD_LINES * threadCount(shape) + leaseCount(shape))
}

function threadWord(thread: number): number {
  return LINE_WORDS * (1 + THREAD_LINES * thread)
}

/** The word on which a thread parks. */
export function parkedWord(thread: number): number {
  return threadWord(thread) + PARKED
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
export function activeWord({ thread, depth }: PublisherSlot): number {
  return threadWord(thread) + ACTIVE + depth
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
  return laneCount(shape) + dispatchers(shape).indexOf(thread)
}

/** Lanes, inboxes included. */
export function leaseCount(shape: MapShape): number {
  return laneCount(shape) + dispatchers(shape).length
}

/** The word that holds a lane's lease. */
export function leaseWord(shape: MapShape, lane: number): number {
  return LINE_WORDS * (1 + THREAD_LINES * threadCount(shape) + lane)
}

/** The thread that a lane is read by first: its worker, or the engine's own thread if there are none. */
export function homeOf(shape: MapShape, lane: number): number {
  if (shape.workers === 0) return 0
  const index = lane < shape.keyedLanes ? lane : lane - shape.keyedLanes
  return 1 + (index % shape.workers)
}

export function isKeyed(shape: MapShape, lane: number): boolean {
  return lane < shape.keyedLanes
}

/** The publisher as which this thread publishes what has come through `depth` handlers. */
export function publisherOf(map: SharedMap, thread: number, depth: number): number {
  return map.publishers.findIndex((slot) => slot.thread === thread && slot.depth === depth)
}

/** The threads that dispatch, in their order: the workers, or the engine's own. */
export function dispatchers({ workers }: MapShape): number[] {
  return workers === 0 ? [0] : Array.from({ length: workers }, (_, index) => index + 1)
}

/** The engine's own, all depths of each thread that dispatches, the attached threads'. */
export function publisherSlots(shape: MapShape): PublisherSlot[] {
  const slots: PublisherSlot[] = []
  for (let thread = 0; thread < threadCount(shape); thread++) {
    const isWorker = thread > 0 && !isAttached(shape, thread)
    if (!isWorker) slots.push({ thread, depth: 0 })
    const dispatches = isWorker || (thread === 0 && shape.workers === 0)
    for (let depth = 1; dispatches && depth <= MAX_DEPTH; depth++) slots.push({ thread, depth })
  }
  return slots
}
