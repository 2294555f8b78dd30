/** `millrace bench`: measures, and reports as tables, JSON and HTML. */
import { writeFileSync } from 'node:fs'
import { environment } from './environment.ts'
import { htmlOf, type SuiteReport } from './report/html.ts'
import { lineOf, tableOf } from './report/table.ts'
import { measureSuite } from './runner.ts'
import { hasReached } from './suite.ts'
import { SUITE_NAMES, suiteOf } from './suites.ts'

export type BenchOptions = {
  readonly suite?: readonly string[]
  readonly peers: boolean
  readonly quick: boolean
  readonly json?: string
  readonly html?: string
  readonly check: boolean
}

/** Answers the exit code. */
export async function bench(values: BenchOptions): Promise<number> {
  const reports: SuiteReport[] = []
  const suites = await Promise.all((values.suite ?? SUITE_NAMES).map(suiteOf))
  for (const suite of suites) {
    const measured = await measureSuite(suite, { peers: values.peers, quick: values.quick })
    const { sections, goals } = suite.report(measured)
    reports.push({ title: suite.title, sections, goals })
    for (const section of sections) if (section.rows.length > 0) console.log(tableOf(section))
    for (const goal of goals) console.log(lineOf(goal))
  }
  const where = environment()
  const results = reports.flatMap(({ sections }) => sections.flatMap(({ rows }) => rows))
  const goals = reports.flatMap((report) => report.goals)
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ environment: where, results, goals }, null, 2)}\n`)
  if (values.html !== undefined) writeFileSync(values.html, htmlOf(where, reports))
  return values.check && !goals.every(hasReached) ? 1 : 0
}
