import { expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'
import type { DeathEvents } from './death-handlers.ts'

const EVENTS = 20_000
const KEYS = 50
const KILL_EVERY = 2_000

test.each<'sticky' | 'balanced'>(['sticky', 'balanced'])(
  'publishers that send everything twice, while workers die: each id is handled, again only if it was in flight (%s)',
  { timeout: 120_000 },
  async (affinity) => {
    await using engine = await createEngine<DeathEvents>({
      workers: 3,
      affinity,
      delivery: 'effectively-once',
      ringBytes: 8_192,
      handlers: new URL('./death-handlers.ts', import.meta.url),
      onError: () => {},
    })
    // What its handlers send, when they have come so far.
    const seen = engine.subscribe('death.seen', { onFull: 'block', capacity: 100_000 })
    const batch = (from: number) =>
      Array.from({ length: 100 }, (_, index) => {
        const number = from + index
        const key = number % KEYS
        const data = { number, key }
        // Every other one has no key: it goes by its id.
        return {
          type: 'death.event' as const,
          data,
          id: `id-${number}`,
          ...(number % 2 === 0 && { key: `key-${key}` }),
        }
      })
    let kills = 0
    for (let from = 0; from < EVENTS; from += 100) {
      await engine.sendBatch(batch(from))
      await engine.sendBatch(batch(from))
      if (from % KILL_EVERY !== 0) continue
      kills++
      const kill = kills % 2 === 0 ? 'exit' : 'throw'
      await engine.send('death.event', { number: -1, key: 0, kill }, { key: `key-${kills}` })
    }
    await engine.drain({ timeoutMs: 60_000 })
    const first = engine.stats()
    expect(first).toMatchObject({ pending: 0, deadLettered: 0, balanced: true })
    // One more is handled exactly if its completion was not recorded: then so was its twin.
    expect(first.droppedBy.duplicate).toBe(EVENTS)
    const counts = new Map<number, number>()
    for (;;) {
      const events = await seen.receiveBatch({ max: 1_000, timeoutMs: 0 })
      if (events.length === 0) break
      for (const { data } of events) counts.set(data.number, (counts.get(data.number) ?? 0) + 1)
    }
    counts.delete(-1)
    expect(counts.size).toBe(EVENTS)
    const again = [...counts.values()].reduce((sum, count) => sum + count - 1, 0)
    expect(again).toBeLessThan(kills * 64 * 18)
    // All are remembered, whoever completed them.
    for (let from = 0; from < EVENTS; from += 100) await engine.sendBatch(batch(from))
    await engine.drain({ timeoutMs: 60_000 })
    expect(engine.stats()).toMatchObject({
      completed: first.completed,
      droppedBy: { duplicate: 2 * EVENTS },
      balanced: true,
    })
  },
)
