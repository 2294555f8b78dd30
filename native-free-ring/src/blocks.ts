import { giveBackLease, revokeLease, takeLease } from './lease.ts'
import { allocateShared } from './memory.ts'
import { pause } from './parking.ts'

/** Blocks begin at multiples of so many bytes. */
export const PAGE_BYTES = 65_536

/** What `allocate` answers when there is no room now. */
export const NO_BLOCK = -1

/** The owner of what nobody owns. */
export const FREE = 0
export const MAX_OWNER = (1 << 12) - 1
export const MAX_STAMP = (1 << 20) - 1

/** Words of the control line; the owner words follow, one a page, then the size words. */
const LEASE = 0
const WANTED = 1
/** 1 after somebody has not got the lease. */
const CONTENDED = 2
/** How often those who waited were told of room. */
const TOLD = 3
const OWNERS = 32

const OWNER_BITS = 12
const OWNER_MASK = MAX_OWNER

/** How often an allocation tries for the lease: its holder is looking for a gap. */
const LEASE_SPINS = 500

/** Memory for blocks: control words, then `pages` pages. */
export type BlocksPlace = {
  readonly control: SharedArrayBuffer
  readonly data: SharedArrayBuffer
  readonly pages: number
}

export function allocateBlocks(pages: number): BlocksPlace {
  return {
    control: allocateShared(4 * (OWNERS + 2 * pages)),
    data: allocateShared(pages * PAGE_BYTES),
    pages,
  }
}

/** Pages that so many bytes take: one at least. */
export function pagesOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / PAGE_BYTES))
}

/**
 * Blocks of shared memory that pass from owner to owner, for records that are too large for a ring (decision 19 of Millrace).
 *
 * A block is named by its first page and its stamp, and has one owner, a number that its users agree on; who passes it on, or
 * frees it, names the owner that it has, and only one of several who try succeeds. Each thread has its own instance.
 *
 * @example
 * const page = blocks.allocate(1_000_000, ME)
 * if (page !== NO_BLOCK) {
 *   blocks.bytes.fill(1, page * PAGE_BYTES, page * PAGE_BYTES + 1_000_000)
 *   blocks.pass(page, blocks.stampOf(page), ME, YOU)
 * }
 */
export class Blocks {
  /** All pages, the first at offset 0. */
  readonly bytes: Uint8Array
  readonly pages: number
  private readonly control: Int32Array
  private readonly owners: Int32Array
  private readonly sizes: Int32Array
  private readonly holder: number
  private readonly onRoom: () => void
  private readonly spins: number
  /** Whether the last `allocate` answered `NO_BLOCK` only because another thread was allocating all the while. */
  isBusy = false

  /** `holder` names this thread in the allocator's lease, for which it tries up to `spins` times. `onRoom` wakes those who wait for room. */
  constructor(
    { control, data, pages }: BlocksPlace,
    holder: number,
    onRoom: () => void,
    spins = LEASE_SPINS,
  ) {
    this.bytes = new Uint8Array(data, 0, pages * PAGE_BYTES)
    this.pages = pages
    this.control = new Int32Array(control, 0, OWNERS)
    this.owners = new Int32Array(control, 4 * OWNERS, pages)
    this.sizes = new Int32Array(control, 4 * (OWNERS + pages), pages)
    this.holder = holder
    this.onRoom = onRoom
    this.spins = spins
  }

  /**
   * The first page of a new block of at least `bytes` bytes, for `owner`, among the first `limit` pages; or `NO_BLOCK`. Of several (`count`) that lie
   * behind each other, the first one's: all of them, or none.
   *
   * Also if another thread has been allocating for as long as this one tried: see `isBusy`. What lies in a block is whatever was left there.
   */
  allocate(bytes: number, owner: number, limit = this.pages, count = 1): number {
    const pages = pagesOf(bytes)
    this.isBusy = false
    if (count * pages > limit) return NO_BLOCK
    this.isBusy = !this.takeLease()
    if (this.isBusy) return NO_BLOCK
    const page = this.find(count * pages, limit)
    if (page !== NO_BLOCK) for (let i = 0; i < count; i++) this.take(page + i * pages, pages, owner)
    this.giveBackLease()
    return page
  }

  /** The first so many pages of a gap become a block. */
  private take(page: number, pages: number, owner: number): void {
    this.cut(page, pages)
    const stamp = (this.owners[page]! >>> OWNER_BITS) + 1
    // Nobody else changes the word of a free page; publishes nothing, since what counts are the bytes written next.
    Atomics.store(this.owners, page, (stamp << OWNER_BITS) | owner)
  }

  /** Of a block that its owner has just got. */
  stampOf(page: number): number {
    return this.owners[page]! >>> OWNER_BITS
  }

  /** Who owns this block; `FREE` if it is gone. Old as soon as it is answered. */
  ownerOf(page: number, stamp: number): number {
    if (!this.has(page)) return FREE
    const word = Atomics.load(this.owners, page)
    return word >>> OWNER_BITS === stamp ? word & OWNER_MASK : FREE
  }

