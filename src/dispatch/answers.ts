import { FULL, isOpen, RingWriter, ticketWords, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { EncodeError } from '../errors.ts'
import { Block } from '../event/block.ts'
import { type BlockRef, REF_BYTES, writeRef } from '../event/block-ref.ts'
import { ANY_DATA, type DataFormat, type Payload, writePayload } from '../event/payload.ts'
import { AS_BLOCK, CODEC_BYTES, IN_BLOCK, publisherOf, slotOf, stampOf } from '../event/record.ts'
import type { Struct } from '../event/struct/struct.ts'
import { describeThrown } from '../event/thrown.ts'
import { ANSWER_BYTES, RESULT, THROWN, writeAnswer } from '../lane/answer.ts'
import { ALL, ANSWER, HELD, type ThreadBlocks } from '../lane/blocks.ts'
import { parkedWord, type SharedMap } from '../lane/map.ts'
import { answerPlace, ticketPlace } from '../lane/places.ts'
import type { Waits, Watch } from '../lane/waits.ts'

/** What this thread answers to requests, whoever asks (decision 18). */
export class Answers {
  private readonly map: SharedMap
  private readonly thread: number
  private readonly control: Int32Array
  private readonly waits: Waits
  private readonly blocks: ThreadBlocks
  /** By the thread that asks. */
  private readonly desks: Desk[] = []

  constructor(map: SharedMap, thread: number, waits: Waits, blocks: ThreadBlocks) {
    this.blocks = blocks
    this.map = map
    this.thread = thread
    this.control = wordsOf(map.control)
    this.waits = waits
  }

  /** The answer that the request at `at` of a ring waits for: a `struct`, if there is one. */
  to(words: Int32Array, at: number, struct?: Struct): Answer {
    const asker = this.map.publishers[publisherOf(words, at)]!.thread
    const desk = (this.desks[asker] ??= this.open(asker))
    return new Answer(desk, slotOf(words, at), stampOf(words, at), struct)
  }

  private open(asker: number): Desk {
    const { map, control } = this
    const writer = new RingWriter(answerPlace(map, this.thread, asker))
    const tickets = ticketWords(ticketPlace(map, asker))
    return new Desk(writer, tickets, this.waits, this.blocks, () => void wake(control, parkedWord(asker)))
  }
}

/** What stands around an error and its causes. */
const FRAME_BYTES = 256

const payload: Payload = { flags: 0, bytes: undefined, length: 0 }

/** Where one thread's answers to another are written. */
class Desk {
  readonly tickets: Int32Array
  readonly maxBytes: number
  readonly blocks: ThreadBlocks
  private readonly writer: RingWriter
  private readonly waits: Waits
  private readonly wakeAsker: () => void
  private waiting = 0

  constructor(
    writer: RingWriter,
    tickets: Int32Array,
    waits: Waits,
    blocks: ThreadBlocks,
    wakeAsker: () => void,
  ) {
    this.blocks = blocks
    this.writer = writer
    this.tickets = tickets
    this.maxBytes = writer.maxPayloadBytes - ANSWER_BYTES
    this.waits = waits
    this.wakeAsker = wakeAsker
  }

  /** Writes what `payload` holds; undefined if there was room at once. `onUnwanted`: it was not written, since nobody waits for it any more. */
  write(answer: Answer, kind: number, onUnwanted?: () => void): Promise<void> | undefined {
    if (this.waiting === 0 && this.place(answer, kind, payload)) return undefined
    const { flags, bytes, length } = payload
    const kept: Payload = { flags, bytes: bytes && new Uint8Array(bytes.subarray(0, length)), length }
    return this.wait(answer, kind, kept, onUnwanted)
  }

  private wait(answer: Answer, kind: number, kept: Payload, onUnwanted?: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.waiting++
    // Before the look at the room: a release after that look wakes this thread.
    this.writer.want(true)
    const watch: Watch = {
      ready: () => !answer.isWanted || this.writer.hasRoom(ANSWER_BYTES + kept.length),
      advance: () => {
        const { isWanted } = answer
        if (isWanted && !this.place(answer, kind, kept)) return false
        if (!isWanted) onUnwanted?.()
        if (--this.waiting === 0) this.writer.want(false)
        resolve()
        return true
      },
    }
    this.waits.add(watch)
    return promise
  }

  /** A block with these bytes, once there is room for it; undefined if nobody waits for the answer any more. */
  async copy(answer: Answer, bytes: Uint8Array): Promise<BlockRef | undefined> {
    const ref = this.blocks.allocate(bytes.length, ALL) ?? (await this.waitForBlock(answer, bytes.length))
    if (ref !== undefined) this.blocks.view(ref).set(bytes)
    return ref
  }

  private waitForBlock(answer: Answer, length: number): Promise<BlockRef | undefined> {
    let { failure } = this.blocks
    return new Promise((resolve) => {
      this.waits.add({
        ready: () => !answer.isWanted || this.blocks.mayHaveRoom(failure),
        advance: () => {
          const ref = answer.isWanted ? this.blocks.allocate(length, ALL) : undefined
          failure = this.blocks.failure
          if (ref === undefined && answer.isWanted) return false
          resolve(ref)
          return true
        },
      })
    })
  }

  private place(answer: Answer, kind: number, content: Payload): boolean {
    const at = this.writer.claim(ANSWER_BYTES + content.length)
    if (at === FULL) return false
    writeAnswer(this.writer, at, answer.slot, answer.stamp, kind, content)
    this.writer.commit()
    this.wakeAsker()
    return true
  }
}

/** One request's answer, as the thread sees it that is to give it. */
export class Answer {
  readonly slot: number
  readonly stamp: number
  private readonly desk: Desk
  private readonly format: DataFormat
  /** A handler is going to answer. */
  isTaken = false
  /** It was not called, since nobody waited any more. */
  wasSkipped = false
  /** The request's own data lie there, and it may answer with them; and whether they were sent as a block. */
  block: BlockRef | undefined
  wasBlock = false

  constructor(desk: Desk, slot: number, stamp: number, struct: Struct | undefined) {
    this.desk = desk
    this.slot = slot
    this.stamp = stamp
    this.format = struct === undefined ? ANY_DATA : { write: struct.write, encoder: undefined }
  }

  /** A handler is about to answer: false if nobody waits for that any more. */
  take(): boolean {
    this.isTaken = true
    this.wasSkipped = !this.isWanted
    return !this.wasSkipped
  }

  /** Whether anybody waits for it: one atomic load. */
  get isWanted(): boolean {
    return isOpen(this.desk.tickets, this.slot, this.stamp)
  }

  /**
   * The result of the handler that answers. As of all these, undefined if it is written, else when it will be.
   *
   * @throws EncodeError, InvalidEventError if it can't be sent.
   */
  give(result: unknown): Promise<void> | undefined {
    if (!this.isWanted) {
      if (result instanceof Block) result.release()
      return undefined
    }
    const { desk } = this
    const { maxBytes, blocks } = desk
    writePayload(payload, result, Math.max(maxBytes, blocks.maxBytes), this.format)
    const { bytes, length, flags } = payload
    if (bytes instanceof Block) return this.giveBlock(bytes)
    if (this.block !== undefined && bytes !== undefined) {
      const part = blocks.within(bytes, this.block)
      if (part !== undefined && blocks.pass(part, HELD, ANSWER)) return this.giveOwn(part)
    }
    if (length <= maxBytes) return desk.write(this, RESULT)
    if (length > blocks.maxBytes)
      throw new EncodeError(
        `An answer of ${length} bytes exceeds the ${maxBytes} that its ring can take, and the ${blocks.maxBytes} of a block`,
      )
    return this.giveCopy(new Uint8Array(bytes!.subarray(0, length)), flags)
  }

  /** A block of this thread's own. */
  private giveBlock(block: Block): Promise<void> {
    const ref = Block.promise(block, this.desk.blocks)
    if (ref === undefined)
      throw new EncodeError('A handler answered with a block that was sent or released before')
    return this.send(block, ref)
  }

  private async send(block: Block, ref: BlockRef): Promise<void> {
    const { blocks } = this.desk
    if (!(await this.writeRef(ref, CODEC_BYTES | AS_BLOCK))) {
      block.release()
      Block.giveBack(block)
      return
    }
    blocks.passOn(ref, ANSWER)
    Block.sent(block)
  }

  /** The request's own block, or a part of it, which is the answer's already. */
  private async giveOwn(part: BlockRef): Promise<void> {
    const flags = this.wasBlock ? CODEC_BYTES | AS_BLOCK : CODEC_BYTES
    if (!(await this.writeRef(part, flags))) this.desk.blocks.pass(part, ANSWER, HELD)
  }

  private async giveCopy(bytes: Uint8Array, flags: number): Promise<void> {
    const { blocks } = this.desk
    const ref = await this.desk.copy(this, bytes)
    if (ref === undefined) return
    if (await this.writeRef(ref, flags)) blocks.passOn(ref, ANSWER)
    else blocks.release(ref)
  }

  /** Answers whether it was written: not, if nobody waits any more. */
  private async writeRef(ref: BlockRef, flags: number): Promise<boolean> {
    const words = new Int32Array(REF_BYTES / 4)
    writeRef(words, 0, ref)
    payload.bytes = new Uint8Array(words.buffer)
    payload.length = REF_BYTES
    payload.flags = flags | IN_BLOCK
    let isWritten = true
    const written = this.desk.write(this, RESULT, () => {
      isWritten = false
    })
    await written
    return isWritten
  }

  /** What the handler that answers has thrown. */
  refuse(thrown: unknown): Promise<void> | undefined {
    return this.say(THROWN, describeThrown(thrown, this.desk.maxBytes - FRAME_BYTES))
  }

  /** Why there is no answer of a handler. */
  say(kind: number, data?: unknown): Promise<void> | undefined {
    if (!this.isWanted) return undefined
    writePayload(payload, data, this.desk.maxBytes, ANY_DATA)
    return this.desk.write(this, kind)
  }
}
