import { describe, expect, test } from 'vitest'
import {
  EMPTY,
  giveBackLease,
  LatestReader,
  LatestWriter,
  LossyReader,
  revokeLease,
  takeLease,
} from '../../native-free-ring/src/index.ts'
import { writeRef } from '../../src/event/block-ref.ts'
import type { Policy } from '../../src/event/policy.ts'
import { HAS_KEY, IN_BLOCK } from '../../src/event/record.ts'
import { ThreadBlocks } from '../../src/lane/blocks.ts'
import {
  allocateMailbox,
  closeMailbox,
  HOLDS,
  type MailboxPlace,
  mailboxRing,
  mailboxTable,
  revokeMailbox,
  takeWanted,
  unwrittenBy,
} from '../../src/lane/mailbox.ts'
import { MailboxGauge } from '../../src/lane/mailbox-gauge.ts'
import { MailboxReader } from '../../src/lane/mailbox-reader.ts'
import { MailboxWriter } from '../../src/lane/mailbox-writer.ts'
import { controlWords } from '../../src/lane/map.ts'
import { DELIVERED, LATER } from '../../src/lane/outlet.ts'
import { allocateMap } from '../../src/lane/places.ts'
import { SpilledMail } from '../../src/lane/spilled-mail.ts'
import { memoryStore } from '../../src/store/index.ts'
import { TopicTable } from '../../src/topic/topic-table.ts'
import { mapShape } from '../fixtures/pool-shape.ts'

/** The word of the lease, the first of a mailbox. */
const LEASE = 0
const OTHER = 99
const shape = mapShape({ workers: 2, ringBytes: 1_024, maxTopics: 1 })
const words = new Int32Array(8)
const record = new Uint8Array(words.buffer)

const blocks = new ThreadBlocks(allocateMap(shape, 'engine', TopicTable.allocate(1)), 0)

/** Nobody asks for notices. */
const observer = { wantsDrops: false, wantsLevels: false, dropped() {}, filled() {} }

function mailbox(onFull: Policy, capacity = 2, own = blocks) {
  const place: MailboxPlace = {
    id: 1,
    patterns: ['a'],
    buffer: allocateMailbox({ dataBytes: shape.ringBytes, capacity, onFull }),
    dataBytes: shape.ringBytes,
    capacity,
    onFull,
    receiver: 0,
  }
  const control = new Int32Array(new SharedArrayBuffer(4 * controlWords(shape)))
  const writer = new MailboxWriter(place, control, 1, own, observer)
  return {
    place,
    writer,
    words: new Int32Array(place.buffer),
    offer: () => writer.offer({ bytes: record, words }, 0, record.length),
    canOffer: () => writer.awaitRoom(record.length, undefined),
    reader: new LossyReader(mailboxRing(place)),
  }
}

describe.each(['block', 'drop-newest'] as const)('%s', (onFull) => {
  test('a worker that holds the lease is waited for, and the event is offered again', () => {
    const { words, offer, canOffer, reader, place } = mailbox(onFull)
    expect(takeLease(words, LEASE, OTHER)).toBe(true)
    expect(offer()).toBe(LATER)
    expect(canOffer()).toBe(false)
    giveBackLease(words, LEASE)
    expect(canOffer()).toBe(true)
    expect(offer()).toBe(DELIVERED)
    expect(reader.hasRecords).toBe(true)
    expect(unwrittenBy(place)).toEqual({ dropped: 0, refused: 0 })
  })

  test('the lease of a dead worker is given back by the supervisor, of others not', () => {
    const { words, offer, canOffer, place } = mailbox(onFull)
    takeLease(words, LEASE, OTHER)
    revokeMailbox(place, 5)
    expect(canOffer()).toBe(false)
    revokeMailbox(place, OTHER)
    expect(canOffer()).toBe(true)
    expect(offer()).toBe(DELIVERED)
    expect(revokeLease(words, LEASE, 1)).toBe(false)
  })

  test('once it is closed, what is offered is passed over', () => {
    const { offer, canOffer, place, reader } = mailbox(onFull, 1)
    offer()
    closeMailbox(place)
    expect(canOffer()).toBe(true)
    expect(offer()).toBe(DELIVERED)
    expect(unwrittenBy(place)).toEqual({ dropped: 0, refused: 0 })
    expect(reader.next()).not.toBe(EMPTY)
    reader.confirm()
    expect(reader.next()).toBe(EMPTY)
  })
})

test.each(['drop-newest', 'drop-oldest', 'reject', 'coalesce'] as const)(
  '%s: while somebody else allocates, an event in a block is not lost for that, and comes later',
  (onFull) => {
    const large = { ...shape, blockPages: 4 }
    const map = allocateMap(large, 'engine', TopicTable.allocate(1))
    const own = new ThreadBlocks(map, 0)
    const { writer, place } = mailbox(onFull, 2, own)
    const ref = own.allocate(10, 0)!
    const inBlock = new Int32Array(12)
    inBlock[3] = IN_BLOCK
    writeRef(inBlock, 24, ref)
    const source = { bytes: new Uint8Array(inBlock.buffer), words: inBlock }
    const allocator = new Int32Array(map.blocks.control, 0, 1)
    expect(writer.offer(source, 0, 48)).toBe(DELIVERED)
    expect(takeLease(allocator, 0, OTHER)).toBe(true)
    expect(writer.offer(source, 0, 48)).toBe(LATER)
    const lacks = writer.lacksBlock
    expect(writer.awaitRoom(48, lacks)).toBe(false)
    expect(unwrittenBy(place)).toEqual({ dropped: 0, refused: 0 })
    giveBackLease(allocator, 0)
    expect(writer.offer(source, 0, 48)).toBe(DELIVERED)
    expect(new MailboxGauge(place).counts()).toMatchObject({ offered: 2, dropped: 0, refused: 0, queued: 2 })
  },
)

