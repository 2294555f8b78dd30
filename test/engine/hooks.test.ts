import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { createEngine, type EngineOptions, HandlerError, HandlerLoadError } from '../../src/index.ts'
import { leaseWord, type SharedMap } from '../../src/lane/map.ts'
import { Modules } from '../fixtures/program.ts'
import type { Line } from '../fixtures/tenant.ts'

const TENANT = JSON.stringify(new URL('../fixtures/tenant.ts', import.meta.url).href)

/** An engine whose module writes a log, which is read after the engine was closed. */
async function start(modules: Modules, mode: string, options: EngineOptions) {
  const log = modules.write('log', '')
  const handlers = modules.write(
    'tenant.mjs',
    `import { tenant } from ${TENANT}
     const { handlers, hooks } = tenant(${JSON.stringify(log)}, ${JSON.stringify(mode)})
     export { handlers as default, hooks }`,
  )
  const engine = await createEngine({ handlers, ...options })
  const read = (): Line[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { engine, read }
}

/** What the log says of each lane. */
function byLane(lines: readonly Line[]): Line[][] {
  return [...Map.groupBy(lines, ({ lane }) => lane).entries()]
    .filter(([lane]) => lane !== undefined)
    .map(([, own]) => own)
}

describe.each([0, 1, 2])('workers: %d', (workers) => {
  test('a sticky lane is gained before its first event, by one worker, and lost when the engine closes', async () => {
    using modules = new Modules()
    const { engine, read } = await start(modules, 'plain', { workers, lanes: 8 })
    for (let i = 0; i < 200; i++) engine.publish('tenant.work', i, { key: `k${i % 50}` })
    engine.publish('tenant.work', 'free')
    await engine.drain()
    expect(read().filter(({ what }) => what === 'lost')).toEqual([])
    await engine.close()
    const lines = read()
    const lanes = byLane(lines)
    expect(lanes).toHaveLength(8)
    for (const own of lanes) {
      expect(own.filter(({ what }) => what !== 'handled').map(({ what }) => what)).toEqual(['gained', 'lost'])
      expect([own[0]!.what, own.at(-1)!.what]).toEqual(['gained', 'lost'])
      expect(new Set(own.map(({ workerId }) => workerId)).size).toBe(1)
    }
    // A key has one lane.
    const lanesOf = Map.groupBy(
      lines.filter(({ what, data }) => what === 'handled' && data !== 'free'),
      ({ data }) => (data as number) % 50,
    )
    for (const own of lanesOf.values()) expect(new Set(own.map(({ lane }) => lane)).size).toBe(1)
    expect(lines.filter(({ what, lane }) => what === 'handled' && lane === undefined)).toEqual([
      expect.objectContaining({ data: 'free' }),
    ])
  })
})

test.each(['tenant.work', 'tenant.later'])(
  'balanced: nothing is handled before a hook has settled, and no other gains what is not yet lost, %s',
  async (type) => {
    using modules = new Modules()
    const { engine, read } = await start(modules, 'slow', { workers: 2, lanes: 2, affinity: 'balanced' })
    for (let i = 0; i < 300; i++) {
      await engine.send(type, i, { key: `k${i % 10}` })
      if (i % 50 === 49) await engine.drain()
    }
    await engine.drain()
    const { shape, control } = (engine as unknown as { map: SharedMap }).map
    const words = new Int32Array(control)
    const leases = () => [0, 1].map((lane) => words[leaseWord(shape, lane)])
    await vi.waitFor(() => expect(leases()).toEqual([0, 0]))
    await engine.close()
    const lanes = byLane(read())
    expect(lanes).toHaveLength(2)
    for (const own of lanes) {
      // Who has it, and since when it has been told.
      let holder: number | undefined
      let settled = false
      for (const { what, workerId } of own) {
        if (what === 'gained') expect([what, holder]).toEqual([what, undefined])
        else expect([what, holder]).toEqual([what, workerId])
        expect([what, settled]).toEqual([what, what === 'handled' || what === 'lost'])
        if (what === 'gained') holder = workerId
        if (what === 'lost well') holder = undefined
        if (what === 'gained well') settled = true
        if (what === 'lost') settled = false
      }
      expect(holder).toBeUndefined()
    }
    expect(lanes.flat().filter(({ what }) => what === 'handled')).toHaveLength(300)
  },
)

test('a worker that has died has lost nothing; the one in its place gains its lanes', async () => {
  using modules = new Modules()
  const { engine, read } = await start(modules, 'plain', { workers: 1, lanes: 1, onError: () => {} })
  engine.publish('tenant.work', 1, { key: 'k' })
  engine.publish('tenant.exit', undefined, { key: 'k' })
  engine.publish('tenant.work', 2, { key: 'k' })
  await engine.drain()
  await engine.close()
  expect(read().map(({ what }) => what)).toEqual(['gained', 'handled', 'gained', 'handled', 'lost'])
})

test('each attempt of a handler knows its lane', async () => {
  using modules = new Modules()
  const { engine, read } = await start(modules, 'plain', { workers: 1, lanes: 1 })
  engine.publish('tenant.retried', 1, { key: 'k' })
  await engine.drain()
  await engine.close()
  const lines = read().filter(({ what }) => what.startsWith('attempt'))
  expect(lines.map(({ what, lane }) => [what, lane])).toEqual([
    ['attempt 1', 0],
    ['attempt 2', 0],
  ])
})

test.each([
  ['throwing', 0],
  ['rejecting', 0],
  ['throwing', 1],
  ['rejecting', 1],
])(
  'hooks that fail are told of, and keep nothing from being handled: %s, workers: %d',
  async (mode, workers) => {
    using modules = new Modules()
    const errors: unknown[] = []
    const { engine, read } = await start(modules, mode, {
      workers,
      lanes: 1,
      onError: (error) => errors.push(error),
    })
    engine.publish('tenant.work', 1, { key: 'k' })
    await engine.drain()
    await engine.close()
    expect(read().map(({ what }) => what)).toEqual(['gained', 'handled', 'lost'])
    expect(errors[0]).toBeInstanceOf(HandlerError)
    expect(errors).toMatchObject([
      {
        message: 'The hook laneGained failed for lane 0: told of 0',
        handler: 'laneGained',
        cause: { name: 'RangeError' },
      },
      { message: 'The hook laneLost failed for lane 0: told of 0', handler: 'laneLost' },
    ])
  },
)

test.each([
  ['5', /hooks of .* are not an object/],
  ['{ laneWon() {} }', /no hook .* "laneWon"/],
  ['{ laneGained: 5 }', /hook laneGained of .* is not a function/],
])('hooks that are %s are refused', async (hooks, message) => {
  using modules = new Modules()
  const handlers = modules.write(
    'broken.mjs',
    `export default { 'a.b': () => {} }\nexport const hooks = ${hooks}`,
  )
  const error = await createEngine({ workers: 1, handlers }).catch((reason) => reason)
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error.message).toMatch(message)
})