  /** Makes `to` the block's owner, if `from` is. What `from` wrote is visible to who finds out about `to`. */
  pass(page: number, stamp: number, from: number, to: number): boolean {
    if (!this.has(page)) return false
    const word = stamp << OWNER_BITS
    return Atomics.compareExchange(this.owners, page, word | from, word | to) === (word | from)
  }

  /** As `pass`, with a new stamp, which it answers: what names the old one finds nothing any more. Undefined if it is not `from`'s. */
  restamp(page: number, stamp: number, from: number, to: number): number | undefined {
    if (!this.has(page)) return undefined
    const word = (stamp << OWNER_BITS) | from
    const next = ((stamp + 1) << OWNER_BITS) | to
    if (Atomics.compareExchange(this.owners, page, word, next) !== word) return undefined
    return next >>> OWNER_BITS
  }

  /** Frees the block, if it is `from`'s. */
  free(page: number, stamp: number, from: number): boolean {
    if (!this.pass(page, stamp, from, FREE)) return false
    this.tellRoom()
    return true
  }

  /** Frees all that `owner` owns; answers how many. Of a thread, only after its `exit` event. */
  freeAll(owner: number): number {
    const { owners } = this
    let freed = 0
    for (let page = 0; page < this.pages; page++) {
      const word = Atomics.load(owners, page)
      if ((word & OWNER_MASK) !== owner) continue
      if (Atomics.compareExchange(owners, page, word, word & ~OWNER_MASK) === word) freed++
    }
    if (freed > 0) this.tellRoom()
    return freed
  }

  /** Takes the allocator's lease from a dead thread. Only after its `exit` event. */
  revoke(dead: number): void {
    if (revokeLease(this.control, LEASE, dead)) this.tellRoom()
  }

  /**
   * Says that somebody waits for room. Then try once more, and wait only if that fails too, until `wasTold` says so of what this has answered:
   * whoever frees a block has `onRoom` called.
   */
  want(): number {
    const told = Atomics.load(this.control, TOLD)
    // Before the next try; pairs with the exchange in tellRoom, after a block was freed, or the lease given back that others tried for.
    Atomics.store(this.control, WANTED, 1)
    return told
  }

  /** Whether there may be room that was not there when `want` answered this. */
  wasTold(told: number): boolean {
    return Atomics.load(this.control, TOLD) !== told
  }

  /** Pages by owner, the free ones under `FREE`; undefined if somebody is allocating. */
  usage(): Map<number, number> | undefined {
    if (!this.takeLease()) return undefined
    const pages = new Map<number, number>()
    for (let page = 0; page < this.pages; page += this.sizeAt(page)) {
      const owner = Atomics.load(this.owners, page) & OWNER_MASK
      pages.set(owner, (pages.get(owner) ?? 0) + this.sizeAt(page))
    }
    this.giveBackLease()
    return pages
  }

  private has(page: number): boolean {
    return page >= 0 && page < this.pages
  }

  /** The first gap of so many pages that end before `limit`. Joins gaps on its way; each by one store. */
  private find(pages: number, limit: number): number {
    const { sizes } = this
    for (let page = 0; page + pages <= limit; page += this.sizeAt(page)) {
      if (!this.isFree(page)) continue
      let size = this.sizeAt(page)
      for (let next = page + size; next < this.pages && this.isFree(next); next = page + size) {
        size += this.sizeAt(next)
        sizes[page] = size
      }
      if (size >= pages) return page
    }
    return NO_BLOCK
  }

  /** Leaves a gap behind the first so many pages of a gap. */
  private cut(page: number, pages: number): void {
    const { sizes } = this
    const size = this.sizeAt(page)
    // The rest's size first: whoever walks after a death between the two passes over the rest, or finds it whole.
    if (size > pages) sizes[page + pages] = size - pages
    sizes[page] = pages
  }

  /** In fresh memory, which is all zeroes, all pages are one gap. */
  private sizeAt(page: number): number {
    return this.sizes[page]! === 0 ? this.pages - page : this.sizes[page]!
  }

  private isFree(page: number): boolean {
    // Pairs with the compare-and-swap that freed it: who freed it reads and writes it no more.
    return (Atomics.load(this.owners, page) & OWNER_MASK) === FREE
  }

  private takeLease(): boolean {
    for (let i = 0; i < this.spins; i++) {
      if (takeLease(this.control, LEASE, this.holder)) return true
      pause()
    }
    // Before the last try; pairs with the load after the lease was given back.
    Atomics.store(this.control, CONTENDED, 1)
    return takeLease(this.control, LEASE, this.holder)
  }

  private giveBackLease(): void {
    giveBackLease(this.control, LEASE)
    if (Atomics.load(this.control, CONTENDED) === 0) return
    Atomics.store(this.control, CONTENDED, 0)
    this.tellRoom()
  }

  private tellRoom(): void {
    if (Atomics.load(this.control, WANTED) === 0 || Atomics.exchange(this.control, WANTED, 0) === 0) return
    // Not only the flag, which another one who waits may have set again: this one would take that for its own.
    Atomics.add(this.control, TOLD, 1)
    this.onRoom()
  }
}
