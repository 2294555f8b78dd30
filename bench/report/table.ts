import Table from 'cli-table3'
import { type Goal, hasReached, type Result, type Section } from '../suite.ts'

/** For a terminal: a table of each section, a line for each goal. */
export function tableOf({ title, unit, rows }: Section): string {
  const hasRatio = rows.some(({ ratioTo }) => ratioTo !== undefined)
  const to = rows.find(({ ratioTo }) => ratioTo !== undefined)?.ratioTo?.name.replace(/^.*: /, '')
  const table = new Table({
    head: [title, unit, 'spread', ...(hasRatio ? [`× ${to}`] : [])],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  const labels = labelsOf(rows)
  for (const [index, { value, runs, ratioTo }] of rows.entries()) {
    const spread = (Math.max(...runs) - Math.min(...runs)) / value
    const ratio = hasRatio ? [ratioTo === undefined ? '' : ratioTo.ratio.toFixed(2)] : []
    table.push([labels[index]!, numberOf(value), `${(100 * spread).toFixed(0)} %`, ...ratio])
  }
  return table.toString()
}

export function lineOf(goal: Goal): string {
  const { name, value, goal: wanted, isLimit, bound } = goal
  const allowed = bound === undefined ? '' : `; the bare ring: ${bound.toPrecision(3)}`
  return `${hasReached(goal) ? 'reached' : 'MISSED '} ${name}: ${value.toPrecision(3)}, goal ${isLimit ? '≤' : '≥'} ${wanted}${allowed}`
}

/** The results' names without what their section says, or all of them say: `case: variant, measure`. */
export function labelsOf(rows: readonly Result[]): string[] {
  const parts = rows.map(({ name }) => /^(?:[^:]*: )?(.*), ([^,]*)$/.exec(name)!)
  const isOf = (part: 1 | 2): boolean => new Set(parts.map((found) => found[part])).size > 1
  return parts.map(([, variant, measure]) =>
    isOf(2) && !isOf(1) ? measure! : isOf(2) ? `${variant}, ${measure}` : variant!,
  )
}

export function numberOf(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}