test.each([
  ['laneGained', 0],
  ['laneLost', 0],
  ['laneGained', 1],
  ['laneLost', 1],
])(
  'a hook that never settles does not keep the engine from closing: %s, workers: %d',
  async (hook, workers) => {
    using modules = new Modules()
    const handlers = modules.write(
      'never.mjs',
      `export default { 'a.b': () => {} }
     export const hooks = { ${hook}: () => new Promise(() => {}) }`,
    )
    const engine = await createEngine({ workers, handlers })
    engine.publish('a.b', 1, { key: 'k' })
    const { left, ledger } = await engine.close({ timeoutMs: 100 })
    expect(left).toHaveLength(hook === 'laneGained' ? 1 : 0)
    expect(ledger.balanced).toBe(true)
  },
)

test('balanced: a lane that is only looked at is not gained, and one that has nothing left is given back', async () => {
  using modules = new Modules()
  const { engine, read } = await start(modules, 'slow', { workers: 2, lanes: 8, affinity: 'balanced' })
  // From now on workers look into the tables of all lanes.
  engine.publish('tenant.work', 1, { key: 'k', onFull: 'coalesce' })
  await engine.drain()
  const { shape, control } = (engine as unknown as { map: SharedMap }).map
  const words = new Int32Array(control)
  const leases = () => Array.from({ length: 8 }, (_, lane) => words[leaseWord(shape, lane)])
  await vi.waitFor(() => expect(leases()).toEqual(new Array(8).fill(0)))
  await engine.close()
  expect(byLane(read())).toHaveLength(1)
})

