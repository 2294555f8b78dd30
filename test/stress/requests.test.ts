import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createEngine, UnansweredError, WorkerDiedError } from '../../src/index.ts'
import type { Asked } from './request-handlers.ts'

const REQUESTS = Number(process.env.REQUESTS ?? 10_000)
const IN_FLIGHT = 256
/** One in so many kills its worker: once, or, one in ten of them, each time. */
const KILL_EVERY = 2_000

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

function heapBytes(): number {
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function asked(number: number): Asked {
  const turn = number % KILL_EVERY
  if (turn === 777) return { number, kill: number % (10 * KILL_EVERY) === 777 ? 'always' : 'once' }
  return { number, ask: number % 3 === 0, fail: number % 7 === 1 }
}

test.each(['at-least-once', 'at-most-once'] as const)(
  'requests while workers die: each is answered once, by its result or a typed error (%s)',
  { timeout: 3_600_000 },
  async (delivery) => {
    let deaths = 0
    const engine = await createEngine<{ work: Asked }>({
      workers: 2,
      delivery,
      handlers: new URL('./request-handlers.ts', import.meta.url),
      onError: (error) => {
        if (error instanceof WorkerDiedError) deaths++
      },
    })
    const counts = { results: 0, failures: 0, deaths: 0 }
    let next = 0
    /** What this thread holds after so many requests: a tenth of them are its warm-up. */
    const heaps: number[] = []
    const asking = async (): Promise<void> => {
      while (next < REQUESTS) {
        if (next % (REQUESTS / 10) === 0) heaps.push(heapBytes())
        const data = asked(next++)
        const { number } = data
        const key = number % 2 === 0 ? `k${number % 500}` : undefined
        try {
          const answer = await engine.request('work', data, { key, timeoutMs: 60_000 })
          if (answer !== number) throw new Error(`${number} was answered ${answer}`)
          counts.results++
        } catch (error) {
          if (error instanceof WorkerDiedError || (error as Error).name === 'WorkerDiedError') counts.deaths++
          else if (error instanceof RangeError && error.message === `failed on ${number}`) counts.failures++
          else throw error
        }
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, asking))
    await engine.drain()
    expect(counts.results + counts.failures + counts.deaths).toBe(REQUESTS)
    expect(heaps).toHaveLength(10)
    // Deaths leave something in Node itself, some hundred bytes each (nodejs/node#51868).
    expect(Math.min(...heaps.slice(-3)) - Math.min(...heaps.slice(1, 4))).toBeLessThan(
      2 ** 20 + 1_000 * deaths,
    )
    expect(deaths).toBeGreaterThan(REQUESTS / KILL_EVERY / 2)
    expect(counts.deaths).toBeGreaterThan(0)
    // Only those that kill each time, if what is in flight is handled again.
    if (delivery === 'at-least-once') expect(counts.deaths).toBeLessThan(REQUESTS / KILL_EVERY)
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
    await expect(engine.request('work.unknown' as 'work', { number: 0 })).rejects.toThrow(UnansweredError)
    await engine.close()
  },
)
