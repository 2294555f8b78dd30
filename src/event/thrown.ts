import { isA } from '../errors.ts'
import { encode } from './msgpack/codec.ts'

/** An error as plain data, whatever was thrown. */
export type FailureError = { name: string; message: string; stack?: string; code?: string }

const MAX_TEXT = 4_096

/** Turns anything that was thrown into plain data, without trusting it: a getter, a proxy may throw again. */
export function describeError(thrown: unknown): FailureError {
  const name = textOf(() => (thrown as Error).name) ?? typeof thrown
  const message =
    textOf(() => (thrown instanceof Error ? thrown.message : String(thrown))) ?? 'unreadable error'
  const stack = textOf(() => (thrown as Error).stack)
  const code = textOf(() => (thrown as { code?: unknown }).code)
  return { name, message, ...(stack !== undefined && { stack }), ...(code !== undefined && { code }) }
}

/** An error of another thread, made again from what crossed the border. */
export function errorOf(described: FailureError): Error {
  const error = new Error(described.message)
  error.name = described.name
  if (described.stack !== undefined) error.stack = described.stack
  if (described.code !== undefined) Object.assign(error, { code: described.code })
  return error
}

/** Text that can be sent, and is not too long. */
export function clip(text: string): string {
  return text.slice(0, MAX_TEXT).toWellFormed()
}

function textOf(read: () => unknown): string | undefined {
  try {
    const text = read()
    return typeof text === 'string' ? clip(text) : undefined
  } catch {
    return undefined
  }
}

/** What a handler has thrown, on its way to whoever asked: an error with its own fields, or any other value as it is. */
export type Thrown = { error: ThrownError } | { value: unknown }
type ThrownError = FailureError & { fields: Record<string, unknown>; cause?: Thrown }

const MAX_CAUSES = 8
/** Of texts that find no room otherwise: the smallest ring takes them, whatever their characters. */
const SHORT = 32
/** What an error says of itself beside its own fields. */
const TOLD: readonly string[] = ['name', 'message', 'stack', 'code', 'cause']

/** Describes it in about `limit` bytes at most: fields that can't be sent, or find no room, are left out. */
export function describeThrown(thrown: unknown, limit: number, causes = MAX_CAUSES): Thrown {
  if (!isA(thrown, Error)) {
    return sizeOf(thrown, limit) === undefined
      ? { error: { ...describeError(thrown), fields: {} } }
      : { value: thrown }
  }
  const described = shortened(describeError(thrown), limit)
  const fields: Record<string, unknown> = {}
  let room = limit - (sizeOf(described, limit) ?? limit)
  for (const [name, value] of fieldsOf(thrown)) {
    const size = sizeOf([name, value], room)
    if (size === undefined) continue
    room -= size
    fields[name] = value
  }
  const error: ThrownError = { ...described, fields }
  const cause = causes > 0 ? causeOf(thrown) : undefined
  if (cause !== undefined) {
    const why = describeThrown(cause, room, causes - 1)
    if (sizeOf(why, room) !== undefined) error.cause = why
  }
  return { error }
}

/** The same again, in the thread that asked. */
export function thrownOf(described: Thrown): unknown {
  if ('value' in described) return described.value
  const { name, message, stack, code, fields, cause } = described.error
  const error = new (BUILT_IN.get(name) ?? Error)(message)
  if (error.name !== name)
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  if (stack !== undefined) error.stack = stack
  if (cause !== undefined)
    Object.defineProperty(error, 'cause', { value: thrownOf(cause), configurable: true, writable: true })
  return Object.assign(error, code !== undefined && { code }, fields)
}

/** Without its stack, and with short texts, if it takes more otherwise. */
function shortened(described: FailureError, limit: number): FailureError {
  if (sizeOf(described, limit) !== undefined) return described
  const { name, message } = described
  return { name: name.slice(0, SHORT).toWellFormed(), message: message.slice(0, SHORT).toWellFormed() }
}

const BUILT_IN = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((type) => [type.name, type]),
)

/** Bytes that it takes; undefined if it can't be sent, or takes more than `limit`. */
function sizeOf(value: unknown, limit: number): number | undefined {
  try {
    const { length } = encode(value, limit)
    return length <= limit ? length : undefined
  } catch {
    return undefined
  }
}

function fieldsOf(thrown: unknown): [string, unknown][] {
  try {
    return Object.entries(thrown as object).filter(([name]) => !TOLD.includes(name))
  } catch {
    return []
  }
}

function causeOf(thrown: unknown): unknown {
  try {
    return (thrown as Error).cause
  } catch {
    return undefined
  }
}
