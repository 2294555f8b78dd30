import { expect, test } from 'vitest'
import { CapabilityError, createEngine, MillraceError, OptionsError } from '../../src/index.ts'

test.each<[string, unknown]>([
  ['null', null],
  ['text', 'workers: 2'],
  ['an option that there is none of', { worker: 2 }],
  ['workers as text', { workers: '2' }],
  ['fewer workers than none', { workers: -1 }],
  ['half a worker', { workers: 1.5 }],
  ['too many workers', { workers: 10_000 }],
  ['workers that are not a number', { workers: Number.NaN }],
  ['a sample of none', { onFull: { sample: 0 } }],
  ['null as policy', { onFull: null }],
  ['an affinity', { affinity: 'loose' }],
  ['no lanes', { lanes: 0 }],
  ['a ring that is no power of two', { ringBytes: 100_000 }],
  ['a ring that is too small', { ringBytes: 512 }],
  ['a ring that is too large', { ringBytes: 2 ** 31 }],
  ['nothing in flight', { maxInFlight: 0 }],
  ['fewer attached threads than none', { attachable: -1 }],
  ['no topics', { maxTopics: 0 }],
  ['handlers that are a number', { handlers: 42 }],
  ['empty handlers', { handlers: '' }],
  ['a list of handlers with a hole', { handlers: [new URL('file:///a.ts'), undefined] }],
  ['handlers themselves', { handlers: { 'a.b': () => {} } }],
  ['onError that is none', { onError: 'log' }],
  ['limits that are none', { resourceLimits: 5 }],
  ['a limit that there is none of', { resourceLimits: { heapMb: 5 } }],
  ['a stack too small to live', { resourceLimits: { stackSizeMb: 0.001 } }],
  ['a heap too small to live', { resourceLimits: { maxOldGenerationSizeMb: 3 } }],
  ['a ring whose table has no place', { ringBytes: 2 ** 28 }],
  ['rings that no process could address', { workers: 0, ringBytes: 2 ** 27, lanes: 4_096, attachable: 200 }],
])('%s is an OptionsError', async (_name, options) => {
  const error = await createEngine(options as object).catch((reason) => reason)
  expect(error).toBeInstanceOf(OptionsError)
  expect(error).toBeInstanceOf(MillraceError)
  expect(error).toMatchObject({ code: 'ERR_MILLRACE_OPTIONS', name: 'OptionsError' })
})

test('the message says what is known, or between which numbers', async () => {
  await expect(createEngine({ worker: 2 } as object)).rejects.toThrow(
    /Unknown option worker: known are workers/,
  )
  await expect(createEngine({ workers: -1 })).rejects.toThrow(/from 0 to 256, not -1/)
  await expect(createEngine({ ringBytes: 3_000 })).rejects.toThrow(/power of two, not 3000/)
})

test('undefined is the same as absent, and no handlers are fine', async () => {
  await using engine = await createEngine({
    workers: 0,
    onFull: undefined,
    affinity: undefined,
    handlers: undefined,
    lanes: undefined,
    onError: undefined,
  } as object)
  using subscription = engine.subscribe('any.thing')
  engine.publish('any.thing', 1)
  expect((await subscription.receive())?.data).toBe(1)
})

test('an engine with no place for attached threads has none', async () => {
  const { attach } = await import('../../src/index.ts')
  await using engine = await createEngine({ workers: 0, attachable: 0 })
  expect(() => attach(engine.connect())).toThrow(CapabilityError)
})
