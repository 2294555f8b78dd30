import { expect, test } from 'vitest'
import {
  allocateRing,
  EMPTY,
  FULL,
  RingGauge,
  RingReader,
  RingWriter,
  resetRing,
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

test('a commit of nothing changes nothing', () => {
  const { place, writer } = fullRing()
  const before = new Uint8Array(place.buffer).slice()
  writer.commit()
  expect(writer.claim(8)).toBe(FULL)
  writer.commit()
  expect(new Uint8Array(place.buffer)).toEqual(before)
})

test('a record’s mark is 0 whatever stood there before, and what is released is used no more', () => {
  const { place, writer, reader } = fullRing()
  const gauge = new RingGauge(place)
  expect(gauge.usedBytes).toBe(128)
  for (let i = 0; i < 3; i++) reader.words[(reader.next() >> 2) - 1] = 7
  reader.release(reader.position)
  expect(gauge.usedBytes).toBe(80)
  const at = writer.claim(8)
  expect(reader.words[(at >> 2) - 1]).toBe(0)
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

test('a ring that is reset is empty, has counted nothing, and begins where it was told', () => {
  const { place, writer } = fullRing()
  writer.want(true)
  resetRing(place, -64)
  const gauge = new RingGauge(place)
  expect([gauge.isEmpty, gauge.usedBytes, gauge.committed(), gauge.released()[0]]).toEqual([true, 0, 0, 0])
  const reader = new RingReader(place)
  expect(reader.position).toBe(-64)
  const next = new RingWriter(place)
  while (next.claim(8) !== FULL) next.commit()
  reader.prefetch()
  expect([1, 2, 3, 4, 5].map(() => releaseOne(reader))).toEqual(new Array(5).fill(false))
  expect(gauge.committed()).toBe(8)
})
