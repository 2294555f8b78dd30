import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { loadModule } from '../../src/dispatch/load.ts'
import { createEngine, HandlerLoadError, WorkerDiedError } from '../../src/index.ts'
import { MILLRACE, Modules, runProgram } from '../fixtures/program.ts'

test('a module that awaits what never comes is given up', async () => {
  using modules = new Modules()
  const file = modules.write('never.mjs', 'await new Promise(() => {})\nexport default {}')
  const rules = { delivery: 'at-least-once', pools: ['default'] } as const
  const error = await loadModule(
    { id: 1, module: file, url: pathToFileURL(file).href },
    rules,
    { workerId: 1 },
    50,
  ).catch((reason) => reason)
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error.message).toMatch(/never.mjs can't be loaded: not loaded within 50 ms/)
})

/** What is wrong, the module, what the error says, and what its cause says if there is one. */
const BROKEN: [string, string | undefined, RegExp, RegExp?][] = [
  ['a module that is missing', undefined, /can't be loaded/, /Cannot find module/],
  ['a syntax error', 'export default { a: () => {', /can't be loaded/, /Unexpected|Expected/],
  [
    'an import that is missing',
    "import './not-there.mjs'\nexport default {}",
    /can't be loaded/,
    /not-there/,
  ],
  [
    'a module that throws',
    "throw Object.assign(new RangeError('at load'), { code: 'E_LOAD' })",
    /at load/,
    /^at load$/,
  ],
  ['a module that rejects', "await Promise.reject(new Error('later'))", /later/, /^later$/],
  ['a module that throws null', 'throw null', /can't be loaded: null/],
  ['no default export', "export const handlers = { 'a.b': () => {} }", /no default export/],
  ['null by default', 'export default null', /no default export/],
  ['a function by default', 'export default () => {}', /no default export/],
  ['a list by default', 'export default [() => {}]', /no default export/],
  ['no handlers', 'export default {}', /exports no handlers/],
  ['text as a handler', "export default { 'a.b': 'c' }", /"a.b".*not a function/],
  ['null as a handler', "export default { 'a.b': null }", /"a.b".*not a function/],
  ['an object without handle', "export default { 'a.b': { name: 'x' } }", /"a.b".*not a function/],
  ['a name that is no text', "export default { 'a.b': { handle() {}, name: 5 } }", /name of handler "a.b"/],
  [
    'a filter that is none',
    "export default { 'a.b': { handle() {}, filter: true } }",
    /filter of handler "a.b"/,
  ],
  [
    'a scope that there is none of',
    "export default { 'a.b': { handle() {}, scope: 'all' } }",
    /The scope of handler "a.b"/,
  ],
  [
    'a setup that fails',
    "export const hooks = { setup() { throw new Error('no database') } }; export default { a() {} }",
    /setup of .* failed: no database/,
    /no database/,
  ],
  [
    'a setup that fails later',
    "export const hooks = { async setup() { throw new Error('no database') } }; export default { a() {} }",
    /setup of .* failed: no database/,
    /no database/,
  ],
  ['a bad pattern', "export default { 'a.[b': () => {} }", /at index/, /at index/],
  ['an empty pattern', "export default { '': () => {} }", /empty pattern/, /empty pattern/],
]

test.each(BROKEN)('%s is a HandlerLoadError, with a worker', async (_name, source, message, cause) => {
  using modules = new Modules()
  const file = source === undefined ? `${modules.folder}/missing.mjs` : modules.write('broken.mjs', source)
  const error = await createEngine({ workers: 1, handlers: file }).catch((reason) => reason)
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error).toMatchObject({ code: 'ERR_MILLRACE_HANDLER_LOAD', module: pathToFileURL(file).href })
  expect(error.message).toMatch(message)
  if (cause !== undefined) expect(error.cause.message).toMatch(cause)
})

test.each([0, 2])('the same in a process of its own, which ends by itself, workers: %d', async (workers) => {
  using modules = new Modules()
  const files = BROKEN.map(([, source], index) =>
    source === undefined ? `${modules.folder}/missing.mjs` : modules.write(`broken-${index}.mjs`, source),
  )
  const program = modules.write(
    'program.mjs',
    `import { createEngine } from ${JSON.stringify(MILLRACE)}
     for (const file of ${JSON.stringify(workers === 0 ? files : files.slice(0, 4))}) {
       const error = await createEngine({ workers: ${workers}, handlers: file }).catch((reason) => reason)
       console.log(JSON.stringify([error.code, error.message, error.cause?.message, error.cause?.name, error.cause?.code]))
     }`,
  )
  const { code, stdout, stderr } = await runProgram(program)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(workers === 0 ? BROKEN.length : 4)
  lines.forEach(([errorCode, message, cause], index) => {
    const [name, , expected, expectedCause] = BROKEN[index]!
    expect(errorCode, name).toBe('ERR_MILLRACE_HANDLER_LOAD')
    expect(message, name).toMatch(expected)
    if (expectedCause !== undefined) expect(cause, name).toMatch(expectedCause)
  })
  expect(lines[3]!.slice(3)).toEqual(['RangeError', 'E_LOAD'])
})

test('a module that ends its thread while it loads is a WorkerDiedError', async () => {
  using modules = new Modules()
  const file = modules.write('exits.mjs', 'process.exit(3)')
  const error = await createEngine({ workers: 1, handlers: file, onError: () => {} }).catch(
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(WorkerDiedError)
  expect(error.message).toMatch(/Worker 1 died.*code 3/)
})

test('a module that never yields while it loads is given up by the engine', async () => {
  using modules = new Modules()
  const file = modules.write('spins.mjs', 'for (;;);')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const engine = createEngine({ workers: 1, handlers: file }).catch((reason) => reason)
    vi.advanceTimersByTime(69_000)
    expect(await Promise.race([engine, 'still loading'])).toBe('still loading')
    vi.advanceTimersByTime(2_000)
    const error = await engine
    expect(error).toBeInstanceOf(HandlerLoadError)
    expect(error.message).toMatch(/Worker 1 has not loaded its handlers within 70000 ms/)
  } finally {
    vi.useRealTimers()
  }
})

describe.each([0, 1])('workers: %d', (workers) => {
  const HANDLE = "'a.b': (event, ctx) => { ctx.publish('a.done', event.data) }"

  test.each([
    ['handlers.mjs', `export default { ${HANDLE} }`],
    ['handlers.js', `export default { ${HANDLE} }`],
    ['handlers.cjs', `module.exports = { ${HANDLE} }`],
    [
      'compiled.cjs',
      `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = { ${HANDLE} }`,
    ],
    [
      'handlers.ts',
      `import { defineHandlers } from ${JSON.stringify(MILLRACE)}
       type Events = { 'a.b': { n: number }; 'a.done': { n: number } }
       export default defineHandlers<Events>({ ${HANDLE} })`,
    ],
    [
      'handlers.mts',
      `export default { 'a.b': (event: any, ctx: any) => { ctx.publish('a.done', event.data as {}) } }`,
    ],
  ])('%s', async (name, source) => {
    using modules = new Modules()
    const file = modules.write(name, source)
    for (const handlers of [file, pathToFileURL(file), pathToFileURL(file).href]) {
      await using engine = await createEngine({ workers, handlers })
      const done = engine.subscribe('a.done')
      engine.publish('a.b', { n: 5 })
      expect((await done.receive({ timeoutMs: 10_000 }))?.data).toEqual({ n: 5 })
    }
  })

  test('several modules, each with its handlers, in their order', async () => {
    using modules = new Modules()
    const files = [1, 2].map((n) =>
      modules.write(`m${n}.mjs`, `export default { 'a.b': { name: 'h${n}', handle() {} }, 'c.*': () => {} }`),
    )
    await using engine = await createEngine({ workers, handlers: files })
    engine.publish('a.b', 1)
    await engine.drain()
    expect(engine.stats().handlers.map(({ name, succeeded }) => [name, succeeded])).toEqual([
      ['h1', 1],
      ['c.*', 0],
      ['h2', 1],
      ['c.*', 0],
    ])
  })

  test('a handler object keeps its this', async () => {
    using modules = new Modules()
    const source = "export default { 'a.b': { n: 7, handle(event, ctx) { ctx.publish('a.done', this.n) } } }"
    await using engine = await createEngine({ workers, handlers: modules.write('this.mjs', source) })
    const done = engine.subscribe('a.done')
    engine.publish('a.b', 1)
    expect((await done.receive({ timeoutMs: 10_000 }))?.data).toBe(7)
  })
})

test('a path is relative to the working directory', async () => {
  const file = fileURLToPath(new URL('../fixtures/failing.ts', import.meta.url))
  const { relative } = await import('node:path')
  await using engine = await createEngine({ workers: 1, handlers: relative(process.cwd(), file) })
  expect(engine.stats().handlers.length).toBeGreaterThan(3)
})
