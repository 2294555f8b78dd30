import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, test, vi } from 'vitest'
import {
  createEngine,
  type Engine,
  type EngineOptions,
  FullError,
  InvalidEventError,
  type Policy,
  TimeoutError,
} from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'
import { attached } from '../fixtures/attached.ts'
import { Gate } from '../fixtures/gate.ts'
import { digest, sample } from '../fixtures/large.ts'

const handlers = [
  new URL('../fixtures/large.ts', import.meta.url),
  new URL('../fixtures/gate.ts', import.meta.url),
]
const PAGE = 65_536
const start = (options: EngineOptions): Promise<Engine> =>
  createEngine({ handlers, onError: () => {}, ringBytes: 4_096, ...options })

/** Once all that was freed elsewhere is free. */
async function expectFree(engine: Engine): Promise<void> {
  await engine.drain()
  await vi.waitFor(() => expect(engine.stats().blocks.usedBytes).toBe(0))
}

describe.each([0, 2])('workers: %d', (workers) => {
  test('bytes, text and typed arrays of any size arrive whole', async () => {
    await using engine = await start({ workers })
    for (const length of [2_000, 2_017, PAGE - 1, PAGE, PAGE + 1, 1_000_003]) {
      const data = sample(length, length)
      expect(await engine.request('large.digest', data)).toBe(digest(data))
    }
    expect(await engine.request('large.text', { text: '漢'.repeat(100_000) })).toBe(100_000)
    const doubles = new Float64Array(100_000).map((_, i) => i / 3)
    const bytes = new Uint8Array(doubles.buffer)
    expect(await engine.request('large.copy', bytes)).toEqual([digest(bytes), 0])
    await expectFree(engine)
  })

  test('key, id, metadata and order are those of any event', async () => {
    await using engine = await start({ workers })
    const seen = engine.subscribe('seen', { onFull: 'block' })
    const expected: unknown[] = []
    for (let n = 0; n < 60; n++) {
      const data = sample(n % 3 === 0 ? 100_000 + n : 10 + n, n)
      await engine.send('large.seen', data, { key: 'k', id: `id-${n}` })
      expected.push(['k', digest(data)])
    }
    const received = []
    while (received.length < expected.length) received.push((await seen.receive())!.data)
    expect(received).toEqual(expected)
    await expectFree(engine)
  })

  test('several handlers and subscriptions have one event, each its own', async () => {
    await using engine = await start({ workers })
    const seen = engine.subscribe('seen')
    const subscriptions = [engine.subscribe('large.seen'), engine.subscribe('large.*')]
    const data = sample(150_000, 1)
    const given = data.slice()
    await engine.send('large.seen', given, { metadata: { twice: true } })
    given.fill(0)
    const received = [(await seen.receive())!.data, (await seen.receive())!.data]
    expect(received).toEqual(
      expect.arrayContaining([
        ['once', digest(data)],
        ['twice', digest(data)],
      ]),
    )
    const events = await Promise.all(subscriptions.map((subscription) => subscription.receive()))
    await expectFree(engine)
    for (const event of events) expect(digest(event!.data)).toBe(digest(data))
    expect(events[0]!.copy().data).toEqual(data)
    expect(events[0]!.toJSON()).toMatchObject({ event_type: 'large.seen', metadata: { twice: true } })
  })

  test('a block is filled in place and sent once', async () => {
    await using engine = await start({ workers })
    const block = engine.allocate(200_000)
    expect(block).toHaveLength(200_000)
    expect(block.buffer).toBeInstanceOf(SharedArrayBuffer)
    block.set(sample(200_000, 5))
    expect(await engine.request('large.digest', block)).toBe(digest(sample(200_000, 5)))
    expect(() => engine.publish('large.digest', block)).toThrow(InvalidEventError)
    // Nothing of what was sent is the sender's to release.
    block.release()
    const small = engine.allocate(3)
    small.set([1, 2, 3])
    expect(await engine.request('large.digest', small)).toBe(digest(new Uint8Array([1, 2, 3])))
    // What is derived from it is an ordinary array.
    using other = engine.allocate(100)
    expect(other.subarray(1).constructor).toBe(Uint8Array)
    expect(other.map((x) => x).constructor).toBe(Uint8Array)
    await engine.drain()
    expect(engine.stats().blocks.usedBytes).toBe(PAGE)
    other.release()
    other.release()
    expect(() => engine.publish('large.digest', other)).toThrow(/released before/)
    await expectFree(engine)
  })

  test('a block that nobody refers to any more is free, sooner or later', async () => {
    await using engine = await start({ workers })
    for (let i = 0; i < 5; i++) engine.allocate(PAGE).fill(i)
    expect(engine.stats().blocks.usedBytes).toBe(5 * PAGE)
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    await vi.waitFor(async () => {
      gc()
      await turn()
      expect(engine.stats().blocks.usedBytes).toBe(0)
    })
  })

  test.each([-1, 1.5, 2 ** 28 + 1, '5', Number.NaN])('a block of %s bytes is refused', async (length) => {
    await using engine = await start({ workers })
    expect(() => engine.allocate(length as number)).toThrow(InvalidEventError)
  })

  test('answers of any size arrive whole, and their blocks are free', async () => {
    await using engine = await start({ workers })
    const bytes = await engine.request<Uint8Array>('answer.bytes', 300_000)
    expect(bytes).toEqual(new Uint8Array(300_000).fill(7))
    expect(bytes.buffer).toBeInstanceOf(ArrayBuffer)
    expect((await engine.request('answer.object', 300_000)).text).toHaveLength(300_000)
    await expectFree(engine)
  })

  test('a block that is the answer is the caller’s, who sends it on or releases it', async () => {
    await using engine = await start({ workers })
    const block = await engine.request('answer.block', 70_000)
    expect(block).toEqual(expect.objectContaining({ length: 70_000, 0: 7, 69999: 7 }))
    expect(engine.stats().blocks.usedBytes).toBe(2 * PAGE)
    expect(await engine.request('large.digest', block)).toBe(digest(new Uint8Array(70_000).fill(7)))
    const other = await engine.request('answer.block', 3)
    other.release()
    await expectFree(engine)
  })

  test('a request is answered in place', async () => {
    await using engine = await start({ workers })
    let block = engine.allocate(200_000)
    block.fill(1)
    const { byteOffset } = block
    for (let i = 0; i < 20; i++) block = await engine.request('answer.own', block)
    expect(block.byteOffset).toBe(byteOffset)
    expect(block[0]).toBe(21)
    const part = await engine.request('answer.part', block)
    expect([part.length, part.byteOffset - byteOffset]).toEqual([16, 16])
    part.release()
    // What was not sent as a block does not come back as one.
    const array = await engine.request('answer.own', new Uint8Array(100_000))
    expect([array.buffer.constructor, array[0]]).toEqual([ArrayBuffer, 1])
    // Somebody else may look at it: the answer is a copy.
    const also = engine.subscribe('answer.own')
    const given = engine.allocate(100_000)
    given.fill(3)
    const copy = await engine.request('answer.own', given)
    expect(copy.buffer).toBeInstanceOf(ArrayBuffer)
    expect(copy[0]).toBe(4)
    expect((await also.receive())!.data).toHaveLength(100_000)
    await expectFree(engine)
  })

  test('a block is answered with once', async () => {
    await using engine = await start({ workers: Math.min(workers, 1) })
    const block = await engine.request('answer.again', 10)
    await expect(engine.request('answer.again', 10)).rejects.toMatchObject({ code: 'ERR_MILLRACE_ENCODE' })
    block.release()
    await expectFree(engine)
  })

  test('an answer that nobody waits for any more leaves nothing behind', async () => {
    await using engine = await start({ workers })
    const late = engine.request('answer.late', 100_000, { timeoutMs: 10 })
    await expect(late).rejects.toThrow(TimeoutError)
    await expectFree(engine)
  })

  test('answers wait for room, and all come', async () => {
    await using engine = await start({ workers, blockBytes: 8 * PAGE })
    const answers: number[] = []
    for await (const bytes of engine.requestMany<Uint8Array>('answer.bytes', new Array(50).fill(100_000)))
      answers.push(bytes.length)
    expect(answers).toEqual(new Array(50).fill(100_000))
    await expectFree(engine)
  })

  test('handlers that send as large events as they get do not wait for each other', async () => {
    await using engine = await start({ workers, blockBytes: 16 * PAGE })
    const out = engine.subscribe('pipe.out', { onFull: 'block' })
    const sent = (async () => {
      for (let n = 0; n < 50; n++) await engine.send('pipe.in', sample(100_000, n), { key: `k${n % 7}` })
    })()
    const digests = new Set<number>()
    while (digests.size < 50) digests.add(digest((await out.receive({ timeoutMs: 10_000 }))!.data))
    expect(digests).toEqual(new Set(Array.from({ length: 50 }, (_, n) => digest(sample(100_000, n)))))
    await sent
    await expectFree(engine)
  })

  test('what no block can hold is refused', async () => {
    await using engine = await start({ workers, blockBytes: 4 * PAGE })
    expect(() => engine.publish('large.digest', new Uint8Array(2 * PAGE + 1))).toThrow(
      /exceed the 131072 bytes/,
    )
    expect(() => engine.publish('large.digest', 'x'.repeat(2 * PAGE))).toThrow(InvalidEventError)
    const error = await engine.request('answer.bytes', 4 * PAGE + 1).catch((error) => error)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_ENCODE' })
    expect(engine.stats()).toMatchObject({ accepted: 1, balanced: true })
  })

  describe('without a free block', () => {
    const large = (n: number): Uint8Array => sample(100_000, n)

    /** An engine whose two blocks are held by events that wait behind a gate. */
    async function full(onFull: Policy = 'block'): Promise<{ engine: Engine; gate: Gate }> {
      const engine = await start({ workers, blockBytes: 8 * PAGE, ringBytes: 65_536, onFull })
      const gate = new Gate(engine)
      await gate.hold('k')
      for (let n = 0; n < 2; n++) await engine.send('work.n', large(n), { key: 'k' })
      return { engine, gate }
    }

    test('block: publish answers false, send waits until one is free', async () => {
      const { engine, gate } = await full()
      await using _ = engine
      expect(engine.publish('work.n', large(2), { key: 'k' })).toBe(false)
      // What needs none is not held up.
      expect(engine.publish('work.n', 1, { key: 'other' })).toBe(true)
      await expect(engine.send('work.n', large(2), { key: 'k', timeoutMs: 20 })).rejects.toThrow(TimeoutError)
      const received = engine.subscribe('work.n', { onFull: 'block' })
      const sent = engine.send('work.n', large(3), { key: 'k' })
      const after = engine.send('work.n', 'after', { key: 'k' })
      gate.open()
      await Promise.all([sent, after])
      const expected = [digest(large(0)), digest(large(1)), digest(large(3)), 'after']
      const digests: unknown[] = []
      while (digests.length < expected.length) {
        const { data } = (await received.receive({ timeoutMs: 10_000 }))!
        if (data !== 1) digests.push(data instanceof Uint8Array ? digest(data) : data)
      }
      expect(digests).toEqual(expected)
      await expectFree(engine)
      expect(engine.stats().balanced).toBe(true)
    })

    test('a block of one’s own is refused, and stays one’s own', async () => {
      const { engine, gate } = await full()
      await using _ = engine
      expect(() => engine.allocate(1)).toThrow(FullError)
      gate.open()
      await engine.drain()
      using block = engine.allocate(10)
      const next = new Gate(engine)
      await next.hold('k')
      for (const length of [1_000, 10]) while (engine.publish('work.n', 'x'.repeat(length), { key: 'k' }));
      expect(engine.publish('work.n', block, { key: 'k' })).toBe(false)
      expect(() => engine.publish('work.n', block, { key: 'k', onFull: 'reject' })).toThrow(FullError)
      const sent = engine.send('work.n', block, { key: 'k', timeoutMs: 20 })
      expect(() => engine.publish('work.n', block)).toThrow(InvalidEventError)
      await expect(sent).rejects.toThrow(TimeoutError)
      expect(engine.publish('work.n', block, { key: 'k', onFull: 'drop-newest' })).toBe(true)
      expect(() => engine.publish('work.n', block)).toThrow(InvalidEventError)
      next.open()
      await expectFree(engine)
      expect(engine.stats()).toMatchObject({ balanced: true, droppedBy: { 'drop-newest': 1 } })
    })

    test('reject: an error that gives the event back', async () => {
      const { engine, gate } = await full('reject')
      await using _ = engine
      const data = large(2)
      const error = await engine.send('work.n', data, { key: 'k' }).catch((error) => error)
      expect(error).toBeInstanceOf(FullError)
      expect(error.event.data).toBe(data)
      gate.open()
      await expectFree(engine)
    })

    test('drop-newest: the event is dropped and counted', async () => {
      const { engine, gate } = await full('drop-newest')
      await using _ = engine
      expect(engine.publish('work.n', large(2), { key: 'k' })).toBe(true)
      gate.open()
      await expectFree(engine)
      expect(engine.stats()).toMatchObject({ balanced: true, droppedBy: { 'drop-newest': 1 } })
    })

    test.each<Policy>(['drop-oldest', 'coalesce', { sample: 1 }])('%j: the newest stay', async (onFull) => {
      const engine = await start({ workers, blockBytes: 8 * PAGE, ringBytes: 65_536, onFull })
      await using _ = engine
      const gate = new Gate(engine)
      await gate.hold('k')
      const received = engine.subscribe('work.n', { onFull: 'drop-oldest' })
      for (let n = 0; n < 20; n++) expect(engine.publish('work.n', large(n), { key: 'k' })).toBe(true)
      gate.open()
      const last = digest(large(19))
      let data: Uint8Array
      do data = (await received.receive({ timeoutMs: 10_000 }))!.data
      while (digest(data) !== last)
      await expectFree(engine)
      const { balanced, dropped, completed } = engine.stats()
      expect({ balanced, all: dropped + completed }).toEqual({ balanced: true, all: 22 })
      expect(dropped).toBeGreaterThanOrEqual(17)
    })

    test('spill: what goes out of a full lane keeps its block, and comes in its order', async () => {
      await using engine = await start({ workers, ringBytes: 65_536, onFull: 'spill', store: memoryStore() })
      const gate = new Gate(engine)
      await gate.hold('k')
      const received = engine.subscribe('work.n', { onFull: 'block' })
      for (let n = 0; n < 300; n++) {
        const data = n % 30 === 0 ? large(n) : 'x'.repeat(1_000 + n)
        await engine.send('work.n', data, { key: 'k' })
      }
      expect(engine.stats().spilled).toBeGreaterThan(100)
      gate.open()
      for (let n = 0; n < 300; n++) {
        const { data } = (await received.receive({ timeoutMs: 10_000 }))!
        expect(n % 30 === 0 ? digest(data) : data.length).toBe(n % 30 === 0 ? digest(large(n)) : 1_000 + n)
      }
      await expectFree(engine)
    })
  })

  describe('mailboxes', () => {
    const large = (n: number): Uint8Array => sample(100_000, n)

    test('what they overwrite, and what lies in them when they end, is free', async () => {
      await using engine = await start({ workers })
      const latest = engine.subscribe('large.n', { capacity: 3 })
      const byKey = engine.subscribe('large.n', { onFull: 'coalesce' })
      for (let n = 0; n < 10; n++) await engine.send('large.n', large(n), { key: 'k' })
      await engine.drain()
      expect(engine.stats().blocks.usedBytes).toBe(4 * 2 * PAGE)
      expect(digest((await latest.receive())!.data)).toBe(digest(large(7)))
      expect(digest((await byKey.receive())!.data)).toBe(digest(large(9)))
      latest.unsubscribe()
      byKey.unsubscribe()
      await expectFree(engine)
      expect(engine.stats().delivery).toMatchObject({ matched: 20, received: 2, dropped: 16, discarded: 2 })
    })

    test('drop-oldest: what is oldest goes when no block is free', async () => {
      await using engine = await start({ workers, blockBytes: 8 * PAGE })
      const sub = engine.subscribe('large.n')
      for (let n = 0; n < 10; n++) {
        await engine.send('large.n', large(n), { key: 'k' })
        await engine.drain()
      }
      const { queued, dropped } = sub.stats()
      expect(queued + dropped).toBe(10)
      expect(queued).toBe(3)
      expect(digest((await sub.receive())!.data)).toBe(digest(large(7)))
      sub.unsubscribe()
      await expectFree(engine)
    })

    test('block: the lane waits until a block is free', async () => {
      await using engine = await start({ workers, blockBytes: 8 * PAGE })
      const sub = engine.subscribe('large.n', { onFull: 'block' })
      const sent = (async () => {
        for (let n = 0; n < 30; n++) await engine.send('large.n', large(n), { key: 'k' })
      })()
      for (let n = 0; n < 30; n++) expect(digest((await sub.receive())!.data)).toBe(digest(large(n)))
      await sent
      await expectFree(engine)
    })

    test('reject: what finds no block is a dead letter', async () => {
      await using engine = await start({ workers, blockBytes: 8 * PAGE, deadLetters: 0 })
      const sub = engine.subscribe('large.n', { onFull: 'reject' })
      for (let n = 0; n < 6; n++) {
        await engine.send('large.n', large(n), { key: 'k' })
        await engine.drain()
      }
      expect(sub.stats()).toMatchObject({ queued: 3, deadLettered: 3 })
      expect(engine.stats()).toMatchObject({ deadLettered: 3, balanced: true })
    })

    test('spill: they come back whole, in their order', async () => {
      await using engine = await start({ workers, store: memoryStore() })
      const sub = engine.subscribe('large.n', { onFull: 'spill', capacity: 2 })
      for (let n = 0; n < 300; n++) await engine.send('large.n', sample(5_000, n), { key: 'k' })
      await engine.drain()
      expect(engine.stats().blocks.usedBytes).toBe(300 * PAGE)
      for (let n = 0; n < 50; n++) expect(digest((await sub.receive())!.data)).toBe(digest(sample(5_000, n)))
      sub.unsubscribe()
      await expectFree(engine)
    })
  })

  test('a dead letter has its data until it is forgotten', async () => {
    await using engine = await start({ workers })
    const data = sample(100_000, 1)
    for (let n = 0; n < 2; n++) await engine.send('fails', data, { key: 'k' })
    await engine.drain()
    expect(engine.stats().blocks.usedBytes).toBe(4 * PAGE)
    const [letter, other] = engine.deadLetters.list()
    expect(letter!.event.data).toEqual(data)
    expect(letter!.event.copy().data).toEqual(data)
    const again = engine.subscribe('fails')
    await engine.deadLetters.republish(letter!)
    expect((await again.receive())!.data).toEqual(data)
    engine.deadLetters.discard(other)
    await engine.drain()
    // That of the one that has failed again.
    expect(engine.stats().blocks.usedBytes).toBe(2 * PAGE)
    engine.deadLetters.discard()
    await expectFree(engine)
  })

  test('dead letters make room for what can still be handled', async () => {
    await using engine = await start({ workers, blockBytes: 10 * PAGE })
    const data = sample(100_000, 1)
    for (let n = 0; n < 20; n++) await engine.send('fails', data)
    await engine.drain()
    expect(await engine.request('large.digest', sample(5 * PAGE, 2))).toBe(digest(sample(5 * PAGE, 2)))
    const letters = engine.deadLetters.list()
    expect(letters).toHaveLength(20)
    for (const { event } of letters) expect(() => event.data).toThrow(/raise blockBytes/)
    await expectFree(engine)
  })

  test('what a closed engine has left is whole', async () => {
    const engine = await start({ workers })
    const gate = new Gate(engine)
    await gate.hold('k')
    for (let n = 0; n < 3; n++) await engine.send('work.n', sample(100_000, n), { key: 'k' })
    const { left } = await engine.close({ timeoutMs: 1 })
    expect(left.slice(1).map(({ data }) => digest(data))).toEqual(
      [0, 1, 2].map((n) => digest(sample(100_000, n))),
    )
    gate.open()
  })
})

