import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CapabilityError,
  ClosedError,
  createEngine,
  EncodeError,
  type Engine,
  InvalidEventError,
  MillraceError,
  OptionsError,
} from '../../src/index.ts'

const handlers = new URL('../fixtures/gate.ts', import.meta.url)

function throwing(thrown: unknown): object {
  return {
    get field() {
      throw thrown
    },
  }
}

function hostileProxy(): object {
  const refuse = () => {
    throw new Error('from a trap')
  }
  return new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse })
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {}
  value.self = [value]
  return value
}

type Refused = [string, new (...args: any[]) => MillraceError, ...unknown[]]

/** What is wrong, the error, and what `publish` is called with. */
const REFUSED: Refused[] = [
  ['cyclic data', EncodeError, 'work.a', cyclic()],
  ['a function', EncodeError, 'work.a', () => {}],
  ['a symbol in data', EncodeError, 'work.a', { a: Symbol('s') }],
  ['data beyond the limit', InvalidEventError, 'work.a', 'x'.repeat(40_000)],
  ['bytes beyond the limit', InvalidEventError, 'work.a', new Uint8Array(40_000)],
  ['metadata beyond the limit', InvalidEventError, 'work.a', 1, { metadata: { x: 'x'.repeat(40_000) } }],
  ['no topic', InvalidEventError, ''],
  ['a pattern as topic', InvalidEventError, 'work.*', 1],
  ['an empty segment', InvalidEventError, 'work..a', 1],
  ['a control character in the topic', InvalidEventError, 'work.\n', 1],
  ['a topic of 256 bytes', InvalidEventError, `work.${'é'.repeat(125)}x`, 1],
  ['null as event', InvalidEventError, null],
  ['a number as event', InvalidEventError, 42],
  ['undefined as event', InvalidEventError, undefined],
  ['an event without a type', InvalidEventError, { data: 1 }],
  ['a type that is no text', InvalidEventError, { type: 42, data: 1 }],
  ['an empty key', InvalidEventError, 'work.a', 1, { key: '' }],
  ['a key of 1,025 bytes', InvalidEventError, 'work.a', 1, { key: 'k'.repeat(1_025) }],
  ['a key of 1,026 bytes in 513 characters', InvalidEventError, 'work.a', 1, { key: 'é'.repeat(513) }],
  ['half a character as key', InvalidEventError, 'work.a', 1, { key: 'a\ud800' }],
  ['a number as key', InvalidEventError, 'work.a', 1, { key: 7 }],
  ['null as key', InvalidEventError, 'work.a', 1, { key: null }],
  ['an empty id', InvalidEventError, 'work.a', 1, { id: '' }],
  ['a long id', InvalidEventError, 'work.a', 1, { id: 'é'.repeat(128) }],
  ['a number as id', InvalidEventError, 'work.a', 1, { id: 1 }],
  ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5'].map(
    (ttlMs): Refused => [`a time to live of ${ttlMs}`, InvalidEventError, 'work.a', 1, { ttlMs }],
  ),
  ['a list as metadata', InvalidEventError, 'work.a', 1, { metadata: [1] }],
  ['text as metadata', InvalidEventError, 'work.a', 1, { metadata: 'x' }],
  ['a function in metadata', EncodeError, 'work.a', 1, { metadata: { f() {} } }],
  ['cyclic metadata', EncodeError, 'work.a', 1, { metadata: { c: cyclic() } }],
  ['text as source', InvalidEventError, 'work.a', 1, { source: 'me' }],
  ['a number in the source', InvalidEventError, 'work.a', 1, { source: { component: 1 } }],
  ...[
    '',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n',
  ].map(
    (traceparent): Refused => [
      `traceparent ${JSON.stringify(traceparent)}`,
      InvalidEventError,
      'work.a',
      1,
      { traceparent },
    ],
  ),
  ['null as options', InvalidEventError, 'work.a', 1, null],
  ['text as options', InvalidEventError, 'work.a', 1, 'key'],
  ['a lone surrogate in text', EncodeError, 'work.a', { text: 'a\ud800' }],
  ['a lone surrogate in a name', EncodeError, 'work.a', { '\ud800': 1 }],
  ['a lone surrogate in an id', InvalidEventError, 'work.a', 1, { id: 'a\ud800' }],
  ['a Map as metadata', InvalidEventError, 'work.a', 1, { metadata: new Map() }],
  ['a getter that throws what has no text', EncodeError, 'work.a', throwing(Object.create(null))],
  ['a getter that throws a proxy', EncodeError, 'work.a', throwing(hostileProxy())],
  ['durability without a store', CapabilityError, 'work.a', 1, { persistent: true }],
  ['an unknown policy', OptionsError, 'work.a', 1, { onFull: 'drop-everything' }],
]

