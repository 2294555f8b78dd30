import { EMPTY, LossyGauge, type LossyPlace, LossyReader } from '../../native-free-ring/src/index.ts'
import type { LetterHead } from '../dispatch/failure.ts'
import { DecodeError, OptionsError } from '../errors.ts'
import { type BlockRef, readRef } from '../event/block-ref.ts'
import { MillraceEvent } from '../event/event.ts'
import { decode } from '../event/msgpack/codec.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { EventInput, Publishing, SendOptions } from '../event/publishing.ts'
import { isInBlock } from '../event/record-copy.ts'
import { LETTER, type ThreadBlocks } from '../lane/blocks.ts'

/** An event that was given up, and why. The event is a copy, as it was published. */
export type KeptLetter = LetterHead & { readonly event: MillraceEvent }

/**
 * The events that were given up last: to be looked at, published again, or forgotten.
 *
 * So many are kept; the oldest are forgotten for new ones. They outlive their worker, not their engine. For the engine's
 * thread.
 *
 * @example
 * for (const letter of engine.deadLetters.list()) {
 *   if (letter.error.code === 'ECONNRESET') await engine.deadLetters.republish(letter)
 * }
 */
export class DeadLetters {
  private readonly readers: LossyReader[]
  private readonly gauges: LossyGauge[]
  private readonly capacity: number
  private readonly origins: EventOrigins
  private readonly publishing: Publishing
  private readonly blocks: ThreadBlocks
  private letters: KeptLetter[] = []
  /** Those that are being published again. */
  private readonly underWay = new Set<KeptLetter>()
  private trimmed = 0

  /** @internal */
  constructor(
    places: readonly LossyPlace[],
    capacity: number,
    origins: EventOrigins,
    publishing: Publishing,
    blocks: ThreadBlocks,
  ) {
    this.readers = places.map((place) => new LossyReader(place))
    this.gauges = places.map((place) => new LossyGauge(place))
    this.capacity = capacity
    this.origins = origins
    this.publishing = publishing
    this.blocks = blocks
  }

  /** Those that are kept, the oldest first. */
  list(): readonly KeptLetter[] {
    this.collect()
    return [...this.letters]
  }

  /** How many are kept now. */
  get size(): number {
    this.collect()
    return this.letters.length
  }

  /** How many had to go, since there were too many. */
  get forgotten(): number {
    this.collect()
    return this.gauges.reduce((sum, gauge) => sum + gauge.counts().dropped, this.trimmed)
  }

  /**
   * Publishes the event again as it was, with its id and key, waiting for room; then the letter is forgotten.
   *
   * @throws as `send`; the letter is kept then. OptionsError if it is none of these, or is being published again already.
   */
  async republish(
    letter: KeptLetter,
    options: Pick<SendOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<void> {
    this.check(letter)
    const { type, data, key, id, source, metadata, ttlMs, traceparent } = letter.event
    // Whatever the engine's policy: it must not be dropped, and then forgotten.
    const onFull = 'block'
    const event = { type, data, key, id, source, metadata, ttlMs, traceparent, onFull, ...options }
    this.underWay.add(letter)
    try {
      await this.publishing.send(event as EventInput & SendOptions)
      this.discard(letter)
    } finally {
      this.underWay.delete(letter)
    }
  }

  /** Forgets a letter, or all. */
  discard(letter?: KeptLetter): void {
    this.collect()
    const discarded = this.letters.filter((kept) => letter === undefined || kept === letter)
    for (const kept of discarded) this.free(kept)
    this.letters = this.letters.filter((kept) => !discarded.includes(kept))
  }

  /** What the event's data lie in, if that is a block. */
  private free({ event }: KeptLetter): void {
    const { recordBytes } = event
    if (isInBlock(recordBytes)) this.blocks.free(readRef(recordBytes, recordBytes.length), LETTER)
  }

  private check(letter: KeptLetter): void {
    if (!this.letters.includes(letter)) throw new OptionsError('That is no dead letter which is kept')
    if (this.underWay.has(letter)) throw new OptionsError('That dead letter is being published again already')
  }

  /** Takes over what the threads have written since the last look. */
  private collect(): void {
    const before = this.letters.length
    for (const reader of this.readers) {
      for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
        const record = reader.bytes.slice(at, at + reader.length)
        if (reader.confirm()) this.letters.push(this.read(record))
      }
      reader.release()
    }
    if (this.letters.length === before) return
    // Each thread's are in order already.
    this.letters.sort((one, other) => one.time - other.time)
    const excess = Math.max(0, this.letters.length - this.capacity)
    for (const letter of this.letters.splice(0, excess)) this.free(letter)
    this.trimmed += excess
  }

  private read(record: Uint8Array): KeptLetter {
    const length = record[0]! | (record[1]! << 8) | (record[2]! << 16) | (record[3]! << 24)
    const head = decode(record, 4, 4 + length) as LetterHead
    const bytes = record.slice((4 + length + 7) & -8)
    const event = MillraceEvent.fromCopy(bytes, head.attempts, this.origins)
    if (isInBlock(bytes)) event.lieIn(() => this.dataOf(event.type, readRef(bytes, bytes.length)))
    return { ...head, event }
  }

  private dataOf(type: string, ref: BlockRef): Uint8Array {
    const data = this.blocks.peek(ref, LETTER)
    if (data !== undefined) return data
    throw new DecodeError(
      `The data of a dead letter of type ${type} were given up, since no other block was free: raise blockBytes`,
    )
  }
}
