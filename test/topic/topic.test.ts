import { describe, expect, test } from 'vitest'
import { InvalidEventError } from '../../src/errors.ts'
import { checkTopic, TOPIC_MAX_BYTES } from '../../src/topic/topic.ts'

const messageFor = (topic: unknown): string => {
  try {
    checkTopic(topic)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidEventError)
    expect(error).toMatchObject({ code: 'ERR_MILLRACE_INVALID_EVENT' })
    return (error as Error).message
  }
  return 'accepted'
}

describe('checkTopic', () => {
  test.each([
    ['a'],
    ['image.uploaded'],
    ['sensor.mic.v1'],
    ['A-b_c/d:e@f!g^h(i)'],
    ['with space.in it'],
    ['grüße.日本.😀'],
    ['__proto__.constructor'],
    ['x'.repeat(TOPIC_MAX_BYTES)],
    [`${'😀'.repeat(63)}abc`],
    [`a${'.a'.repeat(127)}`],
  ])('gives back %j', (topic) => {
    expect(checkTopic(topic)).toBe(topic)
  })

  test.each([
    [undefined, 'must be a string, not undefined'],
    [null, 'must be a string, not null'],
    [7, 'must be a string, not number'],
    [{}, 'must be a string, not object'],
    ['', 'must not be empty'],
    ['.', 'an empty segment: index 0'],
    ['.a', 'an empty segment: index 0'],
    ['a..b', 'an empty segment: index 2'],
    ['a.', 'an empty segment: index 2'],
    ['a\nb', 'the control character U+000A: index 1'],
    ['a\0', 'the control character U+0000: index 1'],
    ['ab\x7f', 'the control character U+007F: index 2'],
    ['\x9fb', 'the control character U+009F: index 0'],
    ['a.*', 'the pattern character *: index 2'],
    ['a?', 'the pattern character ?: index 1'],
    ['[', 'the pattern character [: index 0'],
    ['a]', 'the pattern character ]: index 1'],
    ['{a', 'the pattern character {: index 0'],
    ['a}', 'the pattern character }: index 1'],
    ['a,b', 'the pattern character ,: index 1'],
    ['a\ud83d', 'half of a surrogate pair: index 1'],
    ['a\ude00b', 'half of a surrogate pair: index 1'],
    ['😀\ud83d😀', 'half of a surrogate pair: index 2'],
    ['x'.repeat(256), 'at most 255 bytes, not 256'],
    ['😀'.repeat(64), 'at most 255 bytes, not 256'],
    ['ü'.repeat(128), 'at most 255 bytes, not 256'],
    ['日'.repeat(86), 'at most 255 bytes, not 258'],
    ['x'.repeat(100_000), 'at most 255 bytes, not 100000'],
  ])('refuses %j', (topic, message) => {
    expect(messageFor(topic)).toContain(message)
  })

  test('keeps the message about a huge topic short', () => {
    expect(messageFor('x'.repeat(1_000_000)).length).toBeLessThan(200)
  })
})
