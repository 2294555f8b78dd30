import type { BlockRef } from './block-ref.ts'

/** Whose blocks they are, and where they lie. */
export interface BlockOwner {
  view(ref: BlockRef): Uint8Array
  isOwn(ref: BlockRef): boolean
  /** Frees one that is its own, and no other. */
  release(ref: BlockRef): void
}

/**
 * Shared memory of one's own, to be filled in place and then sent: its bytes are never copied.
 *
 * From `allocate`, or the answer to a request. Publish it, or answer with it, and it is the reader's: neither read nor write it after that. One that
 * is not sent is released with `release()`, with `using`, or, some time or other, when nobody refers to it any more.
 *
 * What lies in a new one is whatever was left there. Parts of it (`subarray`, `slice`, …) are ordinary arrays. Who makes another view of its `buffer` has to keep the block, too.
 * For the thread that has got it.
 *
 * @example
 * using image = engine.allocate(width * height * 4)
 * render(image)
 * await engine.send('image.rendered', image)
 */
export class Block extends Uint8Array<SharedArrayBuffer> {
  readonly #owner: BlockOwner
  readonly #ref: BlockRef
  /** It is waiting to be sent, or was. */
  #isPromised = false
  /** It was released meanwhile: if it is not sent after all, it is free. */
  #isUnwanted = false

  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array
  }

  /** @internal Use `allocate`. */
  constructor(owner: BlockOwner, ref: BlockRef) {
    const { buffer, byteOffset } = owner.view(ref)
    super(buffer as SharedArrayBuffer, byteOffset, ref.length)
    this.#owner = owner
    this.#ref = ref
    forgotten.register(this, { owner, ref }, this)
  }

  /** Gives the memory back, unless it was sent. Calling it again is fine. */
  release(): void {
    this.#isUnwanted = true
    if (this.#isPromised) return
    forgotten.unregister(this)
    this.#owner.release(this.#ref)
  }

  /** A part of it, as an ordinary array, which keeps the block as long as it is kept itself. */
  override subarray(begin?: number, end?: number): Uint8Array<SharedArrayBuffer> {
    const part = super.subarray(begin, end)
    wholes.set(part, this)
    return part
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** @internal Where it is, if it can be sent by that thread; then it can't any more. */
  static promise(block: Block, owner: BlockOwner): BlockRef | undefined {
    if (block.#isPromised || block.#owner !== owner || !owner.isOwn(block.#ref)) return undefined
    block.#isPromised = true
    return block.#ref
  }

  /** @internal It was sent: it is somebody else's. */
  static sent(block: Block): void {
    forgotten.unregister(block)
  }

  /** @internal It was not sent: it is the caller's, as before. */
  static giveBack(block: Block): void {
    block.#isPromised = false
    if (block.#isUnwanted) block.release()
  }
}

/** Of parts, the blocks that they are of. */
const wholes = new WeakMap<Uint8Array, Block>()

/** Those that nobody refers to any more: what they have not sent is free. */
const forgotten = new FinalizationRegistry<{ owner: BlockOwner; ref: BlockRef }>(({ owner, ref }) => {
  owner.release(ref)
})
