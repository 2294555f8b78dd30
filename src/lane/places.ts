import { randomInt } from 'node:crypto'
import {
  allocateBlocks,
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
  type TicketPlace,
  ticketBytes,
} from '../../native-free-ring/src/index.ts'
import { isA, OptionsError } from '../errors.ts'
import { HEADER_BYTES } from '../event/record.ts'
import { Bulletin } from './bulletin.ts'
import {
  controlWords,
  dispatchers,
  laneCount,
  type MapShape,
  publisherSlots,
  type SharedMap,
  threadCount,
} from './map.ts'
import type { StructEntry } from './topic-structs.ts'

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

/** How many answers one thread may wait for. */
export const MAX_TICKETS = 65_536

/** The tickets of what a thread has asked. */
export function ticketPlace(map: SharedMap, thread: number): TicketPlace {
  return { buffer: map.tickets, offset: thread * ticketBytes(MAX_TICKETS), slots: MAX_TICKETS }
}

/** The ring of what `thread` answers to what `asker` asks. */
export function answerPlace(map: SharedMap, thread: number, asker: number): RingPlace {
  const { shape } = map
  const askers = threadCount(shape)
  return {
    buffer: map.answers[dispatchers(shape).indexOf(thread)]!,
    controlOffset: asker * CONTROL_BYTES,
    dataOffset: askers * CONTROL_BYTES + asker * shape.ringBytes,
    capacity: shape.ringBytes,
  }
}

/** The line before an inbox's ring: its writers' lease, and whether it is open. */
const INBOX_LINE = 128

/** What a thread that dispatches gets from all of them (decision 20). */
export function inboxPlace(map: SharedMap, thread: number): RingPlace {
  const { shape } = map
  return {
    buffer: map.inboxes[dispatchers(shape).indexOf(thread)]!,
    controlOffset: INBOX_LINE,
    dataOffset: INBOX_LINE + CONTROL_BYTES,
    capacity: shape.ringBytes,
  }
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

/**
 * Memory for the whole engine: none is taken before it is used.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`) if that is more than may be addressed.
 */
export function allocateMap(
  shape: MapShape,
  engineId: string,
  topics: SharedArrayBuffer,
  structs: readonly StructEntry[] = [],
): SharedMap {
  try {
    return allocate(shape, engineId, topics, structs)
  } catch (error) {
    if (!isA(error, RangeError)) throw error
    const text = `${laneCount(shape)} lanes with rings of ${shape.ringBytes} bytes and ${shape.blockPages} pages for blocks are more than this process may address`
    throw new OptionsError(text, { cause: error })
  }
}

function allocate(
  shape: MapShape,
  engineId: string,
  topics: SharedArrayBuffer,
  structs: readonly StructEntry[],
): SharedMap {
  const publishers = publisherSlots(shape)
  const control = allocateShared(4 * controlWords(shape))
  return {
    shape,
    publishers,
    engineId,
    control,
    topics,
    structs,
    segments: publishers.map(() => allocateShared(segmentBytes(shape))),
    relays: publishers.map(() => allocateShared(laneCount(shape) * relayBytes(shape))),
    spillways: shape.spills
      ? publishers.map(() => allocateShared(laneCount(shape) * spillwayBytes(shape)))
      : [],
    answers: dispatchers(shape).map(() =>
      allocateShared(threadCount(shape) * (CONTROL_BYTES + shape.ringBytes)),
    ),
    inboxes: dispatchers(shape).map(() => allocateShared(INBOX_LINE + CONTROL_BYTES + shape.ringBytes)),
    tickets: allocateShared(threadCount(shape) * ticketBytes(MAX_TICKETS)),
    routes: Bulletin.allocate(),
    blocks: allocateBlocks(shape.blockPages),
    seed: randomInt(2 ** 32),
    completed: allocateShared(
      shape.rememberedIds > 0 ? laneCount(shape) * recentSetBytes(completedSize(shape)) : 0,
    ),
  }
}
