import { expect, test } from 'vitest'
import { createEngine, type Policy } from '../../src/index.ts'
import type { DeathEvents } from './death-handlers.ts'

const EVENTS = 60_000
const KEYS = 50
const KILL_EVERY = 6_000

test.each<[Policy, 'sticky' | 'balanced']>([
  ['coalesce', 'sticky'],
  ['coalesce', 'balanced'],
  ['drop-oldest', 'sticky'],
  ['drop-oldest', 'balanced'],
])(
  '%s: while workers die, each event that is not overwritten is handled, in order per key, and all are counted (%s)',
  { timeout: 120_000 },
  async (onFull, affinity) => {
    await using engine = await createEngine<DeathEvents>({
      workers: 3,
      affinity,
      ringBytes: 8_192,
      handlers: new URL('./death-handlers.ts', import.meta.url),
      onError: () => {},
    })
    // A mailbox is filled when an event is dispatched.
    const seen = engine.subscribe('death.event', { onFull: 'block', capacity: 100_000 })
    const last = new Map<number, number>()
    const seenTwice: number[] = []
    const all = new Set<number>()
    let disorders = 0
    const watching = (async () => {
      for await (const { data } of seen) {
        if (data.number < 0) continue
        if (all.has(data.number)) seenTwice.push(data.number)
        else if (data.number < (last.get(data.key) ?? -1)) disorders++
        all.add(data.number)
        last.set(data.key, Math.max(data.number, last.get(data.key) ?? -1))
      }
    })()
    let kills = 0
    for (let number = 0; number < EVENTS; number++) {
      const key = (number * 7) % KEYS
      engine.publish('death.event', { number, key }, { key: `key-${key}`, onFull })
      if (number % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
      if (number % KILL_EVERY !== 777) continue
      kills++
      const kill = kills % 2 === 0 ? 'exit' : 'throw'
      await engine.send('death.event', { number: -kills, key, kill }, { key: `key-${key}` })
    }
    await engine.drain({ timeoutMs: 60_000 })
    const stats = engine.stats()
    while (seen.stats().queued > 0) await new Promise((resolve) => setImmediate(resolve))
    seen.unsubscribe()
    await watching

    expect(disorders).toBe(0)
    expect(stats).toMatchObject({ pending: 0, deadLettered: 0, balanced: true })
    // Those that were handled are those that were not overwritten.
    expect(all.size).toBe(EVENTS - stats.dropped)
    expect(stats.completed).toBe(all.size + kills)
    expect(stats.droppedBy[onFull === 'coalesce' ? 'coalesce' : 'drop-oldest']).toBe(stats.dropped)
    for (let number = EVENTS - KEYS; number < EVENTS; number++) expect(all.has(number)).toBe(true)
    // Again only what was in flight at a death.
    expect(seenTwice.length).toBeLessThan(kills * 64 * 18)
  },
)
