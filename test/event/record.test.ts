import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeExtras, type Extras } from '../../src/event/extras.ts'
import { decode } from '../../src/event/msgpack/codec.ts'
import { ANY_DATA } from '../../src/event/payload.ts'
import {
  type Draft,
  draftBytes,
  flagsOf,
  keyHashOf,
  MAX_PUBLISHERS,
  MAX_TOPIC_ID,
  readFields,
  readTopic,
  topicIdOf,
  writeDraft,
} from '../../src/event/record.ts'
import type { Space } from '../../src/event/space.ts'
import { fnv1a } from '../../src/fnv1a.ts'
import { fillDraft, newDraft } from '../../src/publish/draft.ts'

const SPACE_BYTES = 16_384
/** Left around a record, so that a write outside of it shows. */
const UNTOUCHED = 0xa5

const text = (maxLength: number) => fc.string({ unit: 'grapheme', minLength: 1, maxLength })
const key = text(200).filter((value) => Buffer.byteLength(value) <= 1_024)
const longKey = fc.constantFrom('k'.repeat(1_024), 'é'.repeat(512), '🐎'.repeat(256))
const extras = fc.record(
  {
    id: text(60),
    source: fc.record({ component: text(9), instanceId: text(9), correlationId: text(9) }),
    metadata: fc.dictionary(
      text(9).filter((name) => name !== '__proto__'),
      fc.oneof(fc.integer(), text(20), fc.constant(null)),
      {
        noNullPrototype: true,
      },
    ),
    ttlMs: fc.integer({ min: 1 }),
    traceparent: fc.constant(`00-${'4bf92f35'.repeat(4)}-00f067aa0ba902b7-01`),
  },
  { requiredKeys: [] },
)
const data = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 300 }),
  fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
  text(300),
)

const drafts = fc.record({
  topic: fc.oneof(fc.integer({ min: 1, max: MAX_TOPIC_ID }), text(50)),
  publisher: fc.integer({ min: 0, max: MAX_PUBLISHERS - 1 }),
  sequence: fc.oneof(fc.nat(), fc.integer({ min: 2 ** 31, max: 2 ** 52 - 1 })),
  time: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 50 }),
    fc.double({ noNaN: true, min: -8.64e15, max: 8.64e15 }),
  ),
  key: fc.option(fc.oneof(key, longKey), { nil: undefined }),
  extras,
  data,
  at: fc.integer({ min: 1, max: 100 }).map((words) => 8 * words),
})

function spaceOf(bytes: number): Space {
  const buffer = new SharedArrayBuffer(bytes)
  const space = {
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
  }
  space.bytes.fill(UNTOUCHED)
  return space
}

function draftOf(topic: string | number, content: unknown, options: Extras & { key?: string }): Draft {
  const draft = newDraft()
  draft.topicId = typeof topic === 'number' ? topic : 0
  draft.topic = typeof topic === 'number' ? undefined : Buffer.from(topic, 'utf8')
  fillDraft(draft, content, options, 2 ** 20, false, ANY_DATA)
  return draft
}

test('every field comes back, wherever the record lies', () => {
  fc.assert(
    fc.property(drafts, (given) => {
      const options = { ...given.extras, ...(given.key !== undefined && { key: given.key }) }
      const draft = { ...draftOf(given.topic, given.data, options), ...pick(given) }
      const length = draftBytes(draft)
      const space = spaceOf(SPACE_BYTES)
      writeDraft(space, given.at, draft)

      expect(topicIdOf(space.words, given.at)).toBe(draft.topicId)
      expect(keyHashOf(space.words, given.at) >>> 0).toBe(given.key === undefined ? 0 : fnv1a(given.key))
      expect(flagsOf(space.words, given.at)).toBe(draft.flags)
      const fields = readFields(space.bytes, given.at, space.bytes.length)
      expect(fields).toMatchObject({ ...pick(given), topicId: draft.topicId, key: given.key })
      if (typeof given.topic === 'string') {
        expect(fields.topic).toBe(given.topic)
        expect(readTopic(space.bytes, given.at)).toBe(given.topic)
      }
      const { extrasStart, extrasEnd, dataStart } = fields
      const hasExtras = extrasEnd > extrasStart
      expect(hasExtras ? decodeExtras(space.bytes.slice(extrasStart, extrasEnd)) : {}).toEqual(given.extras)
      expect(dataStart % 8).toBe(0)
      const content = space.bytes.slice(dataStart, given.at + length)
      if (given.data instanceof Uint8Array) expect(content).toEqual(given.data)
      else if (given.data === undefined) expect(content.length).toBe(0)
      else expect(decode(content)).toEqual(given.data)
      expect(space.bytes.slice(0, given.at).every((byte) => byte === UNTOUCHED)).toBe(true)
      expect(space.bytes.slice(given.at + length).every((byte) => byte === UNTOUCHED)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52 - 1])(
  'sequence %d keeps apart from the flags',
  (sequence) => {
    const draft = draftOf('a', { x: 1 }, { key: 'k', id: 'i', ttlMs: 5 })
    const space = spaceOf(1_024)
    writeDraft(space, 0, { ...draft, sequence })
    expect(readFields(space.bytes, 0, space.bytes.length)).toMatchObject({ sequence, flags: draft.flags })
  },
)

test('the longest topic, key and id fit beside each other', () => {
  const [topic, longest, id] = ['t'.repeat(255), 'ü'.repeat(512), 'i'.repeat(255)]
  const space = spaceOf(4_096)
  const draft = draftOf(topic, new Uint8Array([1, 2, 3]), { key: longest, id })
  writeDraft(space, 8, draft)
  const fields = readFields(space.bytes, 8, space.bytes.length)
  expect(fields).toMatchObject({ topic, key: longest })
  expect(decodeExtras(space.bytes.slice(fields.extrasStart, fields.extrasEnd))).toEqual({ id })
  expect(space.bytes.slice(fields.dataStart, 8 + draftBytes(draft))).toEqual(new Uint8Array([1, 2, 3]))
})

function pick({ publisher, sequence, time }: { publisher: number; sequence: number; time: number }) {
  return { publisher, sequence, time }
}
