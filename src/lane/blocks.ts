import {
  Blocks,
  FREE,
  MAX_STAMP,
  NO_BLOCK,
  PAGE_BYTES,
  pagesOf,
  wake,
  wordsOf,
} from '../../native-free-ring/src/index.ts'
import type { BlockOwner } from '../event/block.ts'
import type { BlockRef } from '../event/block-ref.ts'
import { parkedWord, type SharedMap, threadCount } from './map.ts'

/** Who may own a block (decision 19): a record that nobody has begun to read; one that is being handled; an answer; a dead letter. */
export const QUEUED = 1
export const HELD = 2
export const ANSWER = 3
export const LETTER = 4
/** Or a thread: this one, and those after it. */
const FIRST_THREAD = 8

/**
 * Which part of the pages may be used: half for what comes from outside (0), three quarters for what its handlers publish (1), and so
 * on by depth (decision 11); all for answers and mailboxes. So nothing that holds a block waits for one behind what comes from outside.
 */
export const ALL = 30

/** How often who would lose something tries to allocate while others are allocating: some milliseconds. */
const BUSY_TRIES = 256

/** The reference to a block that is gone. */
export const NOWHERE: BlockRef = { page: -1, stamp: 0, offset: 0, length: 0 }

/** As whom a thread owns blocks. */
export function ownerOfThread(thread: number): number {
  return FIRST_THREAD + thread
}

/** The blocks of an engine, as one thread of it has them. */
export class ThreadBlocks implements BlockOwner {
  private readonly blocks: Blocks
  /** As whom this thread owns blocks. */
  private readonly me: number
  private lastUsed = 0
  /** Names the last time that no room was found. */
  failure = 0

  constructor(map: SharedMap, thread: number) {
    this.me = ownerOfThread(thread)
    const control = wordsOf(map.control)
    const threads = threadCount(map.shape)
    this.blocks = new Blocks(map.blocks, this.me, () => {
      for (let other = 0; other < threads; other++) wake(control, parkedWord(other))
    })
  }

  /** The bytes of all pages. */
  get bytes(): number {
    return this.blocks.pages * PAGE_BYTES
  }

  /** The most bytes that one block can have: half of all, so that its copy in a mailbox, or an answer, fits beside it. */
  get maxBytes(): number {
    return this.maxBytesOf(1)
  }

  /** The most bytes that each of several blocks can have. */
  maxBytesOf(count: number): number {
    return Math.floor((this.blocks.pages >> 1) / count) * PAGE_BYTES
  }

  /**
   * A block of this thread's own; undefined if there is no room in its share: then wait until `mayHaveRoom(failure)`. Dead letters give up
   * theirs before that.
   */
  allocate(length: number, share: number): BlockRef | undefined {
    return this.allocateAll(length, share, 1)?.[0]
  }

  /** The same for several blocks of one length: all, or none. */
  allocateAll(length: number, share: number, count: number): BlockRef[] | undefined {
    let refs = this.tryAllocate(length, share, count)
    // Who allocates just now may have lost its core in the middle.
    for (let i = 0; i < BUSY_TRIES && refs === undefined && this.isBusy; i++)
      refs = this.tryAllocate(length, share, count)
    return refs ?? this.allocateAfterAll(length, share, count)
  }

  /** Whether no room was found last only since others were allocating all the while. */
  get isBusy(): boolean {
    return this.blocks.isBusy
  }

  /** After `allocate` found no room, what `failure` was then: whether it is worth another try. Who frees a block wakes all threads. */
  mayHaveRoom(failure: number): boolean {
    return this.blocks.wasTold(failure)
  }

  /** The data of a block. */
  view({ page, offset, length }: BlockRef): Uint8Array {
    const start = page * PAGE_BYTES + offset
    return this.blocks.bytes.subarray(start, start + length)
  }

  /** The same; undefined if it is gone. */
  find(ref: BlockRef): Uint8Array | undefined {
    return this.blocks.ownerOf(ref.page, ref.stamp) === FREE ? undefined : this.view(ref)
  }

  /** Whether `bytes` lie within what the reference names; if so, the reference to just them. */
  within(bytes: Uint8Array, ref: BlockRef): BlockRef | undefined {
    if (bytes.buffer !== this.blocks.bytes.buffer) return undefined
    const offset = bytes.byteOffset - ref.page * PAGE_BYTES
    if (offset < ref.offset || offset + bytes.length > ref.offset + ref.length) return undefined
    return { page: ref.page, stamp: ref.stamp, offset, length: bytes.length }
  }

  /** Whether a reference can be one: another could be out of a record that is damaged. */
  isSound({ page, stamp, offset, length }: BlockRef): boolean {
    if (page < 0 || page >= this.blocks.pages || stamp < 0 || stamp > MAX_STAMP) return false
    return offset >= 0 && length >= 0 && offset + length <= this.bytes - page * PAGE_BYTES
  }

