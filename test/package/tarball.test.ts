import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const exec = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const project = mkdtempSync(join(tmpdir(), 'millrace-package-'))
afterAll(() => rmSync(project, { recursive: true }))

function write(name: string, content: string): string {
  const path = join(project, name)
  writeFileSync(path, content)
  return path
}

/** Runs a program of the project with the Node of these tests. */
async function node(...args: string[]): Promise<string> {
  const { stdout } = await exec(process.execPath, args, { cwd: project })
  return stdout.trim()
}

const APP = (handlers: string) => `
import { createEngine } from 'millrace'
import { memoryStore } from 'millrace/store'
const engine = await createEngine({ store: memoryStore(), onFull: 'spill', workers: 2, handlers: new URL('./${handlers}', import.meta.url) })
const sub = engine.subscribe('answer')
for (let i = 1; i <= 100; i++) engine.publish('question', { i })
let sum = 0
for (let i = 1; i <= 100; i++) sum += (await sub.receive()).data
await engine.close()
console.log(sum, engine.stats().balanced)
`

beforeAll(async () => {
  const { stdout } = await exec('npm', ['pack', '--json', '--pack-destination', project], { cwd: ROOT })
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  write('package.json', JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const tsx = JSON.parse(readFileSync(join(ROOT, 'node_modules/tsx/package.json'), 'utf8')).version
  await exec('npm', ['install', '--no-audit', '--no-fund', join(project, filename), `tsx@${tsx}`], {
    cwd: project,
  })
}, 240_000)

describe('the packed tarball, installed into an empty project', () => {
  test('runs handlers in JavaScript', async () => {
    write(
      'handlers.js',
      `export default { question: (event, ctx) => { ctx.publish('answer', event.data.i * 2) } }`,
    )
    write('app.js', APP('handlers.js'))
    expect(await node('app.js')).toBe('10100 true')
  })

  test('runs handlers in TypeScript, by Node’s own type stripping', async () => {
    write(
      'handlers.ts',
      `import { defineHandlers } from 'millrace'
       type Events = { question: { i: number }; answer: number }
       export default defineHandlers<Events>({ question: (event, ctx) => { ctx.publish('answer', event.data.i * 2) } })`,
    )
    write('app.ts', APP('handlers.ts'))
    expect(await node('app.ts')).toBe('10100 true')
  })

  test('runs handlers in TypeScript that needs compiling, through tsx', async () => {
    write(
      'enum-handlers.ts',
      `enum Factor { two = 2 }
       export default { question: (event: any, ctx: any) => { ctx.publish('answer', event.data.i * Factor.two) } }`,
    )
    write('enum-app.ts', APP('enum-handlers.ts'))
    expect(await node('--import', 'tsx', 'enum-app.ts')).toBe('10100 true')
  })

  test('can be required from CommonJS', async () => {
    write('app.cjs', `console.log(typeof require('millrace').createEngine)`)
    expect(await node('app.cjs')).toBe('function')
  })

  test('has a command line', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const bin = join(project, 'node_modules/.bin/millrace')
    expect(await node(bin, '--version')).toBe(version)
    write('records.ndjson', '{"i":1}\n{"i":2}\n')
    const summary = await node(
      bin,
      'run',
      '--handlers',
      'handlers.js',
      '--input',
      'records.ndjson',
      '--topic',
      'question',
      '--json',
    )
    expect(JSON.parse(summary)).toMatchObject({ completed: 2, unmatched: 2, balanced: true })
  })

  test('has types: a wrong topic or payload does not compile', async () => {
    const source = (call: string) => `import { createEngine } from 'millrace'
      const engine = await createEngine<{ 'a.b': { n: number } }>()
      engine.${call}
      await engine.close()`
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--lib',
      'es2024,esnext.disposable',
    ]
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node']
    const compile = (call: string) => node(tsc, ...flags, ...types, write('typed.ts', source(call)))
    await expect(compile(`publish('a.b', { n: 1 })`)).resolves.toBe('')
    for (const wrong of [
      `publish('a.c', { n: 1 })`,
      `publish('a.b', { n: '1' })`,
      `publish('a.b')`,
      `subscribe(7)`,
    ]) {
      await expect(compile(wrong), wrong).rejects.toMatchObject({
        stdout: expect.stringContaining('error TS'),
      })
    }
  })

  test('is what publint expects of a package', async () => {
    const { messages } = await publint({
      pkgDir: join(project, 'node_modules/millrace'),
      strict: true,
      pack: false,
    })
    expect(messages).toEqual([])
  })
})
