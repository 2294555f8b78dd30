import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { createEngine, type Engine } from '../../src/index.ts'
import type { OrderReport } from './order-handlers.ts'

const PUBLISHERS = 4
const WORKERS = 4
const KEYS = 10_000
const EVENTS = 5_000_000

const handlers = new URL('./order-handlers.ts', import.meta.url)

/** Starts the publishing threads; resolves when all have ended. */
async function publishFrom(threads: number, engine: Engine, total: number): Promise<void> {
  const workerData = { handle: engine.connect(), keys: KEYS, events: total / threads }
  const file = new URL('./order-publisher.ts', import.meta.url)
  const publishers = Array.from(
    { length: threads },
    (_, publisher) => new Worker(file, { workerData: { ...workerData, publisher } }),
  )
  await Promise.all(publishers.map((worker) => once(worker, 'exit')))
}

test('4 publishers, 4 workers, 10,000 keys, 5 million events: each once, in order per key and publisher', {
  timeout: 300_000,
}, async () => {
  const total = EVENTS
  await using engine = await createEngine({ workers: WORKERS, handlers })
  const reports = engine.subscribe('order.report', { onFull: 'block' })
  await publishFrom(PUBLISHERS, engine, total)
  await engine.drain()

  const seen = new Map<number, OrderReport>()
  for (let wish = 0; seen.size < WORKERS; wish++) {
    await engine.send('order.wanted', undefined, { key: `wish-${wish}` })
    for (;;) {
      const report = await reports.receive({ timeoutMs: 20 })
      if (report === undefined) break
      seen.set(report.data.workerId, report.data)
    }
  }
  const all = [...seen.values()]
  expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(total)
  expect(all.reduce((sum, { sum: part }) => sum + part, 0)).toBe(PUBLISHERS * sumTo(total / PUBLISHERS))
  expect(all.map(({ disorders }) => disorders)).toEqual([0, 0, 0, 0])
  expect(all.every(({ count }) => count > 0)).toBe(true)
  await engine.drain()
  const stats = engine.stats()
  expect(stats).toMatchObject({ balanced: true, pending: 0, deadLettered: 0, dropped: 0 })
})

test('the same for lanes that move between workers, as a subscription sees them', {
  timeout: 300_000,
}, async () => {
  const total = 1_000_000
  await using engine = await createEngine({ workers: WORKERS, affinity: 'balanced', handlers })
  const events = engine.subscribe('order.event', { onFull: 'block' })
  const published = publishFrom(PUBLISHERS, engine, total)
  const last = new Map<number, number>()
  let disorders = 0
  for (let count = 0; count < total; ) {
    for (const event of await events.receiveBatch({ max: 1_000 })) {
      const [publisher, key, number] = event.data as [number, number, number]
      const slot = publisher * 1_000_000 + key
      if (number <= (last.get(slot) ?? -1)) disorders++
      last.set(slot, number)
      count++
    }
  }
  await published
  await engine.drain()
  expect(disorders).toBe(0)
  expect(last.size).toBe(PUBLISHERS * KEYS)
  expect(events.stats()).toMatchObject({ matched: total, received: total, dropped: 0, queued: 0 })
  expect(engine.stats()).toMatchObject({ completed: total, balanced: true, pending: 0 })
  expect(engine.stats().workers.filter(({ dispatched }) => dispatched > 0).length).toBeGreaterThan(1)
})

/** 0 + 1 + … + (n - 1). */
function sumTo(n: number): number {
  return (n * (n - 1)) / 2
}
