/**
 * Three million real flights through handlers on worker threads, then the same in one thread.
 *
 *     npm run demo -- [--rows N] [--workers N] [--json]
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { loadAirports } from './dataset.ts'
import { runParallel } from './parallel.ts'
import { runSequential } from './sequential.ts'
import { airportsTable, ledgerTable, workersTable, worstRoutesTable } from './tables.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const rows = wholeNumber('--rows', values.rows, 3_000_000)
const workers = wholeNumber('--workers', values.workers, Math.max(2, availableParallelism()))
const say = (text: string): void => void (values.json || console.log(text))

say(`${rows.toLocaleString('en-US')} flights through ${workers} workers`)
const bar = new SingleBar({
  format: '{bar} {percentage} % | {value} flights | {alerts} alerts | {duration_formatted}',
  stopOnComplete: false,
  hideCursor: true,
  stream: process.stderr,
})
bar.start(rows, 0, { alerts: 0 })
const parallel = await runParallel({
  rows,
  workers,
  onProgress: (value, alerts) => bar.update(value, { alerts }),
})
bar.stop()

const { statistics, stats, seconds } = parallel
const [p50, p90, p99] = statistics.percentiles()
say(`\nWorst routes by the delay that one flight in ten exceeds\n${worstRoutesTable(statistics)}`)
say(`\nBusiest airports\n${airportsTable(statistics, await loadAirports())}`)
say(
  `\nDelay: p50 ${p50}, p90 ${p90}, p99 ${p99} minutes; ${parallel.alerts.length} alerts of three very late in a row`,
)
say(`\nWork per worker\n${workersTable(stats)}`)
say(`\nLedger\n${ledgerTable(stats)}`)
say(`\n${Math.round(rows / seconds).toLocaleString('en-US')} events per second, ${seconds.toFixed(1)} s`)

say('\nThe same in one thread, without events …')
const sequential = await runSequential({ rows })
const identical =
  sequential.statistics.digest() === statistics.digest() &&
  sequential.alerts.length === parallel.alerts.length
const ratio = sequential.seconds / seconds
say(`${sequential.seconds.toFixed(1)} s: the workers were ${ratio.toFixed(2)} times as fast`)
say(identical ? 'Both results are identical.' : 'THE RESULTS DIFFER.')
if (values.json) {
  console.log(
    JSON.stringify({
      rows,
      workers,
      identical,
      digest: statistics.digest(),
      alerts: parallel.alerts.length,
      seconds,
      sequentialSeconds: sequential.seconds,
      balanced: stats.balanced,
      completed: stats.completed,
      deadLettered: stats.deadLettered,
      shares: stats.workers.map(({ dispatched }) => dispatched),
    }),
  )
}
process.exitCode = identical && stats.balanced && stats.deadLettered === 0 ? 0 : 1

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  console.error(`${name} is a whole number from 1 on, not ${text}`)
  process.exit(2)
}
