import { once } from 'node:events'
import { setEnvironmentData, Worker } from 'node:worker_threads'
import { expect, test, vi } from 'vitest'
import { attach, ClosedError, createEngine, type Engine, type EngineOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { Modules } from '../fixtures/program.ts'

const start = (options: EngineOptions = {}): Promise<Engine> => createEngine({ workers: 1, ...options })

/** A thread of its own that is attached, and does what it is told. */
class Receiver implements AsyncDisposable {
  readonly worker: Worker
  private readonly answers = new Map<number, PromiseWithResolvers<any>>()
  private calls = 0
  private readonly state = new Int32Array(new SharedArrayBuffer(4))

  constructor(engine: Engine) {
    this.worker = new Worker(new URL('../fixtures/attached-receiver.ts', import.meta.url), {
      workerData: { handle: engine.connect(), state: this.state },
    })
    this.worker.on('message', ([call, result, code]) => {
      const answer = this.answers.get(call)!
      if (code === undefined) answer.resolve(result)
      else answer.reject(new Error(code))
    })
  }

  call(...operation: [string, ...unknown[]]): Promise<any> {
    const answer = Promise.withResolvers<any>()
    this.answers.set(++this.calls, answer)
    this.worker.postMessage([this.calls, ...operation])
    return answer.promise
  }

  get isBlocked(): boolean {
    return Atomics.load(this.state, 0) === 1
  }

  async exit(): Promise<void> {
    this.worker.postMessage([0, 'exit'])
    await once(this.worker, 'exit')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate()
  }
}

test.each([0, 2])(
  'another thread subscribes, and receives what is published after that: %d workers',
  async (workers) => {
    await using engine = await start({ workers })
    await using receiver = new Receiver(engine)
    const id = await receiver.call('subscribe', 'tick.*', { onFull: 'block' })
    await receiver.call('subscribe', 'tick.*', { odd: true })
    for (let n = 0; n < 300; n++) await engine.send('tick.a', n, { key: 'k' })
    const all: [string, number][] = []
    while (all.length < 300) all.push(...(await receiver.call('receive', 0, 100)))
    expect(all).toEqual(Array.from({ length: 300 }, (_, n) => ['tick.a', n]))
    const odd: [string, number][] = []
    while (odd.length < 150) odd.push(...(await receiver.call('receive', 1, 100)))
    expect(odd.map(([, n]) => n)).toEqual(Array.from({ length: 150 }, (_, n) => 2 * n + 1))
    // What it publishes itself, too.
    await receiver.call('publish', 'tick.b', 7)
    expect(await receiver.call('receive', 0, 1)).toEqual([['tick.b', 7]])
    const counts = { pattern: 'tick.*', matched: 301, dropped: 0 }
    expect(engine.subscriptions()).toMatchObject([
      { ...counts, id, received: 301, filtered: 0, queued: 0 },
      { ...counts, received: 150, filtered: 150, queued: 1 },
    ])
  },
)

test('it ends by itself, with its thread’s place, by the engine, and with it', async () => {
  await using engine = await start()
  await using receiver = new Receiver(engine)
  for (const pattern of ['a', 'b', 'c', 'd']) await receiver.call('subscribe', pattern)
  const there = () => engine.subscriptions().map(({ pattern }) => pattern)
  expect(there()).toEqual(['a', 'b', 'c', 'd'])
  await receiver.call('unsubscribe', 0)
  await vi.waitFor(() => expect(there()).toEqual(['b', 'c', 'd']))
  expect(await receiver.call('receive', 0, 1)).toEqual([])
  // While it waits.
  const waiting = receiver.call('receive', 1, 1, 60_000)
  // It comes to that before it comes to this.
  await receiver.call('unsubscribe', 0)
  expect(engine.unsubscribe('b')).toBe(1)
  expect(await waiting).toEqual([])
  expect(there()).toEqual(['c', 'd'])
  await receiver.call('close')
  await vi.waitFor(() => expect(there()).toEqual([]))
  expect(await receiver.call('receive', 2, 1)).toEqual([])
  await using other = new Receiver(engine)
  await other.call('subscribe', 'e')
  const last = other.call('receive', 0, 1, 60_000)
  await other.call('publish', 'none', 0)
  const { delivery } = await engine.close()
  expect(await last).toEqual([])
  expect(delivery).toMatchObject({ matched: 0, queued: 0 })
  await expect(other.call('subscribe', 'f')).rejects.toThrow('ERR_MILLRACE_CLOSED')
})

test('with a thread that dies its subscription ends: whoever waits for room goes on, and blocks are freed', async () => {
  await using engine = await start({ ringBytes: 4_096 })
  const receiver = new Receiver(engine)
  await receiver.call('subscribe', 'large', { capacity: 2, onFull: 'block' })
  const sends = Array.from({ length: 6 }, () => engine.send('large', new Uint8Array(100_000), { key: 'k' }))
  await vi.waitFor(() => expect(engine.subscriptions()).toMatchObject([{ queued: 2 }]))
  expect(await receiver.call('receive', 0, 1)).toEqual([['large', 100_000]])
  await vi.waitFor(() => expect(engine.subscriptions()).toMatchObject([{ received: 1, queued: 2 }]))
  await receiver.exit()
  await Promise.all(sends)
  await engine.drain()
  await vi.waitFor(() => expect(engine.subscriptions()).toEqual([]))
  expect(engine.stats()).toMatchObject({ balanced: true, pending: 0, blocks: { usedBytes: 0 } })
  expect(engine.stats().delivery).toMatchObject({ received: 1, discarded: 2 })
})

test('what was ended by the engine and its thread has not emptied is freed with that thread, or as soon as that has ended it', async () => {
  await using engine = await start({ ringBytes: 4_096 })
  const blocked = new Receiver(engine)
  await using idle = new Receiver(engine)
  for (const receiver of [blocked, idle]) await receiver.call('subscribe', 'large')
  for (let n = 0; n < 10; n++) await engine.send('large', new Uint8Array(100_000))
  await engine.drain()
  expect(engine.stats().blocks.usedBytes).toBe(2 * 10 * 2 * 65_536)
  void blocked.call('block')
  await vi.waitFor(() => expect(blocked.isBlocked).toBe(true))
  expect(engine.unsubscribe('large')).toBe(2)
  expect(engine.subscriptions()).toEqual([])
  // One thread had nothing to do, and the other one can't.
  await vi.waitFor(() => expect(engine.stats().blocks.usedBytes).toBe(10 * 2 * 65_536))
  expect(engine.stats().delivery).toMatchObject({ matched: 20, received: 0, discarded: 20, queued: 0 })
  await blocked.worker.terminate()
  await vi.waitFor(() => expect(engine.stats().blocks.usedBytes).toBe(0))
  expect(engine.stats().delivery).toMatchObject({ matched: 20, received: 0, discarded: 20, queued: 0 })
})

test.each(['unsubscribe', 'close'] as const)(
  'nothing is received after %s of the engine, and nothing uncounted',
  async (how) => {
    await using engine = await start()
    await using receiver = new Receiver(engine)
    await receiver.call('subscribe', 'a', { onFull: 'block' })
    const seen = receiver.call('loop', 0)
    for (let n = 0; n < 1_000; n++) await engine.send('a', n)
    await engine.drain()
    await vi.waitFor(() => expect(engine.subscriptions()[0]!.received).toBeGreaterThan(0))
    if (how === 'close') await engine.close()
    else engine.unsubscribe('a')
    const count = await seen
    const { delivery } = how === 'close' ? await engine.close() : engine.stats()
    expect(count).toBeLessThan(1_000)
    await vi.waitFor(() =>
      expect(how === 'close' ? delivery : engine.stats().delivery).toMatchObject({
        matched: 1_000,
        received: count,
        discarded: 1_000 - count,
        queued: 0,
      }),
    )
  },
)

test('what is asked for while the engine closes is refused, and does not hold it up', async () => {
  using files = new Modules()
  const handlers = files.write(
    'a.mjs',
    `export default { a: async (event, ctx) => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (let n = 0; n < 5; n++) ctx.publish('b', n)
  } }`,
  )
  const engine = await start({ handlers })
  await using receiver = new Receiver(engine)
  await receiver.call('subscribe', 'c')
  engine.publish('a')
  const closed = engine.close()
  const refused = receiver.call('subscribe', 'b', { capacity: 1, onFull: 'block' })
  expect(() => engine.subscribe('b', { capacity: 1, onFull: 'block' })).toThrow(ClosedError)
  await expect(refused).rejects.toThrow('ERR_MILLRACE_CLOSED')
  expect(await closed).toMatchObject({ drained: true, left: [] })
})

test('if the thread of the engine ends, its subscriptions end, and nothing can be asked for', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}).then(async ({ createEngine }) => {
      const engine = await createEngine({ workers: 1 })
      parentPort.postMessage(engine.connect())
      parentPort.on('message', () => {})
    })`
  const worker = new Worker(source, { eval: true })
  const [handle] = await once(worker, 'message')
  const attached = attach(handle)
  const subscription = await attached.subscribe('a')
  attached.publish('a', 1)
  expect((await subscription.receive())?.data).toBe(1)
  const waiting = subscription.receive()
  await worker.terminate()
  expect(await waiting).toBeUndefined()
  await expect(attached.subscribe('b')).rejects.toThrow(ClosedError)
  expect(() => attached.publish('a', 2)).toThrow(ClosedError)
  const late = attach(handle)
  await expect(late.subscribe('c')).rejects.toThrow(ClosedError)
})

test('bad calls are refused in the thread that makes them', async () => {
  await using engine = await start({ store: memoryStore() })
  await using receiver = new Receiver(engine)
  await expect(receiver.call('subscribe', 'a', { onFull: 'spill' })).rejects.toThrow(
    'ERR_MILLRACE_CAPABILITY',
  )
  await expect(receiver.call('subscribe', 'a..b')).rejects.toThrow('ERR_MILLRACE_PATTERN')
  await expect(receiver.call('subscribe', [])).rejects.toThrow('ERR_MILLRACE_OPTIONS')
  await expect(receiver.call('subscribe', 'a', { capacity: 0 })).rejects.toThrow('ERR_MILLRACE_OPTIONS')
  await receiver.call('close')
  await expect(receiver.call('subscribe', 'a')).rejects.toThrow('ERR_MILLRACE_CLOSED')
  expect(engine.subscriptions()).toEqual([])
})

test('what attaches itself in the engine’s own thread subscribes there', async () => {
  await using engine = await start()
  const attached = attach<{ a: number }>(engine.connect())
  const subscription = await attached.subscribe('a')
  engine.publish('a', 5)
  expect((await subscription.receive())?.data).toBe(5)
  const waiting = subscription.receive()
  attached.close()
  expect(await waiting).toBeUndefined()
  await vi.waitFor(() => expect(engine.subscriptions()).toEqual([]))
})

test('a worker’s module subscribes, as any other thread', async () => {
  using files = new Modules()
  const index = new URL('../../src/index.ts', import.meta.url).href
  const handlers = files.write(
    'a.mjs',
    `import { getEnvironmentData } from 'node:worker_threads'
    import { attach } from ${JSON.stringify(index)}
    const seen = []
    export default {
      listen: async () => {
        const attached = attach(getEnvironmentData('attached-subscriptions.test'))
        const subscription = await attached.subscribe('config')
        void (async () => { for await (const { data } of subscription) seen.push(data) })()
      },
      seen: () => seen,
    }`,
  )
  await using first = await start()
  setEnvironmentData('attached-subscriptions.test', first.connect())
  await using engine = await start({ handlers })
  await engine.request('listen')
  for (let n = 0; n < 3; n++) first.publish('config', n)
  await vi.waitFor(async () => expect(await engine.request('seen')).toEqual([0, 1, 2]))
})
