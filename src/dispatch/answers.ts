import { FULL, isOpen, RingWriter, ticketWords, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { EncodeError } from '../errors.ts'
import { type Payload, writePayload } from '../event/payload.ts'
import { publisherOf, slotOf, stampOf } from '../event/record.ts'
import { describeThrown } from '../event/thrown.ts'
import { ANSWER_BYTES, RESULT, THROWN, writeAnswer } from '../lane/answer.ts'
import { parkedWord, type SharedMap } from '../lane/map.ts'
import { answerPlace, ticketPlace } from '../lane/places.ts'
import type { Waits, Watch } from '../lane/waits.ts'

/** What this thread answers to requests, whoever asks (decision 18). */
export class Answers {
  private readonly map: SharedMap
  private readonly thread: number
  private readonly control: Int32Array
  private readonly waits: Waits
  /** By the thread that asks. */
  private readonly desks: Desk[] = []

  constructor(map: SharedMap, thread: number, waits: Waits) {
    this.map = map
    this.thread = thread
    this.control = wordsOf(map.control)
    this.waits = waits
  }

  /** The answer that the request at `at` of a ring waits for. */
  to(words: Int32Array, at: number): Answer {
    const asker = this.map.publishers[publisherOf(words, at)]!.thread
    const desk = (this.desks[asker] ??= this.open(asker))
    return new Answer(desk, slotOf(words, at), stampOf(words, at))
  }

  private open(asker: number): Desk {
    const { map, control } = this
    const writer = new RingWriter(answerPlace(map, this.thread, asker))
    const tickets = ticketWords(ticketPlace(map, asker))
    return new Desk(writer, tickets, this.waits, () => void wake(control, parkedWord(asker)))
  }
}

/** What stands around an error and its causes. */
const FRAME_BYTES = 256

const payload: Payload = { flags: 0, bytes: undefined, length: 0 }

/** Where one thread's answers to another are written. */
class Desk {
  readonly tickets: Int32Array
  readonly maxBytes: number
  private readonly writer: RingWriter
  private readonly waits: Waits
  private readonly wakeAsker: () => void
  private waiting = 0

  constructor(writer: RingWriter, tickets: Int32Array, waits: Waits, wakeAsker: () => void) {
    this.writer = writer
    this.tickets = tickets
    this.maxBytes = writer.maxPayloadBytes - ANSWER_BYTES
    this.waits = waits
    this.wakeAsker = wakeAsker
  }

  /** Writes what `payload` holds; undefined if there was room at once. */
  write(answer: Answer, kind: number): Promise<void> | undefined {
    if (this.waiting === 0 && this.place(answer, kind, payload)) return undefined
    const { flags, bytes, length } = payload
    const kept: Payload = { flags, bytes: bytes && new Uint8Array(bytes.subarray(0, length)), length }
    return this.wait(answer, kind, kept)
  }

  private wait(answer: Answer, kind: number, kept: Payload): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.waiting++
    // Before the look at the room: a release after that look wakes this thread.
    this.writer.want(true)
    const watch: Watch = {
      ready: () => !answer.isWanted || this.writer.hasRoom(ANSWER_BYTES + kept.length),
      advance: () => {
        if (answer.isWanted && !this.place(answer, kind, kept)) return false
        if (--this.waiting === 0) this.writer.want(false)
        resolve()
        return true
      },
    }
    this.waits.add(watch)
    return promise
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
  /** A handler is going to answer. */
  isTaken = false
  /** It was not called, since nobody waited any more. */
  wasSkipped = false

  constructor(desk: Desk, slot: number, stamp: number) {
    this.desk = desk
    this.slot = slot
    this.stamp = stamp
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
    if (!this.isWanted) return undefined
    const { maxBytes } = this.desk
    writePayload(payload, result, maxBytes)
    if (payload.length > maxBytes)
      throw new EncodeError(
        `An answer of ${payload.length} bytes exceeds the ${maxBytes} that its ring can take: raise ringBytes`,
      )
    return this.desk.write(this, RESULT)
  }

  /** What the handler that answers has thrown. */
  refuse(thrown: unknown): Promise<void> | undefined {
    return this.say(THROWN, describeThrown(thrown, this.desk.maxBytes - FRAME_BYTES))
  }

  /** Why there is no answer of a handler. */
  say(kind: number, data?: unknown): Promise<void> | undefined {
    if (!this.isWanted) return undefined
    writePayload(payload, data, this.desk.maxBytes)
    return this.desk.write(this, kind)
  }
}
