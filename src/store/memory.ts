import { OptionsError, StoreError } from '../errors.ts'
import type { Overflow } from '../lane/overflow.ts'
import type { Store } from './store.ts'

export type MemoryStoreOptions = {
  /** The most bytes of events that have spilled: 256 MiB if not given. Past it, lanes and mailboxes are full again. */
  maxOverflowBytes?: number
}

const MAX_OVERFLOW_BYTES = 2 ** 28

/**
 * A store in this process' memory: it ends with the process.
 *
 * For the thread that made it. One store may serve several engines of that thread.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`).
 * @example
 * await using engine = await createEngine({ store: memoryStore(), onFull: 'spill' })
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  if (typeof options !== 'object' || options === null)
    throw new OptionsError('memoryStore takes an object of options')
  for (const name of Object.keys(options)) {
    if (name !== 'maxOverflowBytes')
      throw new OptionsError(`Unknown option ${name}: known is maxOverflowBytes`)
  }
  const { maxOverflowBytes = MAX_OVERFLOW_BYTES } = options
  if (!Number.isSafeInteger(maxOverflowBytes) || maxOverflowBytes < 0) {
    throw new OptionsError(`maxOverflowBytes is a whole number of bytes, not ${String(maxOverflowBytes)}`)
  }
  return { overflow: new MemoryOverflow(maxOverflowBytes) }
}

/** What was pushed at once, in one piece: the objects of single records would take more memory than most of them. */
type Chunk = {
  readonly bytes: Uint8Array
  /** Where each record ends. */
  readonly ends: Uint32Array
  taken: number
}

/** What a chunk takes beside its bytes. */
const CHUNK_BYTES = 512

class MemoryOverflow implements Overflow {
  private readonly queues = new Map<string, Chunk[]>()
  private readonly maxBytes: number
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  async push(name: string, records: readonly Uint8Array[]): Promise<void> {
    const chunk = chunkOf(records)
    const bytes = sizeOf(chunk)
    if (this.bytes + bytes > this.maxBytes) {
      throw new StoreError(
        `No room in the store for ${bytes} bytes of events that have spilled: it holds ${this.bytes} of ${this.maxBytes}`,
      )
    }
    this.bytes += bytes
    const queue = this.queues.get(name)
    if (queue === undefined) this.queues.set(name, [chunk])
    else queue.push(chunk)
  }

  async shift(name: string, limit: number): Promise<readonly Uint8Array[]> {
    const queue = this.queues.get(name)
    if (queue === undefined) return []
    const chunk = queue[0]!
    const { bytes, ends } = chunk
    const records: Uint8Array[] = []
    while (records.length < limit && chunk.taken < ends.length) {
      const index = chunk.taken++
      records.push(bytes.subarray(index === 0 ? 0 : ends[index - 1]!, ends[index]!))
    }
    if (chunk.taken < ends.length) return records
    this.bytes -= sizeOf(chunk)
    queue.shift()
    if (queue.length === 0) this.queues.delete(name)
    return records
  }
}

function chunkOf(records: readonly Uint8Array[]): Chunk {
  const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0))
  const ends = new Uint32Array(records.length)
  let end = 0
  records.forEach((record, index) => {
    bytes.set(record, end)
    end += record.length
    ends[index] = end
  })
  return { bytes, ends, taken: 0 }
}

function sizeOf({ bytes, ends }: Chunk): number {
  return bytes.byteLength + ends.byteLength + CHUNK_BYTES
}
