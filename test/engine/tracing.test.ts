import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'

const handlers = new URL('../fixtures/tracing.ts', import.meta.url)

describe.each([0, 1])('workers: %d', (workers) => {
  const start = () => createEngine({ workers, handlers, onError: () => {} })

  test('each call of a handler is told on the tracing channel, in its thread', async () => {
    await using engine = await start()
    await engine.request('traced.sync', 'a')
    await engine.request('traced.async', 'b')
    await expect(engine.request('traced.fails', 'c')).rejects.toThrow('c in span of c')
    const { said } = await engine.request('traced.said')
    expect(said).toEqual([
      ['start', 'traced.sync', 'traced.sync', 1, workers, null],
      ['end', 'traced.sync', 'traced.sync', 1, workers, 'a in span of a'],
      ['start', 'later', 'traced.async', 1, workers, null],
      ['end', 'later', 'traced.async', 1, workers, null],
      ['start', 'traced.sync', 'traced.sync', 1, workers, null],
      ['end', 'traced.sync', 'traced.sync', 1, workers, 'inner b in span of inner b'],
      ['asyncStart', 'later', 'traced.async', 1, workers, expect.any(Array)],
      ['start', 'traced.fails', 'traced.fails', 1, workers, null],
      ['end', 'traced.fails', 'traced.fails', 1, workers, null],
      ['error', 'traced.fails', 'traced.fails', 1, workers, 'c in span of c'],
      ['asyncStart', 'traced.fails', 'traced.fails', 1, workers, 'c in span of c'],
      ['start', 'traced.fails', 'traced.fails', 2, workers, null],
      ['end', 'traced.fails', 'traced.fails', 2, workers, null],
      ['error', 'traced.fails', 'traced.fails', 2, workers, 'c in span of c'],
      ['asyncStart', 'traced.fails', 'traced.fails', 2, workers, 'c in span of c'],
      ['start', 'traced.said', 'traced.said', 1, workers, null],
    ])
  })

  test('what is bound to it is the handler’s own through all that it waits for, whatever runs beside it', async () => {
    await using engine = await start()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => engine.request('traced.async', `n${i}`)),
    )
    answers.forEach((answer, i) => {
      expect(answer).toEqual([`span of n${i}`, `span of n${i}`, `inner n${i} in span of inner n${i}`])
    })
  })

  test('who waits for the engine keeps what is its own', async () => {
    await using engine = await start()
    const own = new AsyncLocalStorage<number>()
    const subscription = engine.subscribe('traced.nobody')
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        own.run(i, async () => {
          await engine.request('traced.async', i)
          expect(own.getStore()).toBe(i)
          await subscription.receive()
          expect(own.getStore()).toBe(i)
          await engine.send('traced.nobody', i)
          await engine.drain()
          expect(own.getStore()).toBe(i)
        }),
      ),
    )
  })
})
