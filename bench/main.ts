/** `millrace bench`: measures, and reports as tables, JSON and HTML. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { environment } from './environment.ts'
import { htmlOf, type SuiteReport } from './report/html.ts'
import { lineOf, tableOf } from './report/table.ts'
import { measureSuite } from './runner.ts'
import { hasReached } from './suite.ts'
import { SUITE_NAMES, suiteOf } from './suites.ts'

export const HELP = `millrace bench [--suite NAME]… [--peers] [--json FILE] [--html FILE] [--quick] [--check]

Measures Millrace on this machine, each variant in a fresh process, its results verified.

  --suite NAME  one of ${SUITE_NAMES.join(', ')}; all of them if not given
  --peers       other packages beside it, those that are installed
  --json FILE   writes { environment, results, goals }
  --html FILE   writes a report with plots
  --quick       one short round of each: for a first look
  --check       exits 1 if a goal is missed
`

/** Answers the exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      suite: { type: 'string', multiple: true },
      peers: { type: 'boolean', default: false },
      json: { type: 'string' },
      html: { type: 'string' },
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  })
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
