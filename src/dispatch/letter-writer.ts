import { type LossyPlace, LossyWriter } from '../../native-free-ring/src/index.ts'
import { encode } from '../event/codec.ts'
import type { LetterHead } from './failure.ts'

/** Keeps the dead letters of one thread; the oldest are given up for new ones. */
export class LetterWriter {
  private readonly ring: LossyWriter

  constructor(place: LossyPlace) {
    this.ring = new LossyWriter(place)
  }

  /** `record`: the event as it lies in its ring. */
  write(head: LetterHead, record: Uint8Array): void {
    const { ring } = this
    const { bytes, length } = encode(head)
    const start = (4 + length + 7) & -8
    const at = ring.claim(start + record.length)
    ring.words[at >> 2] = length
    ring.bytes.set(bytes.subarray(0, length), at + 4)
    ring.bytes.set(record, at + start)
    ring.commit()
  }
}
