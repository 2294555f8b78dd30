import { describe, expect, test } from 'vitest'
import { createEngine, OptionsError, PatternError, prefix, regex } from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)
const TOPICS = ['work.a', 'work.b', 'work.a.c', 'working', 'other.a', 'work']

describe.each([0, 2])('workers: %d', (workers) => {
  const start = () => createEngine({ workers, handlers })

  test.each<[string, string | readonly string[], string[]]>([
    ['a name', 'work.a', ['work.a']],
    ['one segment', 'work.*', ['work.a', 'work.b']],
    ['any segments', 'work.**', ['work.a', 'work.b', 'work.a.c', 'work']],
    ['a prefix', prefix('work'), ['work.a', 'work.b', 'work.a.c', 'working', 'work']],
    ['a regular expression', regex(/^(?:work|other)\.A$/i), ['work.a', 'other.a']],
    ['a list', ['work.a', 'other.*'], ['work.a', 'other.a']],
    ['a list whose patterns overlap', ['work.a', 'work.*', '**', prefix('w'), regex(/a/)], TOPICS],
    ['the same pattern twice', ['work.a', 'work.a'], ['work.a']],
    ['nothing', 'nobody.*', []],
  ])('%s: each event comes once', async (_name, pattern, matching) => {
    await using engine = await start()
    const subscription = engine.subscribe(pattern)
    for (const topic of TOPICS) engine.publish(topic, topic, { key: 'k' })
    await engine.drain()
    const events = await subscription.receiveBatch({ timeoutMs: 0 })
    expect(events.map(({ data }) => data)).toEqual(TOPICS.filter((topic) => matching.includes(topic)))
    expect(subscription.stats()).toMatchObject({ matched: matching.length, received: matching.length })
  })

  test('several subscriptions get each their own copy', async () => {
    await using engine = await start()
    const subscriptions = Array.from({ length: 5 }, () => engine.subscribe('free.*'))
    engine.publish('free.a', { bytes: new Uint8Array([1]) })
    const events = await Promise.all(subscriptions.map((subscription) => subscription.receive()))
    events[0]!.data.bytes.fill(9)
    expect(events.slice(1).map((event) => event!.data.bytes[0])).toEqual([1, 1, 1, 1])
    await engine.drain()
    expect(engine.stats()).toMatchObject({ completed: 1, unmatched: 0, balanced: true })
  })

  test('what there is, and what its numbers are', async () => {
    await using engine = await start()
    const first = engine.subscribe('work.*')
    const second = engine.subscribe(['work.a', 'other.*'])
    engine.publish('work.a', 1)
    await engine.drain()
    expect(engine.subscriptions()).toEqual([first.stats(), second.stats()])
    expect(engine.subscriptions()).toMatchObject([
      { id: first.id, patterns: ['work.*'], matched: 1, queued: 1 },
      { id: second.id, patterns: ['work.a', 'other.*'], matched: 1, queued: 1 },
    ])
    expect(first.id).not.toBe(second.id)
    expect(engine.stats().subscriptions).toEqual(engine.subscriptions())
    first.unsubscribe()
    expect(engine.subscriptions().map(({ id }) => id)).toEqual([second.id])
  })

  test('unsubscribe by pattern says how many it ended', async () => {
    await using engine = await start()
    const ended = [engine.subscribe('temp.*'), engine.subscribe('temp.*')]
    const kept = engine.subscribe('temp.**')
    expect(engine.unsubscribe('temp.*')).toBe(2)
    expect(engine.unsubscribe('temp.*')).toBe(0)
    engine.publish('temp.a', 1)
    await engine.drain()
    expect((await kept.receive())?.data).toBe(1)
    for (const subscription of ended) {
      expect(await subscription.receive()).toBeUndefined()
      expect(subscription.stats().matched).toBe(0)
    }
  })

  test('using ends it', async () => {
    await using engine = await start()
    {
      using _ = engine.subscribe('work.a')
      expect(engine.subscriptions()).toHaveLength(1)
    }
    expect(engine.subscriptions()).toHaveLength(0)
    engine.publish('nobody.here', 1)
    await engine.drain()
    expect(engine.stats().unmatched).toBe(1)
  })

  test.each<[string, new (...args: any[]) => Error, any, any?]>([
    ['an empty pattern', PatternError, ''],
    ['an unbalanced set', PatternError, 'work.[a'],
    ['one bad pattern of a list', PatternError, ['work.a', 'work.**x']],
    ['no pattern', OptionsError, []],
    ['a capacity of 0', OptionsError, 'work.a', { capacity: 0 }],
    ['half a capacity', OptionsError, 'work.a', { capacity: 1.5 }],
    ['a policy of another time', OptionsError, 'work.a', { onFull: 'drop-some' }],
    ['an option that there is none of', OptionsError, 'work.a', { capcity: 5 }],
    ['a filter that is none', OptionsError, 'work.a', { filter: 'data.a > 1' }],
  ])('%s is refused', async (_name, type, pattern, options) => {
    await using engine = await start()
    expect(() => engine.subscribe(pattern, options)).toThrow(type)
    expect(engine.subscriptions()).toEqual([])
  })
})
