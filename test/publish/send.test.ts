import { describe, expect, test } from 'vitest'
import { ClosedError, createEngine, type Engine, TimeoutError } from '../../src/index.ts'
import { Gate } from '../fixtures/gate.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

describe.each([0, 2])('workers: %d', (workers) => {
  const small = () => createEngine({ workers, handlers, ringBytes: 1_024 })

  function fill(engine: Engine): number {
    let taken = 0
    while (engine.publish('work.fill', taken, { key: 'k' })) taken++
    return taken
  }

  /** Whether the promise has settled, after all that could happen at once has happened. */
  async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
    let settled = false
    const settle = () => {
      settled = true
    }
    promise.then(settle, settle)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    return settled
  }

  test('a batch that ends in an error says how much of it was accepted', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    const events = Array.from({ length: 100 }, (_, data) => ({ type: 'work.n', data, key: 'k' }))
    const before = engine.stats().accepted
    const late = await engine.sendBatch(events, { timeoutMs: 30 }).catch((error) => error)
    expect(late).toBeInstanceOf(TimeoutError)
    expect(late.accepted).toBe(engine.stats().accepted - before)
    expect(late).toMatchObject({
      timeoutMs: 30,
      message: `Room for event ${late.accepted + 1} of 100 did not come within 30 ms`,
    })
    gate.open()
    const wrong = await engine.sendBatch([...events, { type: '' }]).catch((error) => error)
    expect(wrong).toMatchObject({ code: 'ERR_MILLRACE_INVALID_EVENT', accepted: expect.any(Number) })
    await engine.drain()
    expect(engine.stats().accepted - before).toBe(late.accepted + wrong.accepted)
    const first = await engine.sendBatch([{ type: 'work.a' }, { type: '' }]).catch((error) => error)
    expect(first).toMatchObject({ code: 'ERR_MILLRACE_INVALID_EVENT', accepted: 0 })
  })

  test('waits for room and resolves when the event is written', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    const { accepted } = { accepted: fill(engine) + 1 + 1 }
    const sent = engine.send('work.sent', 1, { key: 'k' })
    expect(await hasSettled(sent)).toBe(false)
    expect(engine.stats()).toMatchObject({ accepted, balanced: true })
    gate.open()
    await sent
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: accepted + 1, pending: 0, balanced: true })
  })

  test.each([
    ['a Buffer', () => Buffer.alloc(300)],
    ['a Uint8Array', () => new Uint8Array(300)],
  ])('what waits is a copy of %s', async (_, allocate) => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const sub = engine.subscribe('work.sent', { onFull: 'block' })
    const bytes = allocate()
    const sends = [1, 2, 3].map((n) => engine.send('work.sent', bytes.fill(n), { key: 'k' }))
    bytes.fill(99)
    gate.open()
    const firsts = []
    while (firsts.length < 3) firsts.push((await sub.receive())!.data[0])
    await Promise.all(sends)
    expect(firsts).toEqual([1, 2, 3])
  })

  test('events that were received are sent on whole, whether there is room or not', async () => {
    await using engine = await small()
    const sub = engine.subscribe('work.on', { onFull: 'block' })
    const publish = Array.from({ length: 12 }, (_, n) =>
      engine.send('work.on', { n, pad: 'x'.repeat(150) }, { key: 'k', id: `id-${n}` }),
    )
    const take = async () => {
      const events = []
      while (events.length < 12) events.push((await sub.receive())!)
      return events
    }
    const events = await take()
    await Promise.all(publish)
    const again = take()
    await engine.sendBatch(events)
    expect((await again).map(({ id, key, data }) => [id, key, data.n])).toEqual(
      events.map(({ id, key }, n) => [id, key, n]),
    )
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const error: any = await engine.sendBatch([events[3]!], { timeoutMs: 1 }).catch((reason) => reason)
    expect(error).toBeInstanceOf(TimeoutError)
    const full = (() => {
      try {
        engine.publish({ ...events[4]!, type: 'work.on', data: 1, key: 'k', id: 'mine', onFull: 'reject' })
      } catch (thrown) {
        return thrown
      }
    })()
    expect(full).toMatchObject({ event: { type: 'work.on', data: 1, key: 'k', id: 'mine' } })
    sub.unsubscribe()
  })

  test('the time of a batch is that of the whole batch', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const batch = Array.from({ length: 100 }, (_, n) => ({ type: 'work.n', data: n, key: 'k' }))
    const start = performance.now()
    await expect(engine.sendBatch(batch, { timeoutMs: 30 })).rejects.toThrow(TimeoutError)
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  test('drain waits for sends that wait', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const sent = Promise.all(
      Array.from({ length: 50 }, (_, data) => engine.send('work.sent', data, { key: 'k' })),
    )
    const drained = engine.drain()
    expect(await hasSettled(drained)).toBe(false)
    gate.open()
    await drained
    expect(await hasSettled(sent)).toBe(true)
    expect(engine.stats()).toMatchObject({ pending: 0, balanced: true })
  })

  test('a timeout writes nothing, says the time and leaves the lane as it was', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const { accepted } = engine.stats()
    const error = await engine.send('work.late', 1, { key: 'k', timeoutMs: 10 }).catch((reason) => reason)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_TIMEOUT', timeoutMs: 10 })
    using late = engine.subscribe('work.late')
    gate.open()
    await engine.send('work.next', 2, { key: 'k' })
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: accepted + 1, pending: 0, balanced: true })
    expect(await late.receive({ timeoutMs: 0 })).toBeUndefined()
  })

  test.each([2 ** 31, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])(
    'a timeout of %d ms is not over at once',
    async (timeoutMs) => {
      await using engine = await small()
      using gate = new Gate(engine)
      await gate.hold('k')
      fill(engine)
      const sent = engine.send('work.sent', 1, { key: 'k', timeoutMs })
      await expect(engine.send('work.other', 1, { key: 'k', timeoutMs: 30 })).rejects.toThrow(TimeoutError)
      expect(await hasSettled(sent)).toBe(false)
      gate.open()
      await sent
    },
  )

  test('a signal that has aborted: nothing is written, room or not', async () => {
    await using engine = await small()
    const reason = new Error('no longer')
    await expect(engine.send('work.a', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(engine.stats().accepted).toBe(0)
  })

  test('a signal that aborts while the send waits', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const { accepted } = engine.stats()
    const controller = new AbortController()
    const sent = engine.send('work.a', 1, { key: 'k', signal: controller.signal })
    expect(await hasSettled(sent)).toBe(false)
    const reason = new Error('no longer')
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    gate.open()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted, pending: 0, balanced: true })
  })

  test('a signal that aborts after the event was written changes nothing', async () => {
    await using engine = await small()
    const controller = new AbortController()
    await engine.send('work.a', 1, { key: 'k', signal: controller.signal })
    controller.abort()
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: 1, completed: 1 })
  })

  test('sends of one key stay in order, whatever their sizes', async () => {
    await using engine = await small()
    const subscription = engine.subscribe('work.sized', { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const sizes = [400, 0, 300, 1, 450, 7, 64, 200, 0, 440]
    const sent = sizes.map((size) => engine.send('work.sized', new Uint8Array(size), { key: 'k' }))
    gate.open()
    const received: number[] = []
    while (received.length < sizes.length) {
      received.push(...(await subscription.receiveBatch()).map(({ data }) => data.length))
    }
    await Promise.all(sent)
    expect(received).toEqual(sizes)
  })

  test('a publish does not overtake a send that waits in the same lane, though it would fit', async () => {
    await using engine = await small()
    const subscription = engine.subscribe('work.sized', { onFull: 'block' })
    using gate = new Gate(engine)
    await gate.hold('k')
    while (engine.publish('work.fill', new Uint8Array(100), { key: 'k' }));
    const big = engine.send('work.sized', new Uint8Array(450), { key: 'k' })
    expect(engine.publish('work.sized', 'small', { key: 'k' })).toBe(false)
    expect(engine.publishBatch([{ type: 'work.sized', data: 'small', key: 'k' }])).toBe(0)
    const small_ = engine.send('work.sized', 'small', { key: 'k' })
    gate.open()
    expect((await subscription.receive())?.data).toHaveLength(450)
    expect((await subscription.receive())?.data).toBe('small')
    await Promise.all([big, small_])
  })

  test('what is behind a send that gives up goes on', async () => {
    await using engine = await small()
    using gate = new Gate(engine)
    await gate.hold('k')
    while (engine.publish('work.fill', new Uint8Array(100), { key: 'k' }));
    const controller = new AbortController()
    const big = engine.send('work.sized', new Uint8Array(450), { key: 'k', signal: controller.signal })
    const next = engine.send('work.sized', 1, { key: 'k' })
    controller.abort()
    await expect(big).rejects.toThrow()
    await next
    expect(engine.stats().balanced).toBe(true)
  })

  test('what waits keeps the data of the moment it was sent', async () => {
    await using engine = await small()
    const subscription = engine.subscribe('work.kept')
    using gate = new Gate(engine)
    await gate.hold('k')
    fill(engine)
    const bytes = new Uint8Array([1, 2, 3])
    const object = { n: 1 }
    const sent = [
      engine.send('work.kept', bytes, { key: 'k' }),
      engine.send('work.kept', object, { key: 'k' }),
    ]
    bytes.fill(9)
    object.n = 2
    engine.publish('work.other', { other: 'data' }, { key: 'z' })
    gate.open()
    await Promise.all(sent)
    expect((await subscription.receive())?.data).toEqual(new Uint8Array([1, 2, 3]))
    expect((await subscription.receive())?.data).toEqual({ n: 1 })
  })

  test('close ends the sends that wait', async () => {
    const engine = await small()
    const gate = new Gate(engine)
    await gate.hold('k')
    const { accepted } = { accepted: fill(engine) + 2 }
    const sent = engine.send('work.a', 1, { key: 'k' })
    const refused = expect(sent).rejects.toThrow(ClosedError)
    const closed = engine.close()
    await refused
    gate.open()
    expect(await closed).toMatchObject({ drained: true, ledger: { accepted, balanced: true } })
  })
})
