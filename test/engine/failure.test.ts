import { describe, expect, test } from 'vitest'
import { createEngine, HandlerError, type MillraceError } from '../../src/index.ts'
import { MILLRACE, Modules, runProgram } from '../fixtures/program.ts'

const handlers = new URL('../fixtures/failing.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  /** An engine, its dead letters, and what `onError` was told. */
  async function start(options: { ringBytes?: number } = {}) {
    const errors: MillraceError[] = []
    const engine = await createEngine({
      workers,
      handlers,
      onError: (error) => void errors.push(error),
      ...options,
    })
    const letters = engine.subscribe('millrace.dead-letter', { onFull: 'block' })
    return { engine, letters, errors }
  }

  test('a failure is a dead letter with handler, error, event and attempts', async () => {
    const { engine, letters, errors } = await start()
    engine.publish('fail.sync', 'error', { key: 'k', id: 'mine', metadata: { m: 1 } })
    const letter = (await letters.receive())!
    expect(letter.data).toMatchObject({
      handler: 'sync',
      attempts: 1,
      error: {
        name: 'TypeError',
        message: 'no sense in it',
        code: 'E_SENSE',
        stack: expect.stringContaining('failing.ts'),
      },
      event: { id: 'mine', event_type: 'fail.sync', data: 'error', metadata: { m: 1 } },
    })
    expect(letter.data.workerId).toBe(workers === 0 ? 0 : letter.data.workerId || -1)
    await engine.drain()
    await engine.close()
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(HandlerError)
    expect(errors[0]).toMatchObject({
      code: 'ERR_MILLRACE_HANDLER',
      handler: 'sync',
      cause: { name: 'TypeError', message: 'no sense in it', code: 'E_SENSE' },
    })
  })

  test('failures have been told to onError when a drain ends, and been timed', async () => {
    const { engine, errors } = await start()
    for (let i = 0; i < 10; i++) {
      engine.publish('fail.sync', `failure ${i}`)
      engine.publish('fine.work', i)
      await engine.drain()
      expect(errors).toHaveLength(i + 1)
    }
    expect(engine.stats().handlers.find(({ name }) => name === 'fine.*')!.p50Ms).toBeGreaterThan(0)
    await engine.close()
  })

  test('only a failure on a dead letter makes no letter', async () => {
    const { engine, letters } = await start()
    engine.publish('millrace.job', 1)
    expect((await letters.receive({ timeoutMs: 10_000 }))?.data).toMatchObject({ handler: 'job' })
    await engine.close()
  })

  test.each(['sync', 'async', 'thenable'])('anything may be thrown: %s', async (how) => {
    const { engine, letters } = await start()
    const expected: [string, { name: string; message: string | RegExp }][] = [
      ['proxy', { name: 'object', message: 'unreadable error' }],
      ['getters', { name: 'object', message: 'unreadable error' }],
      ['null', { name: 'object', message: 'null' }],
      ['undefined', { name: 'undefined', message: 'undefined' }],
      ['text', { name: 'string', message: 'just text' }],
      ['symbol', { name: 'symbol', message: 'Symbol(sym)' }],
      ['cyclic', { name: 'Error', message: 'round and round' }],
      ['long', { name: 'Error', message: /^x{4096}$/ }],
      ['object', { name: 'object', message: /./ }],
    ]
    for (const [what, { name, message }] of expected) {
      engine.publish(`fail.${how}`, what)
      const letter = (await letters.receive({ timeoutMs: 10_000 }))!
      expect(letter?.data, what).toMatchObject({
        handler: how,
        error: { name, message: typeof message === 'string' ? message : expect.stringMatching(message) },
        event: { data: what },
      })
    }
    await engine.drain()
    expect(engine.stats()).toMatchObject({ deadLettered: expected.length, pending: 0, balanced: true })
    await engine.close()
  })

  test('a then that can not be read, a filter that throws', async () => {
    const { engine, letters } = await start()
    engine.publish('fail.getter', 1)
    engine.publish('fail.filter', 1)
    const received = [(await letters.receive())!, (await letters.receive())!].map(({ data }) => data)
    expect(received.find(({ handler }) => handler === 'getter')?.error.message).toBe('no then')
    expect(received.find(({ handler }) => handler === 'filter')?.error.message).toBe('bad filter')
    await engine.drain()
    expect(engine.stats()).toMatchObject({ deadLettered: 2, balanced: true })
    await engine.close()
  })

  test('one handler of two fails: the event is dead-lettered, the other handler has had it', async () => {
    const { engine } = await start()
    engine.publish('fail.twice', 1)
    await engine.drain()
    const { handlers: each, deadLettered } = engine.stats()
    expect(deadLettered).toBe(1)
    expect(each.find(({ name }) => name === 'first')).toMatchObject({
      matched: 1,
      deadLettered: 1,
      succeeded: 0,
    })
    expect(each.find(({ name }) => name === 'beside')).toMatchObject({
      matched: 1,
      succeeded: 1,
      deadLettered: 0,
    })
    await engine.close()
  })

  test('a filter that says no: counted as filtered, the event is complete', async () => {
    const { engine } = await start()
    engine.publish('fail.none', 1)
    engine.publish('fail.none', 'pass')
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 2, deadLettered: 0, balanced: true })
    expect(engine.stats().handlers.find(({ name }) => name === 'beside')).toMatchObject({
      matched: 2,
      filtered: 1,
      succeeded: 1,
      pending: 0,
    })
    await engine.close()
  })

  test('a filter and its handler are of one object', async () => {
    const { engine } = await start()
    engine.publishBatch(['stop', 'pass'].map((data) => ({ type: 'fine.own', data })))
    await engine.drain()
    expect(engine.stats().handlers.find(({ name }) => name === 'own')).toMatchObject({
      filtered: 1,
      succeeded: 1,
    })
    await engine.close()
  })

  test('a filter that answers a promise has failed, whatever becomes of that', async () => {
    const { engine, letters } = await start()
    engine.publish('fail.promised')
    const letter = await letters.receive({ timeoutMs: 5_000 })
    expect(letter?.data).toMatchObject({ handler: 'promised', error: { name: 'TypeError' } })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ deadLettered: 1, balanced: true })
    await engine.close()
  })

  test('an event whose letter is larger than any event may be: the letter comes without its data', async () => {
    const { engine, letters } = await start({ ringBytes: 16_384 })
    engine.publish('fail.sync', 'x'.repeat(8_000))
    engine.publish('fail.async', 'y'.repeat(8_000))
    for (let i = 0; i < 2; i++) {
      const letter = await letters.receive({ timeoutMs: 5_000 })
      expect(letter?.data).toMatchObject({
        error: { name: 'Error' },
        event: { event_type: expect.stringMatching(/^fail/) },
      })
    }
    engine.publish('fine.a', 1)
    await engine.drain({ timeoutMs: 5_000 })
    expect(engine.stats()).toMatchObject({ deadLettered: 2, pending: 0, balanced: true })
    await engine.close()
  })

  test('data so deep that a letter around it is too deep', async () => {
    const { engine, letters } = await start()
    let deep: unknown = 'error'
    for (let level = 0; level < 100; level++) deep = [deep]
    engine.publish('fail.sync', deep)
    expect((await letters.receive({ timeoutMs: 5_000 }))?.data).toMatchObject({
      handler: 'sync',
      event: { event_type: 'fail.sync' },
    })
    await engine.drain({ timeoutMs: 5_000 })
    expect(engine.stats()).toMatchObject({ deadLettered: 1, pending: 0, balanced: true })
    await engine.close()
  })

  test('handlers that fail while the engine closes are counted, and it drains', async () => {
    const { engine } = await start()
    for (let i = 0; i < 50; i++) engine.publish('fail.async', 'error', { key: 'k' })
    const { drained, ledger } = await engine.close({ timeoutMs: 10_000 })
    expect(drained).toBe(true)
    expect(ledger).toMatchObject({ deadLettered: 50, pending: 0, balanced: true })
  })

  test('an onError that throws is an uncaught exception, and the engine goes on', async () => {
    using modules = new Modules()
    const program = modules.write(
      'program.mjs',
      `import { createEngine } from ${JSON.stringify(MILLRACE)}
       process.on('uncaughtException', ({ message }) => console.log(message))
       const engine = await createEngine({
         workers: ${workers},
         handlers: ${JSON.stringify(handlers.href)},
         onError: () => { throw new Error('of the application') },
       })
       engine.publish('fail.sync', 1)
       engine.publish('fine.a', 1)
       const { drained, ledger } = await engine.close()
       console.log(drained, ledger.completed, ledger.deadLettered)`,
    )
    const { code, stdout } = await runProgram(program)
    expect(stdout.trim().split('\n').sort()).toEqual(['of the application', 'true 1 1'])
    expect(code).toBe(0)
  })

  test('an engine whose policy is to reject has no room for letters: the failures are counted all the same', async () => {
    await using engine = await createEngine({
      workers,
      handlers,
      ringBytes: 16_384,
      onFull: 'reject',
      onError: () => {},
    })
    const letters = engine.subscribe('millrace.dead-letter', { onFull: 'block', capacity: 1 })
    for (let i = 0; i < 100; i++) {
      while (!engine.publish('fail.sync', 'long', { key: 'k', onFull: 'block' }))
        await letters.receive({ timeoutMs: 5 })
    }
    letters.unsubscribe()
    await engine.drain({ timeoutMs: 10_000 })
    expect(engine.stats()).toMatchObject({ deadLettered: 100, pending: 0, balanced: true })
  })
})
