import { InvalidEventError } from '../errors.ts'

/** The most bytes a topic may take in UTF-8. */
export const TOPIC_MAX_BYTES = 255

const PATTERN_CHARACTERS = '*?[]{},'

/**
 * Gives back the topic if it is well-formed: dotted non-empty segments, at most 255 bytes in UTF-8.
 *
 * Throws `ERR_MILLRACE_INVALID_EVENT` that says what is wrong and where.
 *
 * ```ts
 * checkTopic('image.uploaded') // 'image.uploaded'
 * ```
 */
export function checkTopic(topic: unknown): string {
  if (typeof topic !== 'string') {
    throw new InvalidEventError(`a topic must be a string, not ${topic === null ? 'null' : typeof topic}`)
  }
  if (topic === '') throw new InvalidEventError('a topic must not be empty')
  // A string never has more UTF-16 units than UTF-8 bytes, so a huge one is refused before it is walked.
  if (topic.length > TOPIC_MAX_BYTES) throw tooLong(topic, Buffer.byteLength(topic))

  let bytes = 0
  let segmentStart = 0
  for (let i = 0; i < topic.length; i++) {
    const code = topic.codePointAt(i)!
    if (code === 0x2e) {
      if (i === segmentStart) throw wrong('an empty segment', topic, i)
      segmentStart = i + 1
    } else if (isControl(code)) {
      throw wrong(`the control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`, topic, i)
    } else if (code < 0x80 && PATTERN_CHARACTERS.includes(topic[i]!)) {
      throw wrong(`the pattern character ${topic[i]}`, topic, i)
    } else if (code >= 0xd800 && code <= 0xdfff) {
      throw wrong('half of a surrogate pair', topic, i)
    }
    if (code > 0xffff) i++
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  if (segmentStart === topic.length) throw wrong('an empty segment', topic, segmentStart)
  if (bytes > TOPIC_MAX_BYTES) throw tooLong(topic, bytes)
  return topic
}

/** Whether a code point is a control character (C0, DEL, C1), which topics and patterns can't hold. */
export function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f)
}

function wrong(what: string, topic: string, index: number): InvalidEventError {
  return new InvalidEventError(`a topic must not have ${what}: index ${index} of ${JSON.stringify(topic)}`)
}

function tooLong(topic: string, bytes: number): InvalidEventError {
  return new InvalidEventError(
    `a topic must have at most ${TOPIC_MAX_BYTES} bytes, not ${bytes}: ${JSON.stringify(topic.slice(0, 40))}…`,
  )
}
