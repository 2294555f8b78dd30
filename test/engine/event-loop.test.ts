import { expect, test } from 'vitest'
import { EventLoop } from '../../src/dispatch/event-loop.ts'

const stand = (): string => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)

test('a thread with resources of its own is not idle', () => {
  expect(new EventLoop(() => 1_000).isIdle()).toBe(true)
  const timer = setInterval(() => {}, 1_000)
  expect(new EventLoop(() => process.getActiveResourcesInfo().length).isIdle()).toBe(true)
  expect(new EventLoop(() => process.getActiveResourcesInfo().length - 1).isIdle()).toBe(false)
  clearInterval(timer)
})

test('a job of the thread pool that nobody waits for shows in the next turn', async () => {
  const loop = new EventLoop(() => 1_000)
  // What happened before is over after some turns.
  for (let i = 0; i < 5; i++) await loop.turn()
  const quiet = new EventLoop(() => 1_000)
  void crypto.subtle.digest('SHA-256', new Uint8Array(8))
  stand()
  await quiet.turn()
  expect(quiet.isIdle()).toBe(false)
})
