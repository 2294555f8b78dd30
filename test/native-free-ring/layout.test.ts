import { describe, expect, test } from 'vitest'
import {
  allocateRing,
  allocateShared,
  maxPayloadBytes,
  RingGauge,
  type RingPlace,
  RingReader,
  RingWriter,
  recordBytes,
  resetRing,
} from '../../native-free-ring/src/index.ts'

const place = allocateRing(1_024)

describe('a place that is none is refused by each end', () => {
  test.each<[string, Partial<RingPlace>, RegExp]>([
    ['no power of two', { capacity: 1_000 }, /power of two.*1000/],
    ['too small', { capacity: 32 }, /32/],
    ['too large', { capacity: 2 ** 31 }, /2147483648/],
    ['a power of two only to 32 bits', { capacity: 2 ** 32 + 1_024 }, /4294968320/],
    ['half a byte', { capacity: 64.5 }, /64.5/],
    ['no number', { capacity: Number.NaN }, /NaN/],
    ['control words on a line that others use', { controlOffset: 64 }, /128.*64/],
    ['data on a line that others use', { dataOffset: 320 }, /128.*320/],
    ['data beyond the end', { dataOffset: 384 }, /does not fit/],
    ['control words beyond the end', { controlOffset: 1_152 }, /does not fit/],
    ['data before the start', { dataOffset: -1_024 }, /does not fit/],
    ['control words before the start', { controlOffset: -256 }, /does not fit/],
    ['control words in the data', { controlOffset: 1_024 }, /overlap/],
    ['data in the control words', { dataOffset: 128 }, /overlap/],
  ])('%s', (_, wrong, message) => {
    const bad = { ...place, ...wrong }
    for (const open of [
      () => new RingWriter(bad),
      () => new RingReader(bad),
      () => new RingGauge(bad),
      () => resetRing(bad),
    ]) {
      expect(open).toThrow(RangeError)
      expect(open).toThrow(message)
    }
  })

  test('memory that is not shared', () => {
    const bad = { ...place, buffer: new ArrayBuffer(2_048) as unknown as SharedArrayBuffer }
    expect(() => new RingWriter(bad)).toThrow(TypeError)
  })

  test('a start between two records, and more counters than the line has room for', () => {
    expect(() => resetRing(place, 4)).toThrow(/multiple of 8, not 4/)
    expect(() => new RingReader(place, 8)).toThrow(/7 counters, not 8/)
    expect(() => new RingReader(place, 7)).not.toThrow()
  })
})

test('a record takes its header, its payload and the rest of eight bytes', () => {
  expect([0, 1, 8, 9, 504].map(recordBytes)).toEqual([8, 16, 16, 24, 512])
  expect(maxPayloadBytes(1_024)).toBe(504)
})

test('shared memory is all zeroes and can not grow', () => {
  const buffer = allocateShared(4_096)
  expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true)
  expect(() => buffer.grow(8_192)).toThrow(RangeError)
})

test('two rings beside each other in one memory do not touch', () => {
  const buffer = allocateShared(2 * (256 + 128))
  const places = [0, 384].map((at) => ({
    buffer,
    controlOffset: at,
    dataOffset: at + 256,
    capacity: 128,
  }))
  const writers = places.map((at) => new RingWriter(at))
  writers.forEach((writer, i) => {
    for (let n = 0; n < 8; n++) writer.bytes.fill(i + 1, writer.claim(8), 8)
    writer.commit()
  })
  expect(places.map((at) => new RingGauge(at).usedBytes)).toEqual([128, 128])
  expect(places.map((at) => new RingGauge(at).committed())).toEqual([8, 8])
})
