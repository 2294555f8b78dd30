import Table from 'cli-table3'
import type { EngineStats } from '../index.ts'

export type RunSummary = EngineStats & {
  seconds: number
  /** Records that were not published: malformed, or refused by the engine. */
  malformed: number
  /** Whether the whole input was read. */
  complete: boolean
}

/** A run has succeeded if it read all of its input, the ledger balances and nothing was given up. */
export function succeeded(summary: RunSummary): boolean {
  const { complete, balanced, pending, deadLettered } = summary
  return complete && balanced && pending === 0 && deadLettered === 0
}

const count = (value: number): string => value.toLocaleString('en-US')
const ms = (value: number): string => (value === 0 ? '–' : `${value.toPrecision(3)} ms`)

export function summaryText(summary: RunSummary): string {
  const rate = Math.round(summary.accepted / summary.seconds)
  const handlers = new Table({
    head: ['handler', 'matched', 'succeeded', 'filtered', 'failed', 'p50', 'p99'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  for (const handler of summary.handlers) {
    const { name, matched, succeeded: done, filtered, deadLettered, p50Ms, p99Ms } = handler
    handlers.push([
      name,
      count(matched),
      count(done),
      count(filtered),
      count(deadLettered),
      ms(p50Ms),
      ms(p99Ms),
    ])
  }
  const shares = summary.workers
    .map(
      ({ workerId, dispatched }) =>
        `worker ${workerId} ${Math.round((100 * dispatched) / summary.accepted || 0)} %`,
    )
    .join(', ')
  const { accepted, completed, unmatched, dropped, expired, deadLettered, pending, balanced } = summary
  return [
    `${count(accepted)} events in ${summary.seconds.toFixed(2)} s, ${count(rate)} per second (${shares})`,
    handlers.toString(),
    `malformed ${count(summary.malformed)}${summary.complete ? '' : '; the input was not read to its end'}`,
    `ledger    accepted ${count(accepted)} = completed ${count(completed)} + unmatched ${count(unmatched)}` +
      ` + dropped ${count(dropped)} + expired ${count(expired)} + dead-lettered ${count(deadLettered)}` +
      ` + pending ${count(pending)}: ${balanced ? 'balanced' : 'NOT BALANCED'}`,
    '',
  ].join('\n')
}
