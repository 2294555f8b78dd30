import { existsSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ClosedError, createEngine, type Engine, TimeoutError } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'
import { MILLRACE, Modules, runProgram } from '../fixtures/program.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  test('close handles what was accepted, and reports', async () => {
    const engine = await createEngine({ workers, handlers })
    engine.publishBatch(
      Array.from({ length: 500 }, (_, data) => ({ type: 'work.n', data, key: `k${data % 9}` })),
    )
    const report = await engine.close()
    expect(report).toMatchObject({
      drained: true,
      ledger: { accepted: 500, completed: 500, pending: 0, balanced: true },
    })
    expect(await engine.close({ timeoutMs: 1 })).toBe(report)
    expect(engine.stats()).toMatchObject({ completed: 500, balanced: true })
  })

  test('handlers publish while the engine closes, and what they publish is handled', async () => {
    const engine = await createEngine({ workers, handlers: new URL('../fixtures/relay.ts', import.meta.url) })
    for (let number = 0; number < 10; number++) engine.publish('relay.first', number)
    const closing = engine.close()
    expect(() => engine.publish('relay.first', 1)).toThrow(ClosedError)
    expect(await closing).toMatchObject({
      drained: true,
      ledger: { accepted: 30, completed: 30, deadLettered: 0 },
    })
  })

  test('what a handler holds beyond the time is left, and said so', async () => {
    const engine = await createEngine({ workers, handlers })
    using gate = new Gate(engine)
    await gate.hold('k')
    engine.publish('work.n', 1, { key: 'k' })
    const { drained, ledger } = await engine.close({ timeoutMs: 20 })
    expect(drained).toBe(false)
    expect(ledger).toMatchObject({ pending: 2, balanced: true })
  })

  test('a drain that waits, and one that comes later, end with a ClosedError when the engine leaves events', async () => {
    const engine = await createEngine({ workers, handlers })
    using gate = new Gate(engine)
    await gate.hold('k')
    const waiting = expect(engine.drain()).rejects.toThrow(ClosedError)
    await engine.close({ timeoutMs: 20 })
    await waiting
    await expect(engine.drain()).rejects.toThrow(ClosedError)
  })

  test('await using closes', async () => {
    let outer: Engine
    {
      await using engine = await createEngine({ workers, handlers })
      engine.publish('work.n', 1)
      outer = engine
    }
    expect(outer.stats()).toMatchObject({ completed: 1, pending: 0 })
    expect(() => outer.publish('work.n', 1)).toThrow(ClosedError)
  })

  test('drain: at once if nothing is pending, else when the last event is done', async () => {
    await using engine = await createEngine({ workers, handlers })
    await engine.drain()
    using gate = new Gate(engine)
    await gate.hold('k')
    await expect(engine.drain({ timeoutMs: 10 })).rejects.toThrow(TimeoutError)
    const reason = new Error('no longer')
    await expect(engine.drain({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const aborted = expect(engine.drain({ signal: controller.signal })).rejects.toBe(reason)
    const drains = Promise.all([engine.drain(), engine.drain({ timeoutMs: 60_000 })])
    controller.abort(reason)
    await aborted
    gate.open()
    await drains
    expect(engine.stats().pending).toBe(0)
  })

  test('the ledger balances whenever it is looked at, also while all is moving', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096, onFull: 'drop-newest' })
    using subscription = engine.subscribe('work.a', { capacity: 10 })
    let last = 0
    for (let round = 0; round < 300; round++) {
      for (let n = 0; n < 20; n++) {
        engine.publish(['work.a', 'nobody.here'][n % 2]!, n, n % 3 === 0 ? {} : { key: `k${n}` })
      }
      const { accepted, completed, unmatched, dropped, expired, deadLettered, pending, balanced } =
        engine.stats()
      expect(balanced).toBe(true)
      expect(completed + unmatched + dropped + expired + deadLettered + pending).toBe(accepted)
      expect(pending).toBeGreaterThanOrEqual(0)
      expect(accepted).toBe(last + 20)
      last = accepted
      if (round % 10 === 0) await turn()
    }
    await engine.drain()
    const { completed, unmatched, dropped, handlers: each, workers: threads } = engine.stats()
    expect(completed + unmatched + dropped).toBe(6_000)
    expect(each.find(({ name }) => name === 'work.**')).toMatchObject({
      matched: completed,
      succeeded: completed,
      pending: 0,
    })
    expect(threads.reduce((sum, { dispatched }) => sum + dispatched, 0)).toBe(completed + unmatched)
    expect(subscription.stats()).toMatchObject({ matched: completed, queued: 10, dropped: completed - 10 })
  })

  test.each<[string, string, string]>([
    ['closes', 'await engine.close()', ''],
    [
      'closes while a handler never settles',
      "engine.publish('work.stuck', 1); await engine.close({ timeoutMs: 50 })",
      '',
    ],
    [
      'closes while it drains, receives and sends',
      `engine.publish('work.stuck', 1, { key: 'k' })
       const ended = Promise.allSettled([engine.drain(), engine.subscribe('a.*').receive()])
       await engine.close({ timeoutMs: 50 })
       console.log((await ended).map(({ status }) => status).join())`,
      'rejected,fulfilled',
    ],
    [
      'receives in time and closes',
      "await engine.subscribe('a.*').receive({ timeoutMs: 10 }); await engine.close()",
      '',
    ],
    ['attaches itself and closes', "attach(engine.connect()).publish('work.a', 1); await engine.close()", ''],
  ])('a program that %s exits by itself', async (_name, body, output) => {
    using modules = new Modules()
    const own = modules.write(
      'handlers.mjs',
      "export default { 'work.stuck': () => new Promise(() => {}), 'work.a': () => {} }",
    )
    const program = modules.write(
      'program.mjs',
      `import { attach, createEngine } from ${JSON.stringify(MILLRACE)}
       const engine = await createEngine({ workers: ${workers}, handlers: ${JSON.stringify(own)} })
       void attach
       ${body}`,
    )
    expect(await runProgram(program)).toEqual({
      code: 0,
      signal: null,
      stdout: output && `${output}\n`,
      stderr: '',
    })
  })
})

