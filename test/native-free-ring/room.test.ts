import { expect, test } from 'vitest'
import {
  allocateRing,
  EMPTY,
  FULL,
  RingGauge,
  RingReader,
  RingWriter,
} from '../../native-free-ring/src/index.ts'

/** A full ring of eight records of 16 bytes, all prefetched. */
function fullRing() {
  const place = allocateRing(128)
  const writer = new RingWriter(place)
  const reader = new RingReader(place)
  while (writer.claim(8) !== FULL) writer.commit()
  reader.prefetch()
  return { place, writer, reader }
}

function releaseOne(reader: RingReader): boolean {
  expect(reader.next()).not.toBe(EMPTY)
  return reader.release(reader.position)
}

test('a writer that waits is to be woken when half the ring is free, not before, until it waits no more', () => {
  const { writer, reader } = fullRing()
  writer.want(true)
  expect([1, 2, 3, 4, 5].map(() => releaseOne(reader))).toEqual([false, false, false, true, true])
  writer.want(false)
  expect(releaseOne(reader)).toBe(false)
})

test('nobody is woken for a writer that does not wait', () => {
  const { reader } = fullRing()
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => releaseOne(reader))).toEqual(new Array(8).fill(false))
})

test('to release where one stands already gives nothing back and wakes nobody', () => {
  const { writer, reader } = fullRing()
  for (let i = 0; i < 4; i++) releaseOne(reader)
  writer.want(true)
  expect(reader.release(reader.position)).toBe(false)
})

test('what a writer claims for a waiting one counts from where it stands, not from its last commit', () => {
  const place = allocateRing(128)
  const writer = new RingWriter(place)
  const reader = new RingReader(place)
  for (let i = 0; i < 4; i++) writer.claim(8)
  writer.commit()
  for (let i = 0; i < 4; i++) writer.claim(8)
  writer.want(true)
  reader.prefetch()
  expect([1, 2, 3, 4].map(() => releaseOne(reader))).toEqual([false, false, false, true])
})

test('a writer that takes over goes on after the last commit', () => {
  const place = allocateRing(128)
  const dead = new RingWriter(place)
  dead.words[dead.claim(8) >> 2] = 1
  dead.commit()
  dead.words[dead.claim(8) >> 2] = 2
  const next = new RingWriter(place)
  expect(next.written).toBe(1)
  next.words[next.claim(8) >> 2] = 3
  next.commit()
  const reader = new RingReader(place)
  reader.prefetch()
  const read = []
  for (let at = reader.next(); at !== EMPTY; at = reader.next()) read.push(reader.words[at >> 2])
  expect(read).toEqual([1, 3])
  expect(new RingGauge(place).committed()).toBe(2)
})