describe.each([0, 2])('workers: %d', (workers) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await createEngine({ workers, handlers, ringBytes: 65_536, blockBytes: 0 })
  })
  afterAll(async () => {
    await engine.close()
  })

  /** The event as one object, as a batch takes it; undefined if it can't be said so. */
  function eventFrom([type, data, options]: readonly unknown[]): unknown {
    if (typeof type !== 'string') return type
    return typeof options === 'object' && options !== null ? { type, data, ...options } : { type, data }
  }

  test.each(REFUSED)('%s is refused and nothing is written', async (_name, type, ...args) => {
    const before = engine.stats().accepted
    const { publish, publishBatch, send } = engine as any
    expect(() => publish(...args)).toThrow(type)
    await expect(send(...args)).rejects.toThrow(type)
    if (args.length < 3 || (typeof args[2] === 'object' && args[2] !== null)) {
      const event = eventFrom(args)
      expect(() => publish(event)).toThrow(type)
      expect(() =>
        publishBatch([{ type: 'work.before', data: 1, key: 'k' }, { type: 'work.b' }, event]),
      ).toThrow(type)
      await expect(send(event)).rejects.toThrow(type)
    }
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: before, balanced: true, pending: 0 })
  })

  test.each([null, undefined, 5, 'work.a', {}, new Set()])('a batch that is %s', (events) => {
    const before = engine.stats().accepted
    expect(() => engine.publishBatch(events as any)).toThrow(InvalidEventError)
    expect(engine.stats().accepted).toBe(before)
  })

  test('a handle refuses the same', async () => {
    const before = engine.stats().accepted
    expect(() => engine.topic('work.*')).toThrow(InvalidEventError)
    const topic = engine.topic('work.a')
    expect(() => topic.publish(cyclic())).toThrow(EncodeError)
    await expect(topic.send(1, { key: '' })).rejects.toThrow(InvalidEventError)
    expect(engine.stats().accepted).toBe(before)
  })

  test('errors are of one family, with a stable code and the numbers', () => {
    const error = thrownBy(() => engine.publish('work.a', new Uint8Array(40_000)))
    expect(error).toBeInstanceOf(MillraceError)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_INVALID_EVENT', name: 'InvalidEventError' })
    expect((error as Error).message).toMatch(/exceeds the 32\d{3} bytes/)
  })

  test('what is as long as allowed is taken', async () => {
    const before = engine.stats().accepted
    const key = 'é'.repeat(512)
    expect(engine.publish('work.a', 1, { key, id: 'i'.repeat(255), ttlMs: 1e300 })).toBe(true)
    expect(engine.publish(`work.${'é'.repeat(125)}`, 1)).toBe(true)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ accepted: before + 2, balanced: true, pending: 0 })
  })
})

