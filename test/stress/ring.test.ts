import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { allocateRing, resetRing } from '../../native-free-ring/src/index.ts'
import type { RingEnd, RingTotals } from './ring-end.ts'

const end = new URL('./ring-end.ts', import.meta.url)

/** Sends so many records from one thread to another, and answers what arrived. */
async function transfer(
  records: number,
  length: number,
  capacity: number,
  position: number,
): Promise<RingTotals> {
  const place = allocateRing(capacity)
  resetRing(place, position)
  const start = (side: RingEnd['side']) =>
    new Worker(end, { workerData: { side, place, records, length } satisfies RingEnd })
  const reader = start('read')
  const writer = start('write')
  const [[totals]] = await Promise.all([once(reader, 'message'), once(writer, 'exit')])
  return totals
}

/** What must arrive: the numbers from 0, each in its place. */
function complete(records: number): RingTotals {
  return { records, sum: (records * (records - 1)) / 2, wrong: 0 }
}

test('100 million small records go through one ring', { timeout: 300_000 }, async () => {
  expect(await transfer(100_000_000, 4, 262_144, 0)).toEqual(complete(100_000_000))
})

test.each([
  ['at 0', 64, 0],
  ['just below 2³¹', 64, 0x7fff_ff00],
  ['just below 2³²', 128, -256],
  ['just below 2³¹, less small', 256, 0x7fff_fff8],
])(
  '10 million records through a ring so small that nearly each wraps or pads, %s',
  { timeout: 300_000 },
  async (_, capacity, position) => {
    const longest = capacity / 2 - 8
    expect(await transfer(10_000_000, -longest, capacity, position)).toEqual(complete(10_000_000))
  },
)
