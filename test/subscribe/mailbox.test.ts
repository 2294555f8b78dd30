import { describe, expect, test } from 'vitest'
import {
  EMPTY,
  giveBackLease,
  LossyReader,
  revokeLease,
  takeLease,
} from '../../native-free-ring/src/index.ts'
import {
  allocateMailbox,
  closeMailbox,
  DELIVERED,
  LATER,
  type MailboxPlace,
  type MailboxPolicy,
  MailboxWriter,
  mailboxRing,
  refusedBy,
  revokeMailbox,
  takeWanted,
} from '../../src/lane/mailbox.ts'
import { controlWords } from '../../src/lane/map.ts'

/** The word of the lease, the first of a mailbox. */
const LEASE = 0
const OTHER = 99
const shape = { workers: 2, attachable: 0, keyedLanes: 1, freeLanes: 1, ringBytes: 1_024, maxTopics: 1 }
const record = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])

function mailbox(onFull: MailboxPolicy, capacity = 2) {
  const place: MailboxPlace = {
    id: 1,
    patterns: ['a'],
    buffer: allocateMailbox(shape.ringBytes, capacity),
    dataBytes: shape.ringBytes,
    capacity,
    onFull,
    receiver: 0,
  }
  const control = new Int32Array(new SharedArrayBuffer(4 * controlWords(shape)))
  const writer = new MailboxWriter(place, control, 1)
  return {
    place,
    words: new Int32Array(place.buffer),
    offer: () => writer.offer(record, 0, record.length),
    canOffer: () => writer.awaitRoom(record.length),
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
    expect(refusedBy(place)).toBe(0)
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
    expect(refusedBy(place)).toBe(0)
    expect(reader.next()).not.toBe(EMPTY)
    reader.confirm()
    expect(reader.next()).toBe(EMPTY)
  })
})

test('drop-newest, full, after waiting for the lease: the event is dropped, not kept waiting for a reader', () => {
  const { words, offer, canOffer, place } = mailbox('drop-newest')
  expect([offer(), offer()]).toEqual([DELIVERED, DELIVERED])
  takeLease(words, LEASE, OTHER)
  expect(offer()).toBe(LATER)
  expect(refusedBy(place)).toBe(0)
  giveBackLease(words, LEASE)
  expect(canOffer()).toBe(true)
  expect(offer()).toBe(DELIVERED)
  expect(refusedBy(place)).toBe(1)
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
  expect(refusedBy(place)).toBe(0)
})
