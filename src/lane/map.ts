import { randomInt } from 'node:crypto'
import {
  allocateShared,
  CONTROL_BYTES,
  latestBytes,
  lossyBytes,
  MAX_RECENT_BYTES,
  maxPayloadBytes,
  type RecentPlace,
  type RelayPlace,
  type RingPlace,
  recentEntryBytes,
  recentSetBytes,
  recordBytes,
} from '../../native-free-ring/src/index.ts'

import { HEADER_BYTES } from '../event/record.ts'

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
  /** What keyed lanes remember; without a byte if they don't. */
  readonly completed: SharedArrayBuffer
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
  return LINE_WORDS * (1 + THREAD_LINES * threadCount(shape) + laneCount(shape))
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

export function ringPlace(map: SharedMap, publisher: number, lane: number): RingPlace {
  const { shape } = map
  return {
    buffer: map.segments[publisher]!,
    controlOffset: lane * CONTROL_BYTES,
    dataOffset: laneCount(shape) * CONTROL_BYTES + lane * shape.ringBytes,
    capacity: shape.ringBytes,
  }
}

function segmentBytes(shape: MapShape): number {
  return laneCount(shape) * (CONTROL_BYTES + shape.ringBytes)
}

/** Slots of a table of latest values, for half as many keys. */
const LATEST_SLOTS = 1_024
const MIN_LATEST_BYTES = 1_024

/** The longest event with a key that can be coalesced in a lane. */
export function maxCoalescedBytes({ ringBytes }: MapShape): number {
  return Math.max(ringBytes / 256, Math.min(MIN_LATEST_BYTES, maxPayloadBytes(ringBytes)))
}

export function relayPlace(map: SharedMap, publisher: number, lane: number): RelayPlace {
  const { shape } = map
  const { ringBytes } = shape
  const buffer = map.relays[publisher]!
  const controlOffset = lane * relayBytes(shape)
  const dataOffset = controlOffset + CONTROL_BYTES
  const lossyOffset = dataOffset + ringBytes
  const capacity = lossyCapacity(shape)
  const latestOffset = lossyOffset + line(lossyBytes(ringBytes, capacity))
  return {
    ring: { buffer, controlOffset, dataOffset, capacity: ringBytes },
    lossy: { buffer, offset: lossyOffset, dataBytes: ringBytes, capacity },
    latest: { buffer, offset: latestOffset, slots: LATEST_SLOTS, maxValueBytes: maxCoalescedBytes(shape) },
  }
}

function relayBytes(shape: MapShape): number {
  const lossy = lossyBytes(shape.ringBytes, lossyCapacity(shape))
  const latest = latestBytes(LATEST_SLOTS, maxCoalescedBytes(shape))
  return CONTROL_BYTES + shape.ringBytes + line(lossy) + line(latest)
}

/** As many records as have room: the bytes are the limit. */
function lossyCapacity({ ringBytes }: MapShape): number {
  return ringBytes / recordBytes(HEADER_BYTES)
}

/** The two rings of a spillway: toward the engine's thread, and toward the lane's reader. */
export type SpillwayPlace = { readonly out: RingPlace; readonly back: RingPlace }

export function spillwayPlace(map: SharedMap, publisher: number, lane: number): SpillwayPlace {
  const { ringBytes } = map.shape
  const buffer = map.spillways[publisher]!
  const controlOffset = lane * spillwayBytes(map.shape)
  const dataOffset = controlOffset + 2 * CONTROL_BYTES
  return {
    out: { buffer, controlOffset, dataOffset, capacity: ringBytes },
    back: {
      buffer,
      controlOffset: controlOffset + CONTROL_BYTES,
      dataOffset: dataOffset + ringBytes,
      capacity: ringBytes,
    },
  }
}

function spillwayBytes({ ringBytes }: MapShape): number {
  return 2 * (CONTROL_BYTES + ringBytes)
}

/** A key and an id, with a byte between them: a UUID has 36. */
const USUAL_BYTES = 54

/** Where a keyed lane remembers the ids of what it has completed. */
export function completedPlace(map: SharedMap, lane: number): RecentPlace {
  const size = completedSize(map.shape)
  return { buffer: map.completed, offset: lane * recentSetBytes(size), ...size }
}

function completedSize({ rememberedIds }: MapShape): { logBytes: number; buckets: number } {
  const bytes = rememberedIds * recentEntryBytes(USUAL_BYTES) + recentEntryBytes(MAX_RECENT_BYTES)
  return {
    logBytes: Math.max(4_096, powerOfTwo(bytes)),
    buckets: Math.min(2 ** 20, powerOfTwo(rememberedIds)),
  }
}

/** The first from `value` on. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}

function line(bytes: number): number {
  return (bytes + 127) & -128
}

/** The engine's own, all depths of each thread that dispatches, the attached threads'. */
function publisherSlots(shape: MapShape): PublisherSlot[] {
  const slots: PublisherSlot[] = []
  for (let thread = 0; thread < threadCount(shape); thread++) {
    const isWorker = thread > 0 && !isAttached(shape, thread)
    if (!isWorker) slots.push({ thread, depth: 0 })
    const dispatches = isWorker || (thread === 0 && shape.workers === 0)
    for (let depth = 1; dispatches && depth <= MAX_DEPTH; depth++) slots.push({ thread, depth })
  }
  return slots
}

/** Memory for the whole engine. */
export function allocateMap(shape: MapShape, engineId: string, topics: SharedArrayBuffer): SharedMap {
  const publishers = publisherSlots(shape)
  return {
    shape,
    publishers,
    engineId,
    control: allocateShared(4 * controlWords(shape)),
    topics,
    segments: publishers.map(() => allocateShared(segmentBytes(shape))),
    relays: publishers.map(() => allocateShared(laneCount(shape) * relayBytes(shape))),
    spillways: shape.spills
      ? publishers.map(() => allocateShared(laneCount(shape) * spillwayBytes(shape)))
      : [],
    seed: randomInt(2 ** 32),
    completed: allocateShared(
      shape.rememberedIds > 0 ? shape.keyedLanes * recentSetBytes(completedSize(shape)) : 0,
    ),
  }
}
