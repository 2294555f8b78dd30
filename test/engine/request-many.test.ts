import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { createEngine, type EngineOptions, OptionsError } from '../../src/index.ts'

const handlers = new URL('../fixtures/asking.ts', import.meta.url)

const start = (options: EngineOptions) => createEngine({ handlers, onError: () => {}, ...options })

async function all(answers: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = []
  for await (const answer of answers) list.push(answer)
  return list
}

describe.each([0, 2])('workers: %d', (workers) => {
  test('answers come in the order of the inputs', async () => {
    await using engine = await start({ workers })
    const inputs = Array.from({ length: 300 }, (_, value) => ({ value, ms: value % 7 }))
    const answers = await all(engine.requestMany('later', inputs, { concurrency: 10 }))
    expect(answers).toEqual(inputs.map(({ value }) => value))
  })

  test('or as they come', async () => {
    await using engine = await start({ workers })
    const inputs = [{ value: 'slow', ms: 300 }, ...Array.from({ length: 20 }, (_, value) => ({ value }))]
    const answers = await all(engine.requestMany('later', inputs, { order: 'completion' }))
    expect(answers.at(-1)).toBe('slow')
    expect(new Set(answers).size).toBe(21)
  })

  test.each(['input', 'completion'] as const)(
    'no more inputs are taken than may be ahead of the loop: %s',
    async (order) => {
      await using engine = await start({ workers })
      let taken = 0
      async function* inputs() {
        for (; taken < 40; taken++) {
          if (taken % 10 === 0) await delay(1)
          yield { a: taken, b: 1 }
        }
      }
      let seen = 0
      for await (const _ of engine.requestMany('add', inputs(), { concurrency: 5, order })) {
        seen++
        await delay(1)
        expect(taken - seen).toBeLessThanOrEqual(5)
      }
      expect(seen).toBe(40)
    },
  )

  test('the first error ends it, and gives the others up', async () => {
    await using engine = await start({ workers })
    const topics = engine.requestMany('fails', ['proxy', 'value'])
    await expect(all(topics)).rejects.toThrow('unreadable error')
    async function* broken() {
      yield { a: 1, b: 2 }
      throw new Error('no more inputs')
    }
    const answers = engine.requestMany('add', broken())
    expect(await answers.next()).toEqual({ done: false, value: 3 })
    await expect(answers.next()).rejects.toThrow('no more inputs')
  })

  test('a loop that is left gives up what is open, and closes the inputs', async () => {
    await using engine = await start({ workers })
    const gaveUp = engine.subscribe('gave-up')
    let closed = false
    function* inputs() {
      try {
        yield 'now'
        for (let i = 0; ; i++) yield i
      } finally {
        closed = true
      }
    }
    for await (const answer of engine.requestMany('cancelled', inputs(), { concurrency: 3 })) {
      expect(answer).toBe('now')
      await vi.waitFor(() => {
        const stats = engine.stats().handlers.find(({ name }) => name === 'cancelled')
        expect(stats).toMatchObject({ succeeded: 1, pending: 3 })
      })
      break
    }
    await engine.drain({ timeoutMs: 10_000 })
    expect(await gaveUp.receiveBatch()).toHaveLength(3)
    expect(closed).toBe(true)
  })

  test('so does a signal', async () => {
    await using engine = await start({ workers })
    const controller = new AbortController()
    const aborted = all(
      engine.requestMany('cancelled', [1, 2], {
        timeoutMs: Number.POSITIVE_INFINITY,
        signal: controller.signal,
      }),
    )
    const failed = expect(aborted).rejects.toThrow('enough')
    await vi.waitFor(() => {
      expect(engine.stats().handlers.find(({ name }) => name === 'cancelled')?.pending).toBe(2)
    })
    controller.abort(new Error('enough'))
    await failed
    await engine.drain({ timeoutMs: 10_000 })
    await expect(all(engine.requestMany('echo', [1], { signal: controller.signal }))).rejects.toThrow(
      'enough',
    )
  })

  test('handlers ask for many, too', async () => {
    await using engine = await start({ workers })
    expect(await engine.request('sum', { n: 50, key: 'k' }, { key: 'k' })).toBe(50 * 49)
  })

  test('options are checked at once', async () => {
    await using engine = await start({ workers })
    expect(() => engine.requestMany('echo', 5 as never)).toThrow(OptionsError)
    expect(() => engine.requestMany('echo', [], { concurrency: 0 })).toThrow(OptionsError)
    expect(() => engine.requestMany('echo', [], { order: 'random' as never })).toThrow(OptionsError)
    expect(await all(engine.requestMany('echo', []))).toEqual([])
  })
})
