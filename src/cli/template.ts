import { OptionsError } from '../errors.ts'
import { checkTopic } from '../topic/topic.ts'

/** Stands in a topic for a value that the record lacks. */
const UNKNOWN = 'unknown'

/** What a segment of a topic can't hold: white space, control characters, the syntax of patterns, half pairs. */
const NOT_IN_SEGMENT = /[\s\p{Cc}\p{Cs}.*?[\]{},]/gu

/**
 * Compiles a topic template. Every `{field}`, or `{field.inner}`, is replaced by the record's value at that
 * path; characters that a topic can't hold become `_`. A value that is missing, `null`, empty or an object
 * becomes `unknown`.
 *
 * Throws `ERR_MILLRACE_OPTIONS` when the braces don't match, a path is empty, or the text around the braces
 * can't be part of a topic.
 *
 * ```ts
 * compileTemplate('flight.{origin}.{status}')({ origin: 'LAX', status: 'on time' }) // 'flight.LAX.on_time'
 * ```
 */
export function compileTemplate(template: string): (record: unknown) => string {
  // Split by a capturing group: texts at even places, the paths between them at odd ones.
  const parts = template.split(/\{([^{}]*)\}/)
  const texts = parts.filter((_, index) => index % 2 === 0)
  const paths = parts.filter((_, index) => index % 2 === 1)
  if (texts.some((text) => /[{}]/.test(text))) {
    throw new OptionsError(`the braces of the topic template don't match: ${JSON.stringify(template)}`)
  }
  const fields = paths.map((path) => compilePath(path))
  try {
    checkTopic(texts.join(UNKNOWN))
  } catch (cause) {
    const reason = (cause as Error).message
    throw new OptionsError(`the topic template ${JSON.stringify(template)} makes no topic: ${reason}`, {
      cause,
    })
  }

  return (record) => {
    let topic = texts[0]!
    for (let i = 0; i < fields.length; i++) topic += toSegment(fields[i]!(record)) + texts[i + 1]!
    return topic
  }
}

/**
 * Compiles the path of a field, `user.id`, for the ordering key. The field's string, number or boolean is
 * given back as a string; what is missing, `null`, empty or an object gives `undefined`, an event without key.
 *
 * Throws `ERR_MILLRACE_OPTIONS` when the path has an empty step.
 */
export function compileField(path: string): (record: unknown) => string | undefined {
  const field = compilePath(path)
  return (record) => toText(field(record)) || undefined
}

function compilePath(path: string): (record: unknown) => unknown {
  const steps = path.split('.')
  if (steps.includes(''))
    throw new OptionsError(`a field path must not have an empty step: ${JSON.stringify(path)}`)
  return (record) => {
    let value = record
    for (const step of steps) {
      // Own properties only: `{constructor}` must not find what every object inherits.
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
      value = (value as Record<string, unknown>)[step]
    }
    return value
  }
}

function toSegment(value: unknown): string {
  return toText(value)?.replace(NOT_IN_SEGMENT, '_') || UNKNOWN
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : undefined
}
