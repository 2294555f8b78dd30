import { DecodeError } from '../errors.ts'
import { type BlockRef, readRef } from '../event/block-ref.ts'
import type { MillraceEvent } from '../event/event.ts'
import { ASKS, flagsOf, IN_BLOCK } from '../event/record.ts'
import { HELD, type ThreadBlocks } from '../lane/blocks.ts'
import { attemptsOf } from '../lane/mark.ts'
import { COMPLETED, DROPPED, type Outcome } from '../lane/outcome.ts'

/** Where a record lies in a ring. */
type RingRecord = { readonly bytes: Uint8Array; readonly words: Int32Array }

/** The blocks of the records that a thread dispatches (decision 19). */
export class RecordBlocks {
  private readonly blocks: ThreadBlocks

  constructor(blocks: ThreadBlocks) {
    this.blocks = blocks
  }

  /**
   * Takes hold of the block of the record at `at`, if it has one, before anything else is done with it. If the block is gone, answers what
   * has become of the event: its publisher died while it published; or it is a request that was answered with that block.
   *
   * @throws DecodeError if the record says what can't be.
   */
  hold({ bytes, words }: RingRecord, at: number): Outcome | undefined {
    const flags = flagsOf(words, at)
    if ((flags & IN_BLOCK) === 0) return undefined
    const attempts = attemptsOf(words[(at >> 2) - 1]!)
    const ref = refAt(bytes, words, at)
    if (!this.blocks.isSound(ref)) throw new DecodeError('A record names no block')
    if (this.blocks.hold(ref, attempts > 0)) return undefined
    return (flags & ASKS) !== 0 && attempts > 0 ? COMPLETED : DROPPED
  }

  /** The event, whose record begins at `at`, has its data in a block, if the record says so. */
  attach(event: MillraceEvent, { bytes, words }: RingRecord, at: number): void {
    if ((flagsOf(words, at) & IN_BLOCK) === 0) return
    const ref = refAt(bytes, words, at)
    event.lieIn(() => this.blocks.view(ref))
  }

  /** The record at `at` has an outcome: its block is free, if it was not passed on. */
  release({ bytes, words }: RingRecord, at: number): void {
    if ((flagsOf(words, at) & IN_BLOCK) !== 0) this.blocks.free(refAt(bytes, words, at), HELD)
  }
}

/** Of a record in a ring, whose length stands before its mark. */
export function refAt(bytes: Uint8Array, words: Int32Array, at: number): BlockRef {
  return readRef(bytes, at + words[(at >> 2) - 2]!)
}
