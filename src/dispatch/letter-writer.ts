import { type LossyPlace, LossyWriter } from '../../native-free-ring/src/index.ts'
import { REF_BYTES, readRef, writeRef } from '../event/block-ref.ts'
import { encode } from '../event/msgpack/codec.ts'
import { isInBlock } from '../event/record-copy.ts'
import { LETTER, NOWHERE, type ThreadBlocks } from '../lane/blocks.ts'
import type { LetterHead } from './failure.ts'

/** Keeps the dead letters of one thread; the oldest are given up for new ones. */
export class LetterWriter {
  private readonly ring: LossyWriter
  private readonly blocks: ThreadBlocks

  constructor(place: LossyPlace, blocks: ThreadBlocks) {
    this.blocks = blocks
    this.ring = new LossyWriter(place, (at, end) => this.discard(at, end))
  }

  /** `record`: the event as it lies in its ring. Of data in a block, the letter gets a copy: others may be handling the event still. */
  write(head: LetterHead, record: Uint8Array): void {
    const { ring } = this
    const { bytes, length } = encode(head)
    const start = (4 + length + 7) & -8
    const copy = isInBlock(record)
      ? (this.blocks.copyOf(readRef(record, record.length)) ?? NOWHERE)
      : undefined
    const at = ring.claim(start + record.length)
    ring.words[at >> 2] = length
    ring.bytes.set(bytes.subarray(0, length), at + 4)
    ring.bytes.set(record, at + start)
    if (copy !== undefined) writeRef(ring.words, at + start + record.length - REF_BYTES, copy)
    ring.commit()
    if (copy !== undefined) this.blocks.passOn(copy, LETTER)
  }

  /** Of a letter that is given up. */
  private discard(at: number, end: number): void {
    const { bytes, words } = this.ring
    if (isInBlock(bytes.subarray((at + 4 + words[at >> 2]! + 7) & -8, end)))
      this.blocks.free(readRef(bytes, end), LETTER)
  }
}
