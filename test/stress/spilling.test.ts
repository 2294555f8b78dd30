import { expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import type { DeathEvents } from './death-handlers.ts'

const EVENTS = 60_000
const KEYS = 50
const KILL_EVERY = 6_000

test.each<'sticky' | 'balanced'>(['sticky', 'balanced'])(
  'what spills, at lanes and at a mailbox, while workers die: all of it is handled and received, in order per key (%s)',
  { timeout: 120_000 },
  async (affinity) => {
    await using engine = await createEngine<DeathEvents>({
      workers: 3,
      affinity,
      ringBytes: 2_048,
      store: memoryStore(),
      onFull: 'spill',
      handlers: new URL('./death-handlers.ts', import.meta.url),
      onError: () => {},
    })
    const seen = engine.subscribe('death.event', { onFull: 'spill', capacity: 100 })
    let kills = 0
    for (let from = 0; from < EVENTS; from += 1_000) {
      const events = Array.from({ length: 1_000 }, (_, index) => {
        const number = from + index
        const key = (number * 7) % KEYS
        return { type: 'death.event' as const, data: { number, key }, key: `key-${key}` }
      })
      await engine.sendBatch(events)
      if (from % KILL_EVERY !== 0) continue
      kills++
      const key = kills % KEYS
      const kill = kills % 2 === 0 ? 'exit' : 'throw'
      await engine.send('death.event', { number: -kills, key, kill }, { key: `key-${key}` })
    }
    await engine.drain({ timeoutMs: 60_000 })
    const stats = engine.stats()
    const last = new Map<number, number>()
    const all = new Set<number>()
    let twice = 0
    let disorders = 0
    while (seen.stats().queued > 0) {
      for (const { data } of await seen.receiveBatch({ max: 1_000 })) {
        if (data.number < 0) continue
        if (all.has(data.number)) twice++
        else if (data.number < (last.get(data.key) ?? -1)) disorders++
        all.add(data.number)
        last.set(data.key, Math.max(data.number, last.get(data.key) ?? -1))
      }
    }
    expect(disorders).toBe(0)
    expect(all.size).toBe(EVENTS)
    expect(stats).toMatchObject({
      completed: EVENTS + kills,
      pending: 0,
      dropped: 0,
      deadLettered: 0,
      balanced: true,
    })
    expect(stats.spilled).toBeGreaterThan(EVENTS / 4)
    // Again only what was in flight at a death.
    expect(twice).toBeLessThan(kills * 64 * 18)
  },
)
