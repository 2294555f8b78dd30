import { getEventListeners } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import {
  ClosedError,
  createEngine,
  type Engine,
  type EngineOptions,
  FullError,
  OptionsError,
  TimeoutError,
  UnansweredError,
  WorkerDiedError,
} from '../../src/index.ts'
import { attached } from '../fixtures/attached.ts'
import { MILLRACE, Modules, runProgram } from '../fixtures/program.ts'

const handlers = new URL('../fixtures/asking.ts', import.meta.url)
const again = new URL('../fixtures/asking-again.ts', import.meta.url)

const start = (options: EngineOptions) => createEngine({ handlers, onError: () => {}, ...options })

function statsOf(engine: Engine, handler: string) {
  return engine.stats().handlers.find(({ name }) => name === handler)
}

describe.each([0, 1, 2])('workers: %d', (workers) => {
  test('what its handler returns, at once or later, is the answer', async () => {
    await using engine = await start({ workers })
    expect(await engine.request('add', { a: 1, b: 2 })).toBe(3)
    expect(await engine.request('nothing')).toBeUndefined()
    expect(await engine.request('later', { value: ['it', { came: new Map([[1, 2n]]) }] })).toEqual([
      'it',
      { came: new Map([[1, 2n]]) },
    ])
    const bytes = await engine.request('echo', new Uint8Array([1, 2, 3]), { key: 'k' })
    expect(bytes).toEqual(new Uint8Array([1, 2, 3]))
    expect((bytes as Uint8Array).buffer).toBeInstanceOf(ArrayBuffer)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 4, pending: 0, balanced: true })
  })

  test('many at once: each gets its own', async () => {
    await using engine = await start({ workers })
    const answers = await Promise.all(
      Array.from({ length: 2_000 }, (_, a) =>
        a % 3 === 0 ? engine.request('later', { value: a }) : engine.request('add', { a, b: 0 }),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 2_000 }, (_, a) => a))
  })

  test('what its handler throws arrives with name, message, stack, cause and own fields', async () => {
    await using engine = await start({ workers })
    const error = await engine.request('fails').catch((error) => error)
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: 'out of range', code: 'E_RANGE', limits: [1, 2] })
    expect(error.cause).toMatchObject({ message: 'why' })
    expect(error.stack).toContain('asking.ts')
    expect('callback' in error).toBe(false)
    expect(await engine.request('fails', 'value').catch((error) => error)).toEqual({ not: 'an error' })
    expect(await engine.request('fails', 'proxy').catch((error) => error)).toMatchObject({
      message: 'unreadable error',
    })
    await engine.drain()
    // Whoever asked has the error: it is no dead letter.
    expect(engine.stats()).toMatchObject({ completed: 3, deadLettered: 0, balanced: true })
    expect(statsOf(engine, 'fails')).toMatchObject({ matched: 3, rejected: 3, deadLettered: 0 })
  })

  test('of an error that finds no room, name and message arrive', async () => {
    await using engine = await start({ workers, ringBytes: 1_024 })
    for (const data of ['plain', 'wide']) {
      const error = await engine.request('fails', data).catch((error) => error)
      expect(error).toBeInstanceOf(RangeError)
      expect(error.message).toBe(data === 'wide' ? '漢'.repeat(32) : 'out of range')
    }
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 2, deadLettered: 0, balanced: true })
  })

  test('an answer that can not be sent is an error', async () => {
    await using engine = await start({ workers, blockBytes: 0 })
    await expect(engine.request('unsendable')).rejects.toMatchObject({ code: 'ERR_MILLRACE_ENCODE' })
    await expect(engine.request('huge', 200_000)).rejects.toMatchObject({ name: /Error$/ })
    expect(await engine.request('huge', 100_000)).toHaveLength(100_000)
  })

  test('nobody to answer is an error at once', async () => {
    await using engine = await start({ workers })
    const subscription = engine.subscribe('unknown')
    for (const topic of ['unknown', 'two.refused', 'unheard.of']) {
      const error = await engine.request(topic, 1, { timeoutMs: 60_000 }).catch((error) => error)
      expect(error).toBeInstanceOf(UnansweredError)
      expect(error).toMatchObject({ code: 'ERR_MILLRACE_UNANSWERED', reason: 'no-handler' })
    }
    expect((await subscription.receive())?.data).toBe(1)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 2, unmatched: 1, balanced: true })
  })

  test('of several handlers the first that wants it answers, and all have the event', async () => {
    await using engine = await start({ workers })
    const audited = engine.subscribe('audited')
    expect(await engine.request('two.audited', 'any')).toBe('second')
    expect(await engine.request('two.audited', 'picky')).toBe('picky')
    const events = [await audited.receive(), await audited.receive()]
    expect(events.map((event) => event?.data)).toEqual(['any', 'picky'])
  })

  test('policies of the handler come first', async () => {
    await using engine = await start({ workers, handlers: [handlers, again] })
    expect(await engine.request('retried')).toBe(3)
    await expect(engine.request('late')).rejects.toMatchObject({ code: 'ERR_MILLRACE_TIMEOUT' })
  })

  test('a caller that goes is told to the handler', async () => {
    await using engine = await start({ workers })
    const gaveUp = engine.subscribe('gave-up')
    await expect(engine.request('cancelled', 1, { timeoutMs: 500 })).rejects.toThrow(TimeoutError)
    expect((await gaveUp.receive())?.data).toEqual({ cancelled: true })
    const controller = new AbortController()
    const request = engine.request('cancelled', 1, { signal: controller.signal })
    await vi.waitFor(() => expect(statsOf(engine, 'cancelled')?.pending).toBe(1))
    controller.abort(new Error('changed my mind'))
    await expect(request).rejects.toThrow('changed my mind')
    expect(await engine.request('echo', 1, { signal: controller.signal }).catch(() => 'aborted')).toBe(
      'aborted',
    )
    expect((await gaveUp.receive())?.data).toEqual({ cancelled: true })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test('a signal is let go when the answer has come', async () => {
    await using engine = await start({ workers })
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 5 }, () => engine.request('echo', 1, { signal })))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('handlers that ask each other go on, whatever their keys, and however deep', async () => {
    await using engine = await start({ workers, lanes: 2 })
    for (const key of [undefined, 'the same']) {
      const data = { n: 12, topics: ['count.there', 'count.here'], key }
      const all = Array.from({ length: 100 }, () => engine.request('count.here', data, { key }))
      expect(await Promise.all(all)).toEqual(new Array(100).fill(12))
    }
  })

  test('what an expired or repeated request is answered', async () => {
    await using engine = await start({ workers, delivery: 'effectively-once' })
    await expect(engine.request('echo', 1, { ttlMs: -1 as never })).rejects.toThrow()
    expect(await engine.request('echo', 1, { id: 'one' })).toBe(1)
    await engine.drain()
    await expect(engine.request('echo', 1, { id: 'one' })).rejects.toMatchObject({ reason: 'duplicate' })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 1, droppedBy: { duplicate: 1 }, balanced: true })
  })

  test('options are checked before anything is asked', async () => {
    await using engine = await start({ workers })
    await expect(engine.request('echo', 1, { timeoutMs: -1 })).rejects.toThrow(OptionsError)
    await expect(engine.request('echo', 1, { onFull: 'drop-oldest' as never })).rejects.toThrow(OptionsError)
    await expect(engine.request('not a topic!*', 1)).rejects.toMatchObject({
      code: 'ERR_MILLRACE_INVALID_EVENT',
    })
    await expect(engine.request('echo', () => {})).rejects.toMatchObject({ code: 'ERR_MILLRACE_ENCODE' })
    expect(engine.stats().accepted).toBe(0)
  })

  test('an engine that closes rejects what it has not answered', async () => {
    const engine = await start({ workers })
    const request = engine.request('cancelled')
    const closed = expect(request).rejects.toThrow(ClosedError)
    const { left } = await engine.close({ timeoutMs: 50 })
    await closed
    expect(left).toHaveLength(1)
    await expect(engine.request('echo')).rejects.toThrow(ClosedError)
  })
})

