import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test, vi } from 'vitest'
import {
  attach,
  CapabilityError,
  ClosedError,
  createEngine,
  type Engine,
  OptionsError,
} from '../../src/index.ts'
import { committingWord, type SharedMap } from '../../src/lane/map.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

/** A thread of the application, told what to do. */
class Thread {
  private readonly worker: Worker

  constructor(engine: Engine) {
    const workerData = { handle: engine.connect() }
    this.worker = new Worker(new URL('../fixtures/publisher.ts', import.meta.url), { workerData })
  }

  async do(action: string, ...args: unknown[]): Promise<{ result?: unknown; code?: string }> {
    const answer = once(this.worker, 'message')
    this.worker.postMessage({ action, args })
    return (await answer)[0]
  }

  /** The next thing that it says. */
  async next(): Promise<{ result?: unknown; code?: string }> {
    return (await once(this.worker, 'message'))[0]
  }

  terminate(): Promise<number> {
    return this.worker.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate()
  }
}

describe.each([0, 2])('workers: %d', (workers) => {
  test('another thread publishes in every way, in its order', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 4_096 })
    const subscription = engine.subscribe('work.**', { onFull: 'block' })
    await using thread = new Thread(engine)
    expect(await thread.do('attach')).toEqual({})
    expect(await thread.do('publish', 'work.n', 0, { key: 'k', id: 'first' })).toEqual({ result: true })
    expect(await thread.do('send', 'work.n', 1, { key: 'k' })).toEqual({})
    const many = Array.from({ length: 300 }, (_, index) => ({ type: 'work.n', data: 2 + index, key: 'k' }))
    const sent = thread.do('sendBatch', many)
    const received: number[] = []
    while (received.length < 302)
      received.push(...(await subscription.receiveBatch()).map(({ data }) => data))
    expect(await sent).toEqual({})
    expect(received).toEqual(Array.from({ length: 302 }, (_, index) => index))
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 302, completed: 302, balanced: true })
  })

  test('its errors are those of the engine; after close it publishes no more', async () => {
    await using engine = await createEngine({ workers, handlers })
    await using thread = new Thread(engine)
    await thread.do('attach')
    expect(await thread.do('publish', 'work.*', 1)).toEqual({ code: 'ERR_MILLRACE_INVALID_EVENT' })
    await thread.do('publish', 'work.a', 1)
    await thread.do('close')
    await thread.do('close')
    expect(await thread.do('publish', 'work.a', 1)).toEqual({ code: 'ERR_MILLRACE_CLOSED' })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 1, completed: 1 })
  })

  test('the engine closes: attached threads publish no more', async () => {
    const engine = await createEngine({ workers, handlers })
    await using thread = new Thread(engine)
    await thread.do('attach')
    await thread.do('publish', 'work.a', 1)
    expect(await engine.close()).toMatchObject({ drained: true, ledger: { accepted: 1, completed: 1 } })
    expect(await thread.do('publish', 'work.a', 1)).toEqual({ code: 'ERR_MILLRACE_CLOSED' })
  })

  test('places are limited, and come back with close', async () => {
    await using engine = await createEngine({ workers, handlers, attachable: 2 })
    const first = attach(engine.connect())
    await using thread = new Thread(engine)
    expect(await thread.do('attach')).toEqual({})
    expect(() => attach(engine.connect())).toThrow(CapabilityError)
    expect(() => attach(engine.connect())).toThrow(/All 2 places/)
    first.close()
    using second = attach(engine.connect())
    expect(second.publish('work.a', 1)).toBe(true)
    expect(() => first.publish('work.a', 1)).toThrow(ClosedError)
  })

  test('a thread that comes and goes often keeps its place when it has it, whatever it is told of late', async () => {
    await using engine = await createEngine({ workers, handlers, attachable: 1 })
    // The engine's thread learns of no end before all are over.
    for (let n = 0; n < 300; n++) attach(engine.connect()).close()
    using _ = attach(engine.connect())
    await new Promise((resolve) => setTimeout(resolve, 0))
    await using thread = new Thread(engine)
    expect(await thread.do('attach')).toEqual({ code: 'ERR_MILLRACE_CAPABILITY' })
  })

  test('the place of a thread that was terminated comes back, and what it had published is handled', async () => {
    await using engine = await createEngine({ workers, handlers, attachable: 1 })
    const subscription = engine.subscribe('work.**')
    const ids = new Set<string>()
    for (let life = 0; life < 3; life++) {
      const thread = new Thread(engine)
      await vi.waitFor(async () => expect(await thread.do('attach')).toEqual({}), { timeout: 10_000 })
      expect(await thread.do('publish', 'work.n', life, { key: 'k' })).toEqual({ result: true })
      await thread.terminate()
      const event = (await subscription.receive())!
      expect(event.data).toBe(life)
      ids.add(event.id)
    }
    expect(ids.size).toBe(3)
  })

  test('a send that waits is woken when there is room, and ends with close', async () => {
    await using engine = await createEngine({ workers, handlers, ringBytes: 1_024 })
    using gate = new Gate(engine)
    await gate.hold('k')
    const publisher = attach(engine.connect())
    while (publisher.publish('work.fill', 1, { key: 'k' }));
    const other = attach(engine.connect())
    while (other.publish('work.fill', 1, { key: 'k' }));
    const sent = publisher.send('work.a', 1, { key: 'k' })
    const refused = expect(other.send('work.a', 1, { key: 'k' })).rejects.toThrow(ClosedError)
    other.close()
    await refused
    gate.open()
    await sent
    publisher.close()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test.each([undefined, null, {}, 'handle', { kind: 'other' }])('%j is no handle', (handle) => {
    expect(() => attach(handle as any)).toThrow(OptionsError)
  })
})