test.each(['at-least-once', 'at-most-once'] as const)(
  'what a dead worker had is free, and what it handled is handled again, or lost (%s)',
  async (delivery) => {
    await using engine = await start({ workers: 1, delivery })
    const data = sample(100_000, 1)
    const answer = engine.request('dies', data)
    if (delivery === 'at-most-once') await expect(answer).rejects.toThrow(/died/)
    else expect(await answer).toBe(digest(data))
    await expectFree(engine)
    expect(engine.stats().balanced).toBe(true)
  },
)

test('several workers write one mailbox, and what is oldest goes when no block is free', async () => {
  await using engine = await start({ workers: 2, blockBytes: 4 * PAGE })
  const sub = engine.subscribe('work.n')
  const send = async (key: string, data: unknown): Promise<void> => {
    await engine.send('work.n', data, { key })
    await engine.drain()
  }
  // Of lanes of different workers: one of them knows of the ring what it was long ago.
  await send('a', 'once')
  for (let i = 0; i < 5; i++) await send('b', i)
  expect(await sub.receiveBatch({ timeoutMs: 5_000 })).toHaveLength(6)
  const first = engine.allocate(2 * PAGE)
  const kept = await engine.request('answer.block', PAGE)
  first.release()
  // There is no room for its copy, and nothing to be given up for it.
  await send('a', new Uint8Array(2 * PAGE))
  expect(sub.stats()).toMatchObject({ matched: 7, received: 6, dropped: 1, queued: 0 })
  kept.release()
  await send('a', new Uint8Array(2 * PAGE))
  expect(sub.stats()).toMatchObject({ matched: 8, dropped: 1, queued: 1 })
  expect((await sub.receive())!.data).toHaveLength(2 * PAGE)
  await expectFree(engine)
})

