import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { isParked, PARK_BOUND_MS, Parking, wake } from '../../native-free-ring/src/index.ts'

function newWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(128))
}

const nothing = () => false

describe('a parked thread', () => {
  test('is woken once, by the first of those who try', async () => {
    const words = newWords()
    const parking = new Parking(words, 3)
    const parked = parking.park(nothing)
    expect(parked).toBeInstanceOf(Promise)
    expect(isParked(words, 3)).toBe(true)
    expect([wake(words, 3), wake(words, 3)]).toEqual([true, false])
    await parked
    expect(isParked(words, 3)).toBe(false)
    parking.close()
  })

  test('does not wait when there is news already, although nobody wakes it', () => {
    const words = newWords()
    const parking = new Parking(words, 0)
    expect(parking.park(() => true)).toBeUndefined()
    expect(isParked(words, 0)).toBe(false)
    parking.close()
  })

  test('says that it is parked before it looks, so that news after its look wakes it', () => {
    const words = newWords()
    const parking = new Parking(words, 0)
    let seen: boolean | undefined
    parking.park(() => {
      seen = isParked(words, 0)
      return true
    })
    expect(seen).toBe(true)
    expect(
      parking.block(() => {
        seen = isParked(words, 0)
        return true
      }),
    ).toBe(true)
    expect(seen).toBe(true)
    parking.close()
  })

  test('calls `first` when it is woken, before the promise resolves; not when it wakes itself', async () => {
    const words = newWords()
    const parking = new Parking(words, 0)
    const order: string[] = []
    const parked = parking.park(nothing, () => order.push('first'))!.then(() => order.push('promise'))
    wake(words, 0)
    await parked
    expect(order).toEqual(['first', 'promise'])

    const again = parking.park(nothing, () => order.push('not this'))
    parking.unpark()
    await again
    expect(order).toEqual(['first', 'promise'])
    parking.close()
  })

  test('finds news without a notification, at its next look', async () => {
    const words = newWords()
    const parking = new Parking(words, 0)
    let news = false
    const parked = parking.park(() => news)
    news = true
    await parked
    expect(isParked(words, 0)).toBe(false)
    parking.close()
  })

  test('is not ended by a notification that was meant for an earlier parking', async () => {
    const words = newWords()
    const parking = new Parking(words, 0)
    const earlier = parking.park(nothing)
    wake(words, 0)
    parking.unpark()
    await earlier
    const order: string[] = []
    const later = parking.park(nothing, () => order.push('first'))!.then(() => order.push('promise'))
    // The earlier notification's promise has certainly settled after a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual([])
    expect(isParked(words, 0)).toBe(true)
    wake(words, 0)
    await later
    // By the notification, not by the next look.
    expect(order).toEqual(['first', 'promise'])
    parking.close()
  })

  test('that closes rises, and lets its thread end', async () => {
    const words = newWords()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const parking = new Parking(words, 0, { resident: true })
    const parked = parking.park(nothing)
    expect(timers()).toBe(before + 1)
    expect(parking.isTiming).toBe(true)
    parking.close()
    await parked
    expect(parking.isTiming).toBe(false)
    expect(timers()).toBe(before)
  })

  test('keeps its thread alive while it is parked, and afterwards only if it is resident', async () => {
    for (const resident of [false, true]) {
      const words = newWords()
      const parking = new Parking(words, 0, { resident })
      const parked = parking.park(nothing)
      expect(parking.isTiming).toBe(true)
      wake(words, 0)
      await parked
      expect(parking.isTiming).toBe(resident)
      parking.close()
    }
  })
})

test('a thread that is awake is not notified', () => {
  const words = newWords()
  expect(wake(words, 0)).toBe(false)
  expect(isParked(words, 0)).toBe(false)
})

test('a blocked thread goes on by itself after its bound', () => {
  const words = newWords()
  const start = performance.now()
  expect(new Parking(words, 0).block(nothing)).toBe(false)
  expect(performance.now() - start).toBeGreaterThan(PARK_BOUND_MS / 2)
  expect(isParked(words, 0)).toBe(false)
})

describe('two threads that wake each other in turn never wait for one another', () => {
  test.each([
    ['without blocking', false],
    ['blocking', true],
  ])('%s', async (_, blocks) => {
    const words = newWords()
    const turns = 5_000
    const worker = new Worker(new URL('./sleeper.ts', import.meta.url), {
      workerData: { words, turns, blocks },
    })
    const passes = once(worker, 'message')
    const parking = new Parking(words, 1)
    for (let turn = 1; turn <= turns; turn++) {
      Atomics.store(words, 2, turn)
      wake(words, 0)
      const moved = () => Atomics.load(words, 3) >= turn
      while (!moved()) await parking.park(moved)
    }
    parking.close()
    // Each pass ends by news or by the bound: one whose wake-up was lost would take another.
    expect((await passes)[0]).toBeLessThanOrEqual(turns * 1.01)
  })
})
