import { defineHandlers } from '../../src/index.ts'
import { AlertRule } from './alerts.ts'
import { loadAirports } from './dataset.ts'
import type { FlightEvents } from './events.ts'
import type { Flight } from './flight.ts'
import { toParts } from './snapshot-parts.ts'
import { FlightStatistics } from './statistics.ts'

// State per worker. It may be kept here since a route is a key, and a key stays with one worker.
const airports = await loadAirports()
const statistics = new FlightStatistics()
const rule = new AlertRule()
let reported = false

export default defineHandlers<FlightEvents>({
  'flight.*.*': {
    name: 'statistics',
    handle(event) {
      statistics.add(event.data as Flight, airports)
    },
  },
  'flight.*.{on-time,late,very-late}': {
    name: 'alerts',
    handle(event, ctx) {
      const alert = rule.observe(event.data as Flight)
      // A promise only where there is something to wait for: the others are done when they return.
      return alert && ctx.send('alert.route', alert)
    },
  },
  'report.wanted': {
    name: 'report',
    async handle(_event, ctx) {
      if (reported) return
      reported = true
      for (const part of toParts(ctx.workerId, statistics)) {
        await ctx.send('report.part', part, { key: String(ctx.workerId) })
      }
    },
  },
})
