import { AlertRule, type FlightAlert } from './alerts.ts'
import { loadAirports, openFlights } from './dataset.ts'
import { FlightStatistics } from './statistics.ts'

export type SequentialResult = { statistics: FlightStatistics; alerts: FlightAlert[]; seconds: number }

/** The same work in one thread, the straightforward way. */
export async function runSequential(options: { rows?: number } = {}): Promise<SequentialResult> {
  const source = await openFlights(options)
  const airports = await loadAirports()
  const statistics = new FlightStatistics()
  const rule = new AlertRule()
  const alerts: FlightAlert[] = []
  const start = performance.now()
  for await (const flights of source.chunks) {
    for (const flight of flights) {
      statistics.add(flight, airports)
      const alert = rule.observe(flight)
      if (alert !== undefined) alerts.push(alert)
    }
  }
  return { statistics, alerts, seconds: (performance.now() - start) / 1_000 }
}