test('a request whose caller has gone before it began is not handled', async () => {
  // The other worker says what the first one is doing.
  await using engine = await start({ workers: 2, lanes: 1 })
  const looping = engine.subscribe('looping')
  const controller = new AbortController()
  const loop = engine.request('loop', 1, { key: 'k', signal: controller.signal })
  const stopped = expect(loop).rejects.toThrow('stop')
  await looping.receive()
  await expect(engine.request('add', { a: 1, b: 2 }, { key: 'k', timeoutMs: 10 })).rejects.toThrow(
    TimeoutError,
  )
  controller.abort(new Error('stop'))
  await stopped
  await engine.drain()
  expect(statsOf(engine, 'add')).toMatchObject({ succeeded: 0, dropped: 1, pending: 0 })
  expect(engine.stats()).toMatchObject({ expired: 1, balanced: true })
})

test('a loop that never yields sees that its caller has gone', async () => {
  await using engine = await start({ workers: 2 })
  const [looping, gaveUp] = [engine.subscribe('looping'), engine.subscribe('gave-up')]
  const request = engine.request('loop', 1, { timeoutMs: 200 })
  const late = expect(request).rejects.toThrow(TimeoutError)
  await looping.receive()
  await late
  expect((await gaveUp.receive({ timeoutMs: 10_000 }))?.data).toEqual({ cancelled: true })
})