  /** A block with the same data; undefined if there is no room. */
  copyOf(ref: BlockRef): BlockRef | undefined {
    if (!this.isSound(ref)) return NOWHERE
    const copy = this.allocate(ref.length, ALL)
    if (copy !== undefined) this.view(copy).set(this.view(ref))
    return copy
  }

  /** This thread's block becomes another owner's, unless that has taken it already. */
  passOn({ page, stamp }: BlockRef, to: number): boolean {
    return this.blocks.pass(page, stamp, this.me, to)
  }

  pass({ page, stamp }: BlockRef, from: number, to: number): boolean {
    return this.blocks.pass(page, stamp, from, to)
  }

  /** Frees a block of this thread's own. */
  release(ref: BlockRef): void {
    this.free(ref, this.me)
  }

  free({ page, stamp }: BlockRef, owner: number): boolean {
    return this.blocks.free(page, stamp, owner)
  }

  isOwn({ page, stamp }: BlockRef): boolean {
    return this.blocks.ownerOf(page, stamp) === this.me
  }

  /**
   * The block of a record that is dispatched becomes `HELD`; false if it is gone. `begun`: it was handled before, and perhaps answered with.
   */
  hold(ref: BlockRef, begun: boolean): boolean {
    const isHeld = begun ? this.pass(ref, ANSWER, HELD) : this.takeOver(ref, HELD)
    return isHeld || this.blocks.ownerOf(ref.page, ref.stamp) === HELD
  }

  /** The block of a record that was sent to this thread becomes its own; false if it is gone. */
  receive(ref: BlockRef): boolean {
    return this.takeOver(ref, this.me)
  }

  /** The block of a committed record becomes `to`'s, also if the thread that wrote it has not come to passing it on. */
  private takeOver(ref: BlockRef, to: number): boolean {
    if (this.pass(ref, QUEUED, to)) return true
    const owner = this.blocks.ownerOf(ref.page, ref.stamp)
    if (owner >= FIRST_THREAD && this.pass(ref, owner, to)) return true
    // That thread has passed it on meanwhile.
    return this.pass(ref, QUEUED, to)
  }

  /**
   * The block of an answer of that thread becomes this one's own, under another stamp, so that a second answer with it finds nothing; undefined
   * if it is gone.
   */
  receiveAnswer(ref: BlockRef, answerer: number): BlockRef | undefined {
    const { page } = ref
    const stamp =
      this.blocks.restamp(page, ref.stamp, ANSWER, this.me) ??
      this.blocks.restamp(page, ref.stamp, ownerOfThread(answerer), this.me) ??
      this.blocks.restamp(page, ref.stamp, ANSWER, this.me)
    return stamp === undefined ? undefined : { ...ref, stamp }
  }

  /** A copy of what lies in another owner's block, which that may lose meanwhile: undefined then. */
  peek(ref: BlockRef, owner: number): Uint8Array | undefined {
    if (this.blocks.ownerOf(ref.page, ref.stamp) !== owner) return undefined
    const copy = new Uint8Array(this.view(ref))
    return this.blocks.ownerOf(ref.page, ref.stamp) === owner ? copy : undefined
  }

  /** Frees what a dead thread had. Only after its `exit` event. */
  bury(thread: number): void {
    this.blocks.revoke(ownerOfThread(thread))
    this.blocks.freeAll(ownerOfThread(thread))
  }

  /** Bytes of the pages that are used; what they were at the last look, if just now somebody is allocating. */
  get usedBytes(): number {
    const pages = this.blocks.usage()
    if (pages !== undefined) this.lastUsed = this.bytes - PAGE_BYTES * (pages.get(FREE) ?? 0)
    return this.lastUsed
  }

  private allocateAfterAll(length: number, share: number, count: number): BlockRef[] | undefined {
    if (length > this.maxBytes) return undefined
    if (this.blocks.freeAll(LETTER) > 0) {
      const refs = this.tryAllocate(length, share, count)
      if (refs !== undefined) return refs
    }
    // Before the last try: whoever frees one after it wakes this thread.
    this.failure = this.blocks.want()
    return this.tryAllocate(length, share, count)
  }

  /** How many pages, from the first on, are this share. */
  private limitOf(share: number): number {
    const { pages } = this.blocks
    return pages - (pages >> (share + 1))
  }

  private tryAllocate(length: number, share: number, count: number): BlockRef[] | undefined {
    const { blocks } = this
    const first = blocks.allocate(length, this.me, this.limitOf(share), count)
    if (first === NO_BLOCK) return undefined
    return Array.from({ length: count }, (_, index) => {
      const page = first + index * pagesOf(length)
      return { page, stamp: blocks.stampOf(page), offset: 0, length }
    })
  }
}
