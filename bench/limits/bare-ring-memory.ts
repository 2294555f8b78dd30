/** Of a slot: enough for a header of 8 bytes and 64 of data. */
export const RECORD_BYTES = 128
export const RECORDS = 2_048
/** A loop that is called often is compiled better than one that runs for long. */
export const CHUNK = 4_096
export const MASK = RECORDS - 1

const TAIL = 0
const HEAD = 32
const CONTROL_BYTES = 256

export function allocateBareRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + RECORDS * RECORD_BYTES)
}

/** One writer, one reader, slots of one size: nothing that could be left out. */
export class BareRing {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly bytes: Uint8Array
  /** Where the writer, or the reader, is. */
  tail = 0
  head = 0
  private readonly control: Int32Array

  constructor(memory: SharedArrayBuffer) {
    const length = RECORDS * RECORD_BYTES
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.words = new Int32Array(memory, CONTROL_BYTES, length / 4)
    this.doubles = new Float64Array(memory, CONTROL_BYTES, length / 8)
    this.bytes = new Uint8Array(memory, CONTROL_BYTES, length)
  }

  storeTail(tail: number): void {
    this.tail = tail
    Atomics.store(this.control, TAIL, tail)
  }

  loadTail(): number {
    return Atomics.load(this.control, TAIL)
  }

  storeHead(head: number): void {
    this.head = head
    Atomics.store(this.control, HEAD, head)
  }

  loadHead(): number {
    return Atomics.load(this.control, HEAD)
  }
}