test('what waits for a block does not keep from a mailbox what needs none', async () => {
  await using engine = await start({ workers: 1, blockBytes: 4 * PAGE })
  const sub = engine.subscribe('work.n', { capacity: 1, onFull: 'block' })
  await engine.send('work.n', 'first')
  await engine.drain()
  const pages = engine.allocate(2 * PAGE)
  const kept = await engine.request('answer.block', PAGE)
  pages.release()
  await engine.send('work.n', new Uint8Array(2 * PAGE), { key: 'a' })
  await engine.send('work.n', 'small', { key: 'b' })
  const next = async (): Promise<unknown> => (await sub.receive({ timeoutMs: 5_000 }))?.data
  expect([await next(), await next()]).toEqual(['first', 'small'])
  kept.release()
  expect(await next()).toHaveLength(2 * PAGE)
  await expectFree(engine)
})

test('a large event that finds no block costs others only theirs', async () => {
  await using engine = await start({ workers: 1, blockBytes: 4 * PAGE })
  const sub = engine.subscribe('**')
  for (let n = 0; n < 30; n++) await engine.send('work.n', n)
  await engine.drain()
  const first = engine.allocate(2 * PAGE)
  const kept = await engine.request('answer.block', PAGE)
  first.release()
  await engine.send('work.large', new Uint8Array(2 * PAGE))
  await engine.drain()
  // The request, too, was for everybody.
  expect(sub.stats()).toMatchObject({ matched: 32, dropped: 1, queued: 31 })
  kept.release()
})

