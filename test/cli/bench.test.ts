import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Modules } from '../fixtures/program.ts'
import { millrace } from './millrace.ts'

test('a suite is measured, and told as a table, as JSON and as one page', { timeout: 120_000 }, async () => {
  using files = new Modules()
  const [json, html] = [join(files.folder, 'bench.json'), join(files.folder, 'bench.html')]
  const { code, stdout } = await millrace([
    'bench',
    '--suite',
    'memory',
    '--quick',
    '--json',
    json,
    '--html',
    html,
  ])
  expect(code).toBe(0)
  expect(stdout).toMatch(/A queued event .*bytes beyond the payload/)
  expect(stdout).toMatch(/(reached|MISSED ) bytes beyond the payload of a queued event: [\d.]+, goal ≤ 32/)
  const { environment, results, goals } = JSON.parse(readFileSync(json, 'utf8'))
  expect(environment).toMatchObject({
    node: process.version,
    cores: expect.any(Number),
    cpu: expect.any(String),
  })
  expect(results).toContainEqual({
    suite: 'memory',
    name: 'queued: 96 bytes, bytes',
    unit: 'bytes beyond the payload',
    value: expect.any(Number),
    runs: [expect.any(Number)],
  })
  expect(goals).toHaveLength(2)
  const page = readFileSync(html, 'utf8')
  expect(page).toContain('<svg')
  expect(page).toContain('A queued event')
  // It needs nothing else.
  expect(page).not.toMatch(/src=|href=|@import|<script/)
})

test('a suite that there is not is bad usage', async () => {
  const { code, stderr } = await millrace(['bench', '--suite', 'nothing'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/delivery, latency, memory, cpu-bound, predecessors/)
})