test('drop-newest, full, after waiting for the lease: the event is dropped, not kept waiting for a reader', () => {
  const { words, offer, canOffer, place } = mailbox('drop-newest')
  expect([offer(), offer()]).toEqual([DELIVERED, DELIVERED])
  takeLease(words, LEASE, OTHER)
  expect(offer()).toBe(LATER)
  expect(unwrittenBy(place)).toEqual({ dropped: 0, refused: 0 })
  giveBackLease(words, LEASE)
  expect(canOffer()).toBe(true)
  expect(offer()).toBe(DELIVERED)
  expect(unwrittenBy(place)).toEqual({ dropped: 1, refused: 0 })
})

test('block, full: later, until the reader has made room, which it learns to tell', () => {
  const { offer, canOffer, reader, place } = mailbox('block')
  offer()
  offer()
  expect(offer()).toBe(LATER)
  expect(canOffer()).toBe(false)
  reader.next()
  reader.confirm()
  reader.release()
  expect(takeWanted(place)).toBe(true)
  expect(takeWanted(place)).toBe(false)
  expect(canOffer()).toBe(true)
  expect(offer()).toBe(DELIVERED)
  expect(unwrittenBy(place)).toEqual({ dropped: 0, refused: 0 })
})

test('coalesce, after a worker died between writing a value and announcing it: the next one announces it', () => {
  const { place, offer, words } = mailbox('coalesce')
  const table = mailboxTable(place)!
  const reader = new LatestReader(table)
  keyed(1)
  offer()
  expect(reader.next()).not.toBe(EMPTY)
  expect(reader.confirm()).toBe(true)
  const dead = new LatestWriter(table)
  dead.bytes.set(
    record,
    dead.claim(2, record.length, () => false),
  )
  ;(dead as any).announce = () => {}
  dead.commit()
  expect(reader.next()).toBe(EMPTY)
  takeLease(words, LEASE, OTHER)
  revokeMailbox(place, OTHER)
  keyed(3)
  offer()
  expect(reader.next()).not.toBe(EMPTY)
  expect(reader.confirm()).toBe(true)
  expect(reader.next()).not.toBe(EMPTY)
  expect(reader.confirm()).toBe(true)
  expect(reader.next()).toBe(EMPTY)
})

/** Gives the record a topic id and a key of no letters with this hash. */
function keyed(hash: number): void {
  words[0] = 1
  words[1] = hash
  words[3] = HAS_KEY
}

describe('spill', () => {
  /** A mailbox and its receiver's end; how often writers were to be told of room. */
  function spilling() {
    const { overflow } = memoryStore()
    const { place, words, offer, canOffer } = mailbox('spill')
    let rooms = 0
    const spilled = new SpilledMail(place, overflow, 'q', () => rooms++)
    const reader = new MailboxReader(place, blocks, spilled)
    return { words, offer, canOffer, spilled, reader, gauge: new MailboxGauge(place), rooms: () => rooms }
  }

  test('what leaves the second ring for the store makes room for those who wait, and holds the others back', async () => {
    const { words, offer, canOffer, spilled, reader, gauge, rooms } = spilling()
    let written = 0
    while (offer() === DELIVERED) written++
    expect(written).toBeGreaterThan(10)
    expect(canOffer()).toBe(false)
    await spilled.step()
    expect(rooms()).toBe(1)
    expect(words[HOLDS]).toBe(1)
    expect(canOffer()).toBe(true)
    // Those in the ring, then nothing before they are fetched.
    const receive = () => {
      expect(reader.take()).toBeDefined()
      reader.count(true)
    }
    for (let i = 0; i < 2; i++) receive()
    expect(reader.take()).toBeUndefined()
    expect(gauge.counts(spilled.counts())).toMatchObject({ offered: written, queued: written - 2 })
    expect(offer()).toBe(DELIVERED)
    await spilled.step()
    for (let i = 2; i < written; i++) receive()
    expect(words[HOLDS]).toBe(0)
    // The last one never left the second ring.
    expect(gauge.counts(spilled.counts())).toMatchObject({ offered: written + 1, queued: 1 })
    expect(reader.take()).toBeDefined()
    expect(reader.take()).toBeUndefined()
  })

  test('once nothing lies behind it, the mailbox fills its own ring again', async () => {
    const { offer, reader } = spilling()
    for (let i = 0; i < 3; i++) offer()
    for (let i = 0; i < 3; i++) expect(reader.take()).toBeDefined()
    expect(reader.queued).toBe(0)
    offer()
    expect(reader.queued).toBe(1)
  })
})
