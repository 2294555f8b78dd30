import { expect, test } from 'vitest'
import { createEngine, WorkerDiedError } from '../../src/index.ts'
import type { DeathEvents } from './death-handlers.ts'

const EVENTS = 20_000
const KEYS = 500
const KILL_EVERY = 2_000

test.each(['sticky', 'balanced'] as const)(
  'workers that die are replaced, and no event is skipped or overtaken (%s)',
  { timeout: 120_000 },
  async (affinity) => {
    const deaths: unknown[] = []
    await using engine = await createEngine<DeathEvents>({
      workers: 3,
      affinity,
      handlers: new URL('./death-handlers.ts', import.meta.url),
      onError: (error) => deaths.push(error),
    })
    const seen = engine.subscribe('death.seen', { onFull: 'block' })
    // A mailbox is filled when an event is dispatched: it shows the order of the first attempts.
    const dispatched = engine.subscribe('death.event', { onFull: 'block' })
    const dispatching = (async () => {
      const last = new Map<number, number>()
      let started = 0
      let disorders = 0
      for (const seenNumbers = new Set<number>(); seenNumbers.size < EVENTS; ) {
        for (const { data } of await dispatched.receiveBatch({ timeoutMs: 30_000 })) {
          started++
          // What was in flight when a worker died comes again.
          if (seenNumbers.has(data.number)) continue
          seenNumbers.add(data.number)
          if (data.number < (last.get(data.key) ?? -1)) disorders++
          last.set(data.key, data.number)
        }
      }
      return { last, started, disorders }
    })()
    const publishing = (async () => {
      for (let number = 0; number < EVENTS; number++) {
        const kill =
          number % KILL_EVERY === 777 ? (number % (2 * KILL_EVERY) === 777 ? 'exit' : 'throw') : undefined
        const key = (number * 7) % KEYS
        await engine.send('death.event', { number, key, ...(kill && { kill }) }, { key: `key-${key}` })
      }
    })()

    const numbers = new Set<number>()
    const killers = new Map<number, number>()
    while (numbers.size < EVENTS) {
      for (const { data } of await seen.receiveBatch({ timeoutMs: 30_000 })) {
        if (data.number % KILL_EVERY === 777) killers.set(data.number, data.attempt)
        numbers.add(data.number)
      }
    }
    await publishing
    await engine.drain()

    const { last, started, disorders } = await dispatching
    expect(disorders).toBe(0)
    expect(last.size).toBe(KEYS)
    expect(started).toBeGreaterThanOrEqual(EVENTS)
    expect(killers.size).toBe(EVENTS / KILL_EVERY)
    for (const attempt of killers.values()) expect(attempt).toBeGreaterThan(1)
    expect(deaths.length).toBeGreaterThanOrEqual(1)
    for (const death of deaths) expect(death).toBeInstanceOf(WorkerDiedError)
    expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, deadLettered: 0 })
  },
)
