import { FullError, InvalidEventError } from '../errors.ts'
import { Block } from '../event/block.ts'
import { type BlockRef, REF_BYTES } from '../event/block-ref.ts'
import { AS_BLOCK, type Draft, IN_BLOCK } from '../event/record.ts'
import { QUEUED, type ThreadBlocks } from '../lane/blocks.ts'

/** The most bytes that the data of an event can have. */
export const MAX_DATA_BYTES = 2 ** 28

/** The blocks of what a publisher writes: filled before the record is written, passed on after its commit (decision 19). */
export class BlockWriter {
  private readonly blocks: ThreadBlocks
  private readonly depth: number
  /** Of records that are written and not committed. */
  private readonly dropped: Block[] = []
  private readonly written: { readonly ref: BlockRef; readonly own: Block | undefined }[] = []

  /** `depth` of what it publishes. */
  constructor(blocks: ThreadBlocks, depth: number) {
    this.blocks = blocks
    this.depth = depth
  }

  /** The most bytes of data that an event can have, with a block if need be. */
  get maxBytes(): number {
    return Math.min(MAX_DATA_BYTES, this.blocks.maxBytes)
  }

  /** The same of an event that goes to so many pools: each has a block. */
  maxBytesOf(pools: number): number {
    return Math.min(MAX_DATA_BYTES, this.blocks.maxBytesOf(pools))
  }

  /**
   * A block of this thread's own, to be filled and sent.
   *
   * @throws InvalidEventError for a length that no block can have, FullError if no block is free now.
   */
  allocate(length: unknown): Block {
    const { blocks, maxBytes } = this
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > maxBytes)
      throw new InvalidEventError(`A block has 0 to ${maxBytes} bytes, not ${String(length)}`)
    const ref = blocks.allocate(length, this.depth)
    if (ref !== undefined) return new Block(blocks, ref)
    throw new FullError(`No block of ${length} bytes is free: release some, or raise blockBytes`, undefined)
  }

  /**
   * Has the draft's data go to a block.
   *
   * @throws InvalidEventError if they are a block that can't be sent.
   */
  divert(draft: Draft): void {
    const { data } = draft
    if (data instanceof Block) {
      draft.block = Block.promise(data, this.blocks)
      if (draft.block === undefined)
        throw new InvalidEventError('That block was sent or released before, or belongs to another thread')
      draft.flags |= AS_BLOCK
    }
    draft.lacksBlock = undefined
    draft.flags |= IN_BLOCK
    draft.blockBytes = draft.dataBytes
    draft.dataBytes = REF_BYTES
  }

  /** The draft was not written, and its data stay the caller's. */
  giveBack({ data }: Draft): void {
    if (data instanceof Block) Block.giveBack(data)
  }

  /** The same for one of a batch: only with the commit. */
  dropLater({ data }: Draft): void {
    if (data instanceof Block) this.dropped.push(data)
  }

  /** The draft was accepted, and is not written: somebody does without it. */
  drop({ data }: Pick<Draft, 'data'>): void {
    if (!(data instanceof Block)) return
    Block.giveBack(data)
    data.release()
  }

  /** Sees to it that the draft's data lie in as many blocks; undefined if there is no room for all of them. */
  fillAll(draft: Draft, count: number): BlockRef[] | undefined {
    const { data, blockBytes, block } = draft
    const own = data instanceof Block ? data : undefined
    const missing = own === undefined ? count : count - 1
    const filled = this.blocks.allocateAll(blockBytes, this.depth, missing)
    draft.lacksBlock = filled === undefined ? this.blocks.failure : undefined
    if (filled === undefined) return undefined
    for (const ref of filled) this.write(ref, draft)
    const refs = own === undefined ? filled : [block!, ...filled]
    for (const ref of refs) this.written.push({ ref, own: ref === block ? own : undefined })
    return refs
  }

  private write(ref: BlockRef, { data, blockBytes }: Draft): void {
    this.blocks.view(ref).set(data!.length === blockBytes ? data! : data!.subarray(0, blockBytes))
  }

  /** Sees to it that the draft's data lie in a block, or also in a further one as a copy; false if there is no room. */
  fill(draft: Draft, isCopy = false): boolean {
    const { data, blockBytes } = draft
    const own = data instanceof Block && !isCopy ? data : undefined
    if (own === undefined) {
      draft.block = this.blocks.allocate(blockBytes, this.depth)
      draft.lacksBlock = draft.block === undefined ? this.blocks.failure : undefined
      if (draft.block === undefined) return false
      this.write(draft.block, draft)
    }
    this.written.push({ ref: draft.block!, own })
    return true
  }

  /** The record of the draft that was filled last has found no room. */
  unfill(): void {
    this.takeBack(this.written.pop()!)
  }

  /** What is written was committed. */
  commit(): void {
    for (const block of this.dropped.splice(0)) this.drop({ data: block })
    for (const { ref, own } of this.written.splice(0)) {
      this.blocks.passOn(ref, QUEUED)
      if (own !== undefined) Block.sent(own)
    }
  }

  /** What is written was forgotten. */
  abort(): void {
    for (const block of this.dropped.splice(0)) Block.giveBack(block)
    for (const entry of this.written.splice(0)) {
      this.takeBack(entry)
      if (entry.own !== undefined) Block.giveBack(entry.own)
    }
  }

  get isDirty(): boolean {
    return this.written.length > 0 || this.dropped.length > 0
  }

  /** Whether `fill` may find room: not, if it found none and nothing was freed since. */
  mayFill({ lacksBlock }: Draft): boolean {
    return lacksBlock === undefined || this.blocks.mayHaveRoom(lacksBlock)
  }

  /** What lies in a record that was overwritten, and was not read, is free. */
  discard(ref: BlockRef): void {
    this.blocks.free(ref, QUEUED)
  }

  private takeBack({ ref, own }: { readonly ref: BlockRef; readonly own: Block | undefined }): void {
    if (own === undefined) this.blocks.release(ref)
  }
}