test.each([0, 1])('what a closed engine has left is named: %d workers', async (workers) => {
  const engine = await createEngine({ workers, handlers, lanes: 1 })
  const gate = new Gate(engine)
  await gate.hold('k')
  // Dealt with, in the same lane, behind one that is not: at the latest when the next one is handled.
  await engine.request('work.other', 1, { key: 'z' })
  await engine.request('work.later', 1, { key: 'z' })
  const bytes = new Uint8Array([1, 2, 3])
  for (let n = 0; n < 3; n++) engine.publish('work.behind', { n }, { key: 'k', metadata: { n } })
  engine.publish('work.bytes', bytes, { key: 'k' })
  const { drained, left: all, ledger } = await engine.close({ timeoutMs: 0 })
  expect(drained).toBe(false)
  expect(all).toHaveLength(ledger.pending)
  const left = all.filter(({ type }) => type !== 'work.later')
  expect(left.map(({ type, key, attempt }) => [type, key, attempt])).toEqual([
    ['gate.hold', 'k', 1],
    ['work.behind', 'k', 0],
    ['work.behind', 'k', 0],
    ['work.behind', 'k', 0],
    ['work.bytes', 'k', 0],
  ])
  expect(left.slice(1, 4).map(({ data, metadata }) => [data.n, metadata!.n])).toEqual([
    [0, 0],
    [1, 1],
    [2, 2],
  ])
  expect(left[4]!.data).toEqual(bytes)
  gate.open()
})