test('an event is never so large that its copy has no room beside it', async () => {
  await using engine = await start({ workers: 1, blockBytes: 3 * PAGE })
  const sub = engine.subscribe('work.n', { onFull: 'block' })
  expect(() => engine.publish('work.n', new Uint8Array(2 * PAGE + 1))).toThrow(InvalidEventError)
  await engine.send('work.n', new Uint8Array(2 * PAGE))
  expect((await sub.receive({ timeoutMs: 10_000 }))!.data).toHaveLength(2 * PAGE)
  await expectFree(engine)
})

test('a block that was released while it waited for room is free once it is not sent', async () => {
  await using engine = await start({ workers: 1 })
  const gate = new Gate(engine)
  await gate.hold('k')
  for (const length of [500, 1]) while (engine.publish('work.n', 'x'.repeat(length), { key: 'k' }));
  const ask = async (): Promise<void> => {
    using block = engine.allocate(10)
    await engine.request('large.digest', block, { key: 'k', timeoutMs: 20 })
  }
  const all = await Promise.allSettled(Array.from({ length: 10 }, ask))
  expect(all.every(({ status }) => status === 'rejected')).toBe(true)
  gate.open()
  await expectFree(engine)
})

test('blocks that are answered with, and that nobody takes, are free', async () => {
  await using engine = await start({ workers: 1 })
  for (let i = 0; i < 5; i++) {
    const late = engine.request('answer.lateBlock', 100_000, { timeoutMs: 5 })
    await expect(late).rejects.toThrow(TimeoutError)
    await engine.send('answer.block', 100_000)
  }
  for await (const block of engine.requestMany('answer.block', new Array(50).fill(100_000))) {
    await engine.drain()
    block.release()
    break
  }
  await expectFree(engine)
})

