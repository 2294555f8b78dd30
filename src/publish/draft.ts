import { CapabilityError, InvalidEventError } from '../errors.ts'
import { copyBinary } from '../event/binary.ts'
import { Block } from '../event/block.ts'
import { type EncodedExtras, encodeExtras } from '../event/extras.ts'
import { keyBytes } from '../event/key.ts'
import { type DataFormat, type Payload, writePayload } from '../event/payload.ts'
import { NORMAL } from '../event/priority.ts'
import type { PublishOptions } from '../event/publishing.ts'
import { BY_ID, type Draft, EXPIRES, HAS_EXTRAS, HAS_KEY, IN_BLOCK } from '../event/record.ts'
import { fnv1a } from '../fnv1a.ts'

const payload: Payload = { flags: 0, bytes: undefined, length: 0 }

export function newDraft(): Draft {
  return {
    topicId: 0,
    topic: undefined,
    publisher: 0,
    priority: NORMAL,
    pools: [],
    sequence: 0,
    time: 0,
    key: '',
    keyHash: 0,
    keyBytes: 0,
    flags: 0,
    extras: undefined,
    data: undefined,
    dataBytes: 0,
    blockBytes: 0,
    block: undefined,
    lacksBlock: undefined,
    spills: false,
    ticket: undefined,
  }
}

/**
 * Fills the draft from what was published. Encodes everything, so that nothing can fail once bytes are claimed; data of
 * more than `maxBytes` is refused as soon as it is that much. `byId`: without a key, an event goes by its id, if it has one. `format`: how the topic's data are written.
 *
 * Options, and encoding, may call getters, and those may publish with the same draft: nothing is stored before them, and
 * the data comes last, since it lasts in the encoder's buffer until something else is encoded.
 */
export function fillDraft(
  draft: Draft,
  data: unknown,
  options: PublishOptions | undefined,
  maxBytes: number,
  byId: boolean,
  format: DataFormat,
): void {
  const extras = options === undefined ? undefined : extrasOf(options)
  const key = options?.key
  const keyLength = key === undefined ? 0 : keyBytes(key)
  writePayload(payload, data, maxBytes, format)
  draft.data = payload.bytes
  draft.dataBytes = payload.length
  draft.flags = payload.flags
  draft.keyHash = 0
  draft.extras = extras?.bytes
  if (extras !== undefined) draft.flags |= extras.expires ? HAS_EXTRAS | EXPIRES : HAS_EXTRAS
  if (key !== undefined) {
    draft.keyBytes = keyLength
    draft.key = key
    draft.keyHash = fnv1a(key)
    draft.flags |= HAS_KEY
  } else if (byId && extras?.id !== undefined) {
    draft.keyHash = fnv1a(extras.id)
    draft.flags |= BY_ID
  }
}

function extrasOf(options: PublishOptions): EncodedExtras | undefined {
  if (typeof options !== 'object' || options === null) throw new InvalidEventError('Options are an object')
  // Silently less than durable would be a loss that nobody counts.
  if ((options as { persistent?: unknown }).persistent) {
    throw new CapabilityError('A persistent event needs a store, and this engine has none')
  }
  return hasExtras(options) ? encodeExtras(options) : undefined
}

function hasExtras(options: PublishOptions): boolean {
  return (
    options.id !== undefined ||
    options.source !== undefined ||
    options.metadata !== undefined ||
    options.ttlMs !== undefined ||
    options.traceparent !== undefined
  )
}

/** A draft that outlives the next one: its data no longer lies in the encoder's buffer. */
export function keepDraft(draft: Draft): Draft {
  const { data, flags, dataBytes, blockBytes } = draft
  // A block is the publisher's until it is sent.
  if (data === undefined || data instanceof Block) return { ...draft }
  const length = (flags & IN_BLOCK) === 0 ? dataBytes : blockBytes
  // Not `data.slice`, which is a view if the data is a Buffer.
  const kept = new Uint8Array(length)
  copyBinary(kept, 0, data, length)
  return { ...draft, data: kept }
}

export function tooLarge(bytes: number, limit: number): InvalidEventError {
  return new InvalidEventError(
    `An event of ${bytes} bytes exceeds the ${limit} bytes that a lane can take: raise ringBytes`,
  )
}

export function tooLargeForBlocks(bytes: number, limit: number): InvalidEventError {
  return new InvalidEventError(
    `An event's data of ${bytes} bytes exceed the ${limit} bytes that may lie in a block: half of blockBytes, or their part of it if they go to several pools, up to 256 MiB`,
  )
}
