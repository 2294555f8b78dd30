import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { millrace } from './millrace.ts'

const handlers = fileURLToPath(new URL('../fixtures/readings.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'millrace-run-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const RECORDS = Array.from({ length: 1_000 }, (_, index) => ({
  station: index % 2 === 0 ? 'north' : 'south',
  value: index === 10 ? -1 : index,
}))
const NDJSON = RECORDS.map((record) => JSON.stringify(record)).join('\n')
const run = (...args: string[]) => [
  'run',
  '--handlers',
  handlers,
  '--topic',
  'reading.{station}',
  '--workers',
  '2',
  ...args,
]

describe('millrace run', () => {
  test.each([
    ['ndjson', NDJSON],
    ['json', JSON.stringify(RECORDS)],
    ['csv', `station,value\n${RECORDS.map(({ station, value }) => `${station},${value}`).join('\n')}\n`],
  ])('publishes every record of %s, and exits 0 with a balanced ledger', async (format, content) => {
    const path = file(`records.${format}`, content)
    const { code, stdout } = await millrace(run('--input', path, '--key', 'station', '--json'))
    expect(code).toBe(0)
    const summary = JSON.parse(stdout)
    expect(summary).toMatchObject({
      accepted: 1_000,
      completed: 1_000,
      balanced: true,
      pending: 0,
      malformed: 0,
    })
    expect(summary.handlers[0]).toMatchObject({ name: 'sum', matched: 1_000, succeeded: 999, filtered: 1 })
    expect(summary.topics).toBe(2)
  })

  test('goes on when nobody reads what it says', async () => {
    const path = file('talk.ndjson', '{oops\n'.repeat(100) + NDJSON)
    const silent = await millrace(run('--input', path, '--json'), undefined, 'stderr')
    expect(silent.code).toBe(0)
    expect(JSON.parse(silent.stdout)).toMatchObject({ completed: 1_000, malformed: 100 })
    const unread = await millrace(run('--input', file('unread.ndjson', NDJSON)), undefined, 'stdout')
    expect(unread).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('reads standard input', async () => {
    const { code, stdout } = await millrace(run('--input', '-', '--format', 'ndjson', '--json'), NDJSON)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ completed: 1_000, balanced: true })
  })

  test('prints a summary for people', async () => {
    const { code, stdout, stderr } = await millrace(run('--input', file('few.ndjson', NDJSON)))
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^1,000 events in [\d.]+ s, [\d,]+ per second \(worker 1 \d+ %, worker 2 \d+ %\)/)
    expect(stdout).toMatch(/sum .*1,000 .*999 .*1 .*0/)
    expect(stdout).toContain('accepted 1,000 = completed 1,000')
    expect(stdout).toContain(': balanced')
  })

  test('reports malformed lines with their number, and goes on', async () => {
    const path = file(
      'broken.ndjson',
      `${JSON.stringify(RECORDS[0])}\n{oops\n${JSON.stringify(RECORDS[1])}\n`,
    )
    const { code, stdout, stderr } = await millrace(run('--input', path, '--json'))
    expect(code).toBe(0)
    expect(stderr).toMatch(/broken\.ndjson:2: .*\{oops/)
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 2, malformed: 1 })
  })

  test.each([
    ['ndjson', `${JSON.stringify(RECORDS[0])}\n{oops\n${JSON.stringify(RECORDS[1])}\n`],
    ['json', `[${JSON.stringify(RECORDS[0])}\n,{oops},\n${JSON.stringify(RECORDS[1])}]`],
  ])('stops at the first malformed record with --strict, after those before it: %s', async (format, text) => {
    const path = file(`strict.${format}`, text)
    const { code, stdout, stderr } = await millrace(run('--input', path, '--strict', '--json'))
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 1, completed: 1, malformed: 1, complete: false })
    expect(stderr).toContain(`strict.${format}:2`)
  })

  test.each([
    [
      'an array that is cut off',
      'cut.json',
      `[${JSON.stringify(RECORDS[0])}\n,${JSON.stringify(RECORDS[1])}`,
      2,
    ],
    ['an object in place of an array', 'object.json', JSON.stringify(RECORDS[0]), 0],
    ['a header with an open quote', 'header.csv', 'sensor,"b\n1,2\n3,4\n', 0],
  ])('an input that can not be read to its end is no success: %s', async (_, name, text, accepted) => {
    const { code, stdout, stderr } = await millrace(run('--input', file(name, text), '--json'))
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ accepted, malformed: 1, complete: false, balanced: true })
    expect(stderr).toContain(name)
  })

  test('counts a record that cannot be published, and publishes those around it', async () => {
    const records = [RECORDS[0], { station: 'x'.repeat(300), value: 1 }, RECORDS[1]]
    const path = file('long.ndjson', records.map((record) => JSON.stringify(record)).join('\n'))
    const { code, stdout, stderr } = await millrace(run('--input', path, '--json'))
    expect(code).toBe(0)
    expect(stderr).toMatch(/long\.ndjson:2: .*255/)
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 2, malformed: 1, balanced: true })
  })

  test('exits 1 when an event was dead-lettered, and names the handler', async () => {
    const path = file('bad.ndjson', JSON.stringify({ station: 'bad', value: 1 }))
    const { code, stdout, stderr } = await millrace(run('--input', path, '--json'))
    expect(code).toBe(1)
    expect(stderr).toContain('Handler reading.bad failed')
    expect(JSON.parse(stdout)).toMatchObject({ deadLettered: 1, balanced: true })
  })

  test('exits 1 with the module’s own error when handlers can’t be loaded', async () => {
    const broken = file('broken.mjs', 'throw new RangeError("not today")')
    const args = ['run', '--handlers', broken, '--input', file('one.ndjson', '{}')]
    const { code, stderr } = await millrace(args)
    expect(code).toBe(1)
    expect(stderr).toContain('ERR_MILLRACE_HANDLER_LOAD')
    expect(stderr).toContain('RangeError: not today')
  })

  test.each([
    [['run', '--input', 'x.ndjson'], /--handlers/],
    [run('--input', join(tmpdir(), 'does-not-exist.ndjson')), /does-not-exist/],
    [run('--input', '-'), /format/],
    [run('--input', handlers, '--format', 'xml'), /xml/],
    [run('--input', handlers, '--workers', 'two'), /workers/],
    [run('--input', handlers, '--workers', '0x1'), /workers/],
    [run('--input', handlers, '--workers', ''), /workers/],
    [run('--input', handlers, '--nonsense'), /nonsense/],
    [['nonsense'], /nonsense/],
  ])('exits 2 on bad usage: %j', async (args, message) => {
    const { code, stdout, stderr } = await millrace(args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test.each([[['--help']], [['run', '--help']], [['--version']]])('exits 0 on %j', async (args) => {
    const { code, stdout } = await millrace(args)
    expect(code).toBe(0)
    expect(stdout.length).toBeGreaterThan(4)
  })
})
