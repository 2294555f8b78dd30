import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as millrace from '../src/index.ts'

const page = readFileSync(new URL('../docs/ERRORS.md', import.meta.url), 'utf8')

const names = Object.entries(millrace)
  .filter(([, value]) => typeof value === 'function' && value.prototype instanceof millrace.MillraceError)
  .map(([name]) => name)

test('every error has a heading that says when it comes, what was kept and what to do', () => {
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) {
    const section = page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0]
    expect(section, name).toMatch(/\*\*When:\*\*.*\*\*What was kept:\*\*.*\*\*What to do:\*\*/s)
  }
})

test('the table has every code', () => {
  const source = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8')
  const codes = [...source.matchAll(/super\('(ERR_\w+)'/g)].map(([, code]) => code)
  expect(codes).toHaveLength(names.length)
  for (const code of codes) expect(page).toContain(`| \`${code}\` |`)
})
