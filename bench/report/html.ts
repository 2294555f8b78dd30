import type { Environment } from '../environment.ts'
import { type Goal, hasReached, type Section } from '../suite.ts'
import { labelsOf, numberOf } from './table.ts'

export type SuiteReport = {
  readonly title: string
  readonly sections: readonly Section[]
  readonly goals: readonly Goal[]
}

const WIDTH = 720
const BAR = 20
const LABEL = 230

/** One file that needs nothing else: what was measured, as plots and tables. */
export function htmlOf(environment: Environment, reports: readonly SuiteReport[]): string {
  const where = Object.entries(environment).map(
    ([name, value]) => `<dt>${name}</dt><dd>${escaped(String(value))}</dd>`,
  )
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Millrace: measured</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 780px; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 3rem; border-bottom: 1px solid #ccd } h3 { margin-bottom: .3rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem } dt { color: #667 } dd { margin: 0 }
table { border-collapse: collapse; width: 100% } td, th { padding: .15rem .5rem; text-align: left; border-bottom: 1px solid #eef }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } .missed { color: #a33 } .reached { color: #275 }
svg text { font: 12px system-ui, sans-serif; fill: #1c2430 } svg .own { fill: #2f6db5 } svg .other { fill: #b9c4d6 } svg .spread { stroke: #1c2430 }
</style>
<h1>Millrace: measured</h1>
<dl>${where.join('')}</dl>
${reports.map(reportOf).join('\n')}
</html>
`
}

function reportOf({ title, sections, goals }: SuiteReport): string {
  return `<h2>${escaped(title)}</h2>${sections.map(sectionOf).join('')}${goals.length === 0 ? '' : goalsOf(goals)}`
}

function sectionOf({ title, unit, rows }: Section): string {
  return rows.length === 0 ? '' : `<h3>${escaped(title)}</h3><p>${escaped(unit)}</p>${plotOf(rows)}`
}

/** Bars, with the least and the most of the runs as a line; on a logarithmic scale if they differ by more than a hundred times. */
function plotOf(rows: Section['rows']): string {
  const most = Math.max(...rows.flatMap(({ runs }) => runs))
  const least = Math.min(...rows.flatMap(({ runs }) => runs).filter((value) => value > 0))
  const isLogarithmic = most / least > 100
  const room = WIDTH - LABEL - 130
  const place = (value: number): number =>
    isLogarithmic
      ? (room * Math.log(Math.max(value, least) / (least / 2))) / Math.log(most / (least / 2))
      : (room * value) / most
  const labels = labelsOf(rows)
  const bars = rows.map(({ value, runs, ratioTo }, index) => {
    const y = index * (BAR + 6)
    const short = labels[index]!
    const [low, high] = [place(Math.min(...runs)), place(Math.max(...runs))]
    const ratio = ratioTo === undefined ? '' : ` (${ratioTo.ratio.toPrecision(3)} ×)`
    return `<text x="${LABEL - 8}" y="${y + 15}" text-anchor="end">${escaped(short)}</text>
<rect class="${short.startsWith('millrace') ? 'own' : 'other'}" x="${LABEL}" y="${y}" width="${place(value).toFixed(1)}" height="${BAR}"/>
<line class="spread" x1="${(LABEL + low).toFixed(1)}" x2="${(LABEL + high).toFixed(1)}" y1="${y + BAR / 2}" y2="${y + BAR / 2}"/>
<text x="${(LABEL + Math.max(place(value), high) + 6).toFixed(1)}" y="${y + 15}">${numberOf(value)}${ratio}</text>`
  })
  const height = rows.length * (BAR + 6)
  const scale = isLogarithmic ? '<p>On a logarithmic scale.</p>' : ''
  return `<svg width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">${bars.join('\n')}</svg>${scale}`
}

function goalsOf(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => {
    const verdict = hasReached(goal) ? 'reached' : 'missed'
    const bound = goal.bound === undefined ? '' : numberOf(goal.bound)
    return `<tr><td>${escaped(goal.name)}</td><td class="n">${numberOf(goal.value)}</td><td class="n">${goal.isLimit ? '≤' : '≥'} ${goal.goal}</td><td class="n">${bound}</td><td class="${verdict}">${verdict}</td></tr>`
  })
  return `<h3>Goals</h3><table><tr><th></th><th class="n">measured</th><th class="n">goal</th><th class="n">the bare ring</th><th></th></tr>${rows.join('')}</table>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