test('a part of a block keeps it', async () => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  await using engine = await start({ workers: 1 })
  const part = engine.allocate(PAGE).subarray(16)
  for (let i = 0; i < 5; i++) {
    gc()
    await turn()
  }
  expect(engine.stats().blocks.usedBytes).toBe(PAGE)
  expect(part).toHaveLength(PAGE - 16)
})

test('a batch that fails gives back the blocks that it would have dropped', async () => {
  await using engine = await start({ workers: 1 })
  const gate = new Gate(engine)
  await gate.hold('k')
  for (const length of [500, 1]) while (engine.publish('work.n', 'x'.repeat(length), { key: 'k' }));
  const block = engine.allocate(10)
  const batch = [
    { type: 'work.n', data: block, key: 'k', onFull: 'drop-newest' as const },
    { type: 'work.n', data: () => {} },
  ]
  expect(() => engine.publishBatch(batch)).toThrow(/can't be sent/)
  expect(engine.publish('work.n', block)).toBe(true)
  gate.open()
  await expectFree(engine)
})

test('attached threads send and receive them, and leave none behind', async () => {
  await using engine = await start({ workers: 1 })
  const sub = engine.subscribe('large.n')
  const data = sample(100_000, 1)
  {
    const { thread, ask } = await attached(engine)
    await ask('send', 'large.n', data)
    expect(digest((await sub.receive())!.data)).toBe(digest(data))
    const { result } = await ask('request', 'answer.bytes', 100_000)
    expect(result).toEqual(new Uint8Array(100_000).fill(7))
    await expectFree(engine)
    await ask('close')
    await thread.terminate()
  }
  const worker = new Worker(new URL('../fixtures/large-publisher.ts', import.meta.url), {
    workerData: { handle: engine.connect() },
  })
  // It has allocated, and asked, and dies.
  await new Promise((resolve) => worker.once('message', resolve))
  // Until answers wait for room in its ring.
  await vi.waitFor(() => expect(engine.stats().blocks.usedBytes).toBeGreaterThan(200 * PAGE), 10_000)
  await worker.terminate()
  await expectFree(engine)
})

test('an event of 256 MiB', async () => {
  await using engine = await start({ workers: 1 })
  const block = engine.allocate(2 ** 28)
  for (let i = 0; i < block.length; i += 61) block[i] = i >>> 3
  const expected = digest(block)
  expect(await engine.request('large.digest', block)).toBe(expected)
  await expectFree(engine)
})