test('a worker that dies: the request is handled again, until that has happened too often', async () => {
  await using engine = await start({ workers: 1, redeliveries: 1 })
  expect(await engine.request('dies')).toBe(2)
  await expect(engine.request('kills')).rejects.toThrow(WorkerDiedError)
  await engine.drain()
  expect(engine.stats()).toMatchObject({ completed: 1, deadLettered: 1, balanced: true })
})

test('at most once, it is an error at once', async () => {
  await using engine = await start({ workers: 1, delivery: 'at-most-once' })
  await expect(engine.request('dies')).rejects.toThrow(WorkerDiedError)
  expect(await engine.request('add', { a: 1, b: 1 })).toBe(2)
})

test('a handler has the error of the worker that died of what it asked', async () => {
  await using engine = await start({ workers: 2, lanes: 2, redeliveries: 0 })
  const keys: string[] = []
  for (let i = 0; keys[1] === undefined || keys[2] === undefined; i++) {
    keys[await engine.request('where', undefined, { key: `${i}` })] = `${i}`
  }
  expect(await engine.request('asks', keys[2], { key: keys[1] })).toBe('WorkerDiedError')
})

test('a lane without room: the request waits, or is refused', async () => {
  await using engine = await start({ workers: 2, lanes: 1, ringBytes: 1_024 })
  const looping = engine.subscribe('looping')
  const controller = new AbortController()
  const loop = engine.request('loop', 1, { key: 'k', signal: controller.signal }).catch(() => {})
  await looping.receive()
  while (engine.publish('echo', 'x'.repeat(100), { key: 'k' }));
  await expect(engine.request('echo', 'x'.repeat(100), { key: 'k', onFull: 'reject' })).rejects.toThrow(
    FullError,
  )
  const waiting = engine.request('echo', 'waited', { key: 'k' })
  controller.abort()
  await loop
  expect(await waiting).toBe('waited')
})

test('more answers than their ring has room for: all arrive', async () => {
  await using engine = await start({ workers: 1, ringBytes: 4_096 })
  const text = 'y'.repeat(1_000)
  const requests = Array.from({ length: 200 }, () => engine.request('echo', text))
  expect(new Set(await Promise.all(requests))).toEqual(new Set([text]))
})

test('threads of the application ask, too', async () => {
  const engine = await start({ workers: 1 })
  const { thread, ask } = await attached(engine)
  expect(await ask('request', 'add', { a: 20, b: 22 })).toMatchObject({ result: 42 })
  expect(await ask('request', 'unheard.of')).toMatchObject({ code: 'ERR_MILLRACE_UNANSWERED' })
  await thread.terminate()
  await engine.close()
})

test('a thread that dies with answers that it has not taken holds nobody up', async () => {
  const engine = await start({ workers: 1, ringBytes: 4_096, attachable: 1 })
  const { thread, ask } = await attached(engine)
  // It asks for far more than the ring of its answers has room for, and never looks at them.
  expect(await ask('askAndBlock', 'huge', 1_500, 8)).toMatchObject({ result: 'blocked' })
  await vi.waitFor(() => expect(statsOf(engine, 'huge')?.succeeded).toBe(8))
  expect(engine.stats().pending).toBeGreaterThan(0)
  await thread.terminate()
  await engine.drain({ timeoutMs: 10_000 })
  expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  await engine.close()
})

test('a program whose attached thread has given up what it asked for ends by itself', async () => {
  using modules = new Modules()
  const program = modules.write(
    'asks.mjs',
    `import { attach, createEngine } from ${JSON.stringify(MILLRACE)}
     const engine = await createEngine({ workers: 1, handlers: ${JSON.stringify(handlers.href)} })
     const publisher = attach(engine.connect())
     await publisher.request('later', { ms: 500 }, { timeoutMs: 20 }).catch((error) => console.log(error.code))
     publisher.close()
     await engine.close({ timeoutMs: 10 })`,
  )
  expect(await runProgram(program)).toMatchObject({ code: 0, stdout: 'ERR_MILLRACE_TIMEOUT\n' })
})
