import { createEngine, type EngineStats } from '../../src/index.ts'
import type { FlightAlert } from './alerts.ts'
import { openFlights } from './dataset.ts'
import type { FlightEvents } from './events.ts'
import { routeOf, topicOf } from './flight.ts'
import { PartCollector } from './snapshot-parts.ts'
import type { FlightStatistics } from './statistics.ts'

export type ParallelResult = {
  statistics: FlightStatistics
  alerts: FlightAlert[]
  /** From the first event published to the last one handled. */
  seconds: number
  stats: EngineStats
}

export type ParallelOptions = {
  rows?: number
  workers: number
  onProgress?: (published: number, alerts: number) => void
}

const BATCH = 512

/** Publishes flights as events and lets workers do the statistics. */
export async function runParallel({ rows, workers, onProgress }: ParallelOptions): Promise<ParallelResult> {
  const source = await openFlights(rows === undefined ? {} : { rows })
  const engine = await createEngine<FlightEvents>({
    workers,
    handlers: new URL('./handlers.ts', import.meta.url),
  })
  try {
    const alerts: FlightAlert[] = []
    const alertsSub = engine.subscribe('alert.route', { onFull: 'block' })
    const parts = engine.subscribe('report.part', { onFull: 'block' })
    const receiving = (async () => {
      for await (const event of alertsSub) alerts.push(event.data)
    })()

    const start = performance.now()
    let published = 0
    for await (const flights of source.chunks) {
      for (let from = 0; from < flights.length; from += BATCH) {
        const batch = flights.slice(from, from + BATCH)
        await engine.sendBatch(
          batch.map((flight) => ({
            type: topicOf(flight),
            data: flight,
            key: routeOf(flight),
          })),
        )
        published += batch.length
        onProgress?.(published, alerts.length)
      }
    }
    await engine.drain()
    const seconds = (performance.now() - start) / 1_000

    // Any worker answers a wish once; wishes with new keys are sent until each has had one.
    const collector = new PartCollector()
    for (let wish = 0; collector.workers < Math.max(1, workers); wish++) {
      await engine.send('report.wanted', undefined, { key: `wish-${wish}` })
      for (let event = await parts.receive({ timeoutMs: 20 }); event !== undefined; ) {
        collector.add(event.data)
        event = await parts.receive({ timeoutMs: 20 })
      }
    }
    await engine.drain()
    const stats = engine.stats()
    while (alerts.length < stats.subscriptions[0]!.matched) await new Promise(setImmediate)
    await engine.close()
    await receiving
    return { statistics: collector.statistics, alerts, seconds, stats }
  } finally {
    await engine.close({ timeoutMs: 0 })
  }
}