test('sticky: a lane that is looked through when somebody begins to overwrite is not gained for that', async () => {
  using modules = new Modules()
  const { engine, read } = await start(modules, 'plain', { workers: 1, lanes: 8 })
  engine.publish('tenant.relayed', 1, { key: 'k', onFull: 'coalesce' })
  await engine.drain()
  await engine.close()
  expect(read().map(({ what }) => what)).toEqual(['gained', 'handled', 'lost'])
})

describe.each([0, 2])('setup and teardown, workers: %d', (workers) => {
  const threads = workers === 0 ? [0] : [1, 2]

  /** A module that writes down what it is told, one line each. */
  function logging(modules: Modules, name: string, hooks: string): { module: string; read: () => string[] } {
    const log = modules.write(`${name}.log`, '')
    const module = modules.write(
      `${name}.mjs`,
      `import { appendFileSync } from 'node:fs'
       import { setTimeout } from 'node:timers/promises'
       const say = (text) => appendFileSync(${JSON.stringify(log)}, text + '\\n')
       let state
       export const hooks = { ${hooks} }
       export default { '${name}.work': (event, ctx) => say('work ' + ctx.workerId + ' ' + state) }`,
    )
    return { module, read: () => readFileSync(log, 'utf8').split('\n').filter(Boolean) }
  }

  test('a worker is set up before its first event, and torn down after its last', async () => {
    using modules = new Modules()
    const { module, read } = logging(
      modules,
      'a',
      `async setup({ workerId }) { await setTimeout(20); say('up ' + workerId); state = 'ready' },
       async teardown({ workerId }) { await setTimeout(20); say('down ' + workerId) },
       laneLost: () => say('lost')`,
    )
    const engine = await createEngine({ workers, handlers: module })
    expect(read().sort()).toEqual(threads.map((thread) => `up ${thread}`))
    for (let i = 0; i < 20; i++) engine.publish('a.work', i, { key: `k${i}` })
    await engine.drain()
    await engine.close()
    const lines = read()
    expect(lines.filter((line) => line.startsWith('work'))).toHaveLength(20)
    for (const line of lines.filter((line) => line.startsWith('work'))) expect(line).toMatch(/ready$/)
    expect(lines.filter((line) => line.startsWith('down')).sort()).toEqual(
      threads.map((thread) => `down ${thread}`),
    )
    expect(lines.at(-1)).toMatch(/^down/)
    expect(lines.indexOf('lost')).toBeLessThan(lines.findIndex((line) => line.startsWith('down')))
  })

  test('a teardown that fails is told, and the others are called', async () => {
    using modules = new Modules()
    const other = logging(modules, 'other', "teardown: () => say('down')")
    const failing = logging(modules, 'failing', "teardown: () => { throw new Error('stays open') }")
    const errors: unknown[] = []
    const engine = await createEngine({
      workers,
      handlers: [other.module, failing.module],
      onError: (error) => errors.push(error),
    })
    await engine.close()
    expect(errors).toHaveLength(threads.length)
    expect(errors[0]).toMatchObject({ handler: 'teardown', message: 'The hook teardown failed: stays open' })
    expect(other.read()).toHaveLength(threads.length)
  })
})

test('a worker that takes the place of a dead one is set up, too', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'again.mjs',
    `let isUp = false
     export const hooks = { setup: () => { isUp = true } }
     export default { die: (event, ctx) => { if (ctx.attempt === 1) process.exit(1) }, ask: () => isUp }`,
  )
  await using engine = await createEngine({ workers: 1, handlers, onError: () => {} })
  await engine.request('die')
  expect(await engine.request('ask')).toBe(true)
})