describe('an engine that closes while an attached thread', () => {
  test('waits for room ends that wait with a ClosedError, and has not taken the event', async () => {
    const engine = await createEngine({ workers: 1, handlers, ringBytes: 1_024 })
    using gate = new Gate(engine)
    await gate.hold('k')
    await using thread = new Thread(engine)
    await thread.do('attach')
    expect(await thread.do('fill', 'work.a', 'k')).toEqual({ result: 'full' })
    const { accepted } = engine.stats()
    const settled = thread.next()
    const closed = engine.close({ timeoutMs: 10_000 })
    expect(await settled).toEqual({ code: 'ERR_MILLRACE_CLOSED' })
    gate.open()
    expect(await closed).toMatchObject({ drained: true, ledger: { accepted, completed: accepted } })
    expect(engine.stats()).toMatchObject({ accepted, pending: 0, balanced: true })
  })

  test('encodes an event refuses that event', async () => {
    const engine = await createEngine({ workers: 1, handlers })
    await using thread = new Thread(engine)
    await thread.do('attach')
    const words = new Int32Array(new SharedArrayBuffer(4))
    expect(await thread.do('publishSlowly', 'work.a', words)).toEqual({ result: 'encoding' })
    const answer = thread.next()
    expect(await engine.close()).toMatchObject({ drained: true, ledger: { accepted: 0 } })
    Atomics.store(words, 0, 1)
    Atomics.notify(words, 0)
    expect(await answer).toEqual({ code: 'ERR_MILLRACE_CLOSED' })
    expect(engine.stats()).toMatchObject({ accepted: 0, pending: 0 })
  })
})

test('many engines in one thread listen once', async () => {
  const before = process.listenerCount('workerMessage')
  const engines = await Promise.all(Array.from({ length: 12 }, () => createEngine({ workers: 0 })))
  expect(process.listenerCount('workerMessage')).toBe(before + 1)
  await Promise.all(engines.map((engine) => engine.close()))
  expect(process.listenerCount('workerMessage')).toBe(before)
})

test('a place whose last thread died in the middle of a commit is as good as new', async () => {
  await using engine = await createEngine({ workers: 0, attachable: 1 })
  const { map } = engine as unknown as { map: SharedMap }
  Atomics.store(new Int32Array(map.control), committingWord(1), 1)
  using publisher = attach(engine.connect())
  await engine.drain({ timeoutMs: 2_000 })
  publisher.publish('a.b')
  await engine.drain({ timeoutMs: 2_000 })
  expect(engine.stats()).toMatchObject({ accepted: 1, pending: 0 })
})

test('threads that attach themselves and die before the engine’s thread has had a turn leave nothing behind', async () => {
  await using engine = await createEngine({ workers: 0, attachable: 1 })
  for (let i = 0; i < 3; i++) {
    const workerData = { handle: engine.connect() }
    const worker = new Worker(new URL('../fixtures/short-lived.ts', import.meta.url), { workerData })
    const exit = once(worker, 'exit')
    const { control, shape } = workerData.handle.map
    const committing = committingWord(1 + shape.workers)
    const words = new Int32Array(control, 0, committing + 1)
    const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    // Blocked until it has begun, and after that as long as it takes to die.
    while (Atomics.load(words, committing) === 0) pause(5)
    pause(100)
    await exit
    await engine.drain({ timeoutMs: 5_000 })
    using publisher = attach(engine.connect())
    expect(publisher.publish('work.n')).toBe(true)
  }
})
