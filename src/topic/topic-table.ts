import { allocateShared } from '../../native-free-ring/src/index.ts'
import { DecodeError } from '../errors.ts'
import { fnv1aBytes } from '../fnv1a.ts'
import { checkTopic } from './topic.ts'
import { TopicMap } from './topic-map.ts'

/**
 * The topics of an engine, interned: a table in shared memory that only grows, written by any thread.
 *
 * Words: bytes used, topics stored, then the slots of a hash table with linear probing, then the texts. An entry (one
 * byte length, UTF-8) is written whole before a compare-and-swap makes a free slot point to it, so whoever loads the
 * slot sees the text, and a thread that dies before has lost some bytes and nothing else. Of two threads with the
 * same topic one wins the slot; the other uses the winner's. A topic's id is its slot plus one.
 *
 * The table is bounded. A topic that finds no place has id 0: its events carry it as text.
 */
const USED = 0
const STORED = 1
const SLOTS = 32

/** Average room for a topic's text; longer ones fill the table earlier. */
const BYTES_PER_TOPIC = 64

export class TopicTable {
  private readonly words: Int32Array
  private readonly bytes: Uint8Array
  private readonly mask: number
  private readonly maxTopics: number
  /** This thread's own view of the table: it can't grow beyond it. */
  private readonly ids = new Map<string, number>()
  private readonly names = new TopicMap<string>()

  static allocate(maxTopics: number): SharedArrayBuffer {
    return allocateShared(4 * (SLOTS + slotsFor(maxTopics)) + maxTopics * BYTES_PER_TOPIC)
  }

  constructor(memory: SharedArrayBuffer, maxTopics: number) {
    const slots = slotsFor(maxTopics)
    this.maxTopics = maxTopics
    this.mask = slots - 1
    this.words = new Int32Array(memory, 0, SLOTS + slots)
    this.bytes = new Uint8Array(memory, 4 * (SLOTS + slots))
  }

  /**
   * The id of a topic, interned if it is new; 0 if the table has no place for it.
   *
   * @throws InvalidEventError (`ERR_MILLRACE_INVALID_EVENT`) if it is not a topic.
   */
  idOf(topic: string): number {
    return this.ids.get(topic) ?? this.intern(topic)
  }

  /** The topic of an id that another thread has interned. */
  nameOf(id: number): string {
    const name = this.names.get(id)
    if (name !== undefined) return name
    // Pairs with the compare-and-swap that published the entry.
    const entry = id <= this.mask + 1 ? Atomics.load(this.words, SLOTS + id - 1) : 0
    if (entry === 0) throw new DecodeError(`No topic has the number ${id}`)
    const text = this.textAt(entry - 1)
    this.names.set(id, text)
    return text
  }

  get size(): number {
    return Atomics.load(this.words, STORED)
  }

  private intern(topic: string): number {
    checkTopic(topic)
    const text = Buffer.from(topic, 'utf8')
    let written = 0
    for (let slot = fnv1aBytes(text) & this.mask; ; slot = (slot + 1) & this.mask) {
      let entry = Atomics.load(this.words, SLOTS + slot)
      if (entry === 0) {
        if (written === 0) written = this.write(text)
        if (written === 0) return 0
        entry = Atomics.compareExchange(this.words, SLOTS + slot, 0, written)
        if (entry === 0) {
          Atomics.add(this.words, STORED, 1)
          return this.remember(topic, slot)
        }
      }
      if (this.textAt(entry - 1) === topic) return this.remember(topic, slot)
    }
  }

  /** Writes an entry into bytes that nobody else has, and answers its offset plus one; 0 if the table is full. */
  private write(text: Uint8Array): number {
    if (Atomics.load(this.words, STORED) >= this.maxTopics) return 0
    // Looked at first, so that full tables are not added to for ever.
    if (Atomics.load(this.words, USED) + text.length + 1 > this.bytes.length) return 0
    const offset = Atomics.add(this.words, USED, text.length + 1)
    if (offset + text.length + 1 > this.bytes.length) return 0
    this.bytes[offset] = text.length
    this.bytes.set(text, offset + 1)
    return offset + 1
  }

  private remember(topic: string, slot: number): number {
    this.ids.set(topic, slot + 1)
    return slot + 1
  }

  private textAt(offset: number): string {
    const length = this.bytes[offset]!
    return Buffer.from(this.bytes.slice(offset + 1, offset + 1 + length)).toString('utf8')
  }
}

/** Twice the topics, so that probing stays short even when several threads overshoot the limit by one each. */
function slotsFor(maxTopics: number): number {
  return 2 ** Math.ceil(Math.log2(maxTopics * 2 + 64))
}