test.each([0, 2])('after close nothing is published, workers: %d', async (workers) => {
  const engine = await createEngine({ workers, handlers })
  const topic = engine.topic('work.a')
  engine.publish('work.a', 1)
  const { ledger } = await engine.close()
  for (const publish of [
    () => engine.publish('work.a', 1),
    () => engine.publishBatch([{ type: 'work.a' }]),
    () => topic.publish(1),
  ]) {
    expect(publish).toThrow(ClosedError)
  }
  await expect(engine.send('work.a', 1)).rejects.toThrow(ClosedError)
  await expect(engine.sendBatch([{ type: 'work.a' }])).rejects.toThrow(ClosedError)
  await expect(topic.send(1)).rejects.toThrow(ClosedError)
  expect(() => engine.subscribe('work.a')).toThrow(ClosedError)
  expect(engine.stats().accepted).toBe(ledger.accepted)
  expect(ledger.accepted).toBe(1)
})

function thrownBy(what: () => unknown): unknown {
  try {
    what()
  } catch (error) {
    return error
  }
  return undefined
}

describe('waits that are none', () => {
  test.each<[string, object]>([
    ['a signal that is none', { signal: 5 }],
    ['a time that is no number', { timeoutMs: 'x' }],
    ['no number at all', { timeoutMs: Number.NaN }],
    ['null', { timeoutMs: null }],
    ['a time before now', { timeoutMs: -5 }],
  ])('%s is an OptionsError, wherever one may wait', async (_, wait) => {
    await using engine = await createEngine({ workers: 0, handlers })
    const sub = engine.subscribe('work.a')
    const options = wait as object & { timeoutMs?: number }
    for (const waiting of [
      () => engine.send('work.a', 1, options),
      () => engine.sendBatch([{ type: 'work.a' }], options),
      () => engine.drain(options),
      () => sub.receive(options),
      () => sub.receiveBatch(options),
    ]) {
      await expect(waiting()).rejects.toThrow(OptionsError)
    }
    expect(engine.stats().accepted).toBe(0)
  })
})

test('data that is far too large is refused before it takes memory', async () => {
  await using engine = await createEngine({ workers: 0, blockBytes: 0 })
  let data: unknown[] = []
  for (let i = 0; i < 26; i++) data = [data, data]
  const before = process.memoryUsage().arrayBuffers
  expect(() => engine.publish('work.a', data)).toThrow(/data exceeds the 131064 bytes/)
  expect(() => engine.publish('work.a', 'x'.repeat(100_000_000))).toThrow(InvalidEventError)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  expect(engine.stats().accepted).toBe(0)
})

describe('getters that publish', () => {
  test('as a policy leave the event its own data', async () => {
    await using engine = await createEngine({ workers: 0, handlers })
    const sub = engine.subscribe('work.*')
    engine.publish('work.outer', 'outer', {
      key: 'k',
      get onFull() {
        engine.publish('work.inner', 'inner', { key: 'z' })
        return 'block' as const
      },
    })
    await engine.drain()
    const events = await sub.receiveBatch({ timeoutMs: 0 })
    expect(events.map(({ type, data, key }) => [type, data, key]).sort()).toEqual([
      ['work.inner', 'inner', 'z'],
      ['work.outer', 'outer', 'k'],
    ])
  })

  test('in the options leave the event its own data', async () => {
    await using engine = await createEngine({ workers: 0, handlers })
    const sub = engine.subscribe('work.*')
    const options = {
      get key() {
        engine.publish('work.other', { other: 2 })
        return 'k'
      },
    }
    engine.publish('work.real', { real: 1 }, options)
    const events = [await sub.receive(), await sub.receive()]
    expect(events.map((event) => [event!.type, event!.data]).sort()).toEqual([
      ['work.other', { other: 2 }],
      ['work.real', { real: 1 }],
    ])
  })

  test('in a batch are refused, and with them the whole batch', async () => {
    await using engine = await createEngine({ workers: 0, handlers })
    const data = {
      get value() {
        return engine.publish('work.c')
      },
    }
    expect(() => engine.publishBatch([{ type: 'work.a' }, { type: 'work.b', data }])).toThrow(EncodeError)
    expect(engine.stats().accepted).toBe(0)
    expect(engine.publish('work.after')).toBe(true)
  })
})