test('what a worker prints at its end is not lost with its thread', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'talk.mjs',
    `export default { 'a.b': () => {} }
     export const hooks = { laneLost() { for (let i = 0; i < 500; i++) console.log(i) } }`,
  )
  const program = modules.write(
    'program.mjs',
    `import { createEngine } from ${JSON.stringify(MILLRACE)}
     const engine = await createEngine({ workers: 1, handlers: ${JSON.stringify(handlers)} })
     engine.publish('a.b', 1, { key: 'k' })
     await engine.close()`,
  )
  const { stdout } = await runProgram(program)
  expect(stdout.trim().split('\n').map(Number)).toEqual(Array.from({ length: 500 }, (_, i) => i))
})

test.each([
  ['minds ctx.cancelled', 'if (ctx.cancelled) return'],
  ['minds ctx.signal', 'if (ctx.signal.aborted) return'],
  ['throws when it is told', 'ctx.signal.throwIfAborted()'],
])(
  'once close has given up, nothing begins any more, and what has given up is left: a handler that %s',
  async (_, minds) => {
    using modules = new Modules()
    const handlers = modules.write(
      'works.mjs',
      `export default {
       quick: () => {},
       work: (_event, ctx) => {
         for (const end = performance.now() + 1_000; performance.now() < end; ) ${minds}
         ctx.publish('done')
       },
     }`,
    )
    const engine = await createEngine({ workers: 1, handlers })
    // Batches grow with quick events.
    for (let i = 0; i < 20_000; i++) await engine.send('quick', i, { key: 'k' })
    await engine.drain()
    for (let i = 0; i < 100; i++) engine.publish('work', i, { key: 'k' })
    const { left, ledger } = await engine.close({ timeoutMs: 50 })
    expect(left.map(({ data, attempt }) => [data, attempt])).toEqual(
      Array.from({ length: 100 }, (_, i) => [i, i === 0 ? 1 : 0]),
    )
    expect(ledger).toMatchObject({ completed: 20_000, pending: 100, deadLettered: 0, balanced: true })
  },
)

test('a handler that fails since the engine is closed is left, and no dead letter', async () => {
  using modules = new Modules()
  const handlers = modules.write(
    'late.mjs',
    `export default { late: (_event, ctx) => {
       for (const end = performance.now() + 300; performance.now() < end; );
       ctx.publish('done')
     } }`,
  )
  const engine = await createEngine({ workers: 1, handlers })
  for (let i = 0; i < 3; i++) engine.publish('late', i, { key: 'k' })
  const { left, ledger } = await engine.close({ timeoutMs: 50 })
  expect(left.map(({ attempt }) => attempt)).toEqual([1, 0, 0])
  expect(ledger).toMatchObject({ pending: 3, deadLettered: 0, balanced: true })
  expect(engine.deadLetters.list()).toEqual([])
})

test('an event of several handlers: none is called after the engine has stopped, and it is left or a dead letter, not both', async () => {
  using modules = new Modules()
  const spin = 'for (const end = performance.now() + 400; performance.now() < end; );'
  const handlers = [
    modules.write(
      'one.mjs',
      `export default { slow: () => { ${spin} }, bad: () => { throw new Error('bad') } }`,
    ),
    modules.write(
      'other.mjs',
      `import { writeFileSync } from 'node:fs'
       export default {
         slow: () => writeFileSync(${JSON.stringify(`${modules.folder}/called`)}, ''),
         bad: () => { ${spin} },
       }`,
    ),
  ]
  for (const type of ['slow', 'bad']) {
    const engine = await createEngine({ workers: 1, handlers, onError: () => {} })
    engine.publish(type, 1)
    const { left, ledger } = await engine.close({ timeoutMs: 100 })
    const letters = engine.deadLetters.list()
    expect([type, left.length, letters.length]).toEqual([
      type,
      type === 'slow' ? 1 : 0,
      type === 'bad' ? 1 : 0,
    ])
    expect(ledger).toMatchObject({ pending: left.length, deadLettered: letters.length, balanced: true })
  }
  expect(existsSync(`${modules.folder}/called`)).toBe(false)
})
