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
  const { maxOverflowBytes = MAX_OVERFLOW_BYTES } = options
  if (!Number.isSafeInteger(maxOverflowBytes) || maxOverflowBytes < 0) {
    throw new OptionsError(`maxOverflowBytes is a whole number of bytes, not ${maxOverflowBytes}`)
  }
  return { overflow: new MemoryOverflow(maxOverflowBytes) }
}

/** The first `taken` records are gone. */
type Queue = { records: Uint8Array[]; taken: number }

class MemoryOverflow implements Overflow {
  private readonly queues = new Map<string, Queue>()
  private readonly maxBytes: number
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  async push(name: string, records: readonly Uint8Array[]): Promise<void> {
    const bytes = bytesOf(records)
    if (this.bytes + bytes > this.maxBytes) {
      throw new StoreError(
        `No room in the store for ${bytes} bytes of events that have spilled: it holds ${this.bytes} of ${this.maxBytes}`,
      )
    }
    this.bytes += bytes
    const queue = this.queues.get(name) ?? { records: [], taken: 0 }
    this.queues.set(name, queue)
    for (const record of records) queue.records.push(record)
  }

  async shift(name: string, limit: number): Promise<readonly Uint8Array[]> {
    const queue = this.queues.get(name)
    if (queue === undefined) return []
    const records = queue.records.slice(queue.taken, queue.taken + limit)
    this.bytes -= bytesOf(records)
    queue.taken += records.length
    if (queue.taken === queue.records.length) this.queues.delete(name)
    else if (2 * queue.taken > queue.records.length) {
      queue.records.splice(0, queue.taken)
      queue.taken = 0
    }
    return records
  }
}

function bytesOf(records: readonly Uint8Array[]): number {
  return records.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
