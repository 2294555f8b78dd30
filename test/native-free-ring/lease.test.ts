import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { giveBackLease, leaseHolder, revokeLease, takeLease } from '../../native-free-ring/src/index.ts'

test('one holds it; the others get it after it was given back', () => {
  const words = new Int32Array(new SharedArrayBuffer(8))
  expect(takeLease(words, 1, 7)).toBe(true)
  expect(leaseHolder(words, 1)).toBe(7)
  expect(takeLease(words, 1, 8)).toBe(false)
  expect(takeLease(words, 1, 7)).toBe(false)
  giveBackLease(words, 1)
  expect(leaseHolder(words, 1)).toBe(0)
  expect(takeLease(words, 1, 8)).toBe(true)
})

test('only the dead thread’s own lease is revoked', () => {
  const words = new Int32Array(new SharedArrayBuffer(4))
  takeLease(words, 0, 7)
  expect(revokeLease(words, 0, 8)).toBe(false)
  expect(leaseHolder(words, 0)).toBe(7)
  expect(revokeLease(words, 0, 7)).toBe(true)
  expect(revokeLease(words, 0, 7)).toBe(false)
  expect(takeLease(words, 0, 9)).toBe(true)
})

test('of threads that contend for it, one at a time is inside, and sees what the last one wrote', async () => {
  const words = new Int32Array(new SharedArrayBuffer(12))
  const turns = 20_000
  const holders = [1, 2, 3].map(
    (holder) =>
      new Worker(new URL('./lease-holder.ts', import.meta.url), { workerData: { words, holder, turns } }),
  )
  await Promise.all(holders.map((holder) => once(holder, 'exit')))
  expect(words[1]).toBe(3 * turns)
  expect(words[2]).toBe(0)
})
