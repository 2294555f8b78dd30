import Table from 'cli-table3'
import { type Goal, hasReached, type Section } from '../suite.ts'

/** For a terminal: a table of each section, a line for each goal. */
export function tableOf({ title, unit, rows }: Section): string {
  const hasRatio = rows.some(({ ratioTo }) => ratioTo !== undefined)
  const to = rows.find(({ ratioTo }) => ratioTo !== undefined)?.ratioTo?.name.replace(/^.*: /, '')
  const table = new Table({
    head: [title, unit, 'spread', ...(hasRatio ? [`× ${to}`] : [])],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  for (const { name, value, runs, ratioTo } of rows) {
    const spread = (Math.max(...runs) - Math.min(...runs)) / value
    const ratio = hasRatio ? [ratioTo === undefined ? '' : ratioTo.ratio.toFixed(2)] : []
    table.push([shortOf(name), numberOf(value), `${(100 * spread).toFixed(0)} %`, ...ratio])
  }
  return table.toString()
}

export function lineOf(goal: Goal): string {
  const { name, value, goal: wanted, isLimit, bound } = goal
  const allowed = bound === undefined ? '' : `; the bare ring: ${bound.toPrecision(3)}`
  return `${hasReached(goal) ? 'reached' : 'MISSED '} ${name}: ${value.toPrecision(3)}, goal ${isLimit ? '≤' : '≥'} ${wanted}${allowed}`
}

/** A result's name without what its section says. */
export function shortOf(name: string): string {
  return name.replace(/^[^:]*: /, '').replace(/, [^,]*$/, '')
}

export function numberOf(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}
