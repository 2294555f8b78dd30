import { MAY_GENERATE } from './generate.ts'

/** Up to so many bytes, a call of `String.fromCharCode` with each of them beats one into the runtime. */
const MAX_SHORT = 16

/** Native, and for any bytes; of what is not well-formed it makes U+FFFD. A byte order mark is a character like any other. */
const decodeText = (
  Buffer.prototype as unknown as { utf8Slice(this: Uint8Array, start: number, end: number): string }
).utf8Slice

/** For text of each length: makes it of the bytes from `start` on, if all are ASCII. */
type ShortText = (bytes: Uint8Array, start: number) => string | undefined

const SHORT: readonly ShortText[] = Array.from({ length: MAX_SHORT + 1 }, (_, length) =>
  MAY_GENERATE && length > 0 ? generate(length) : compose(length),
)

/** The UTF-8 text in the bytes from `start` to `end`, which nobody writes meanwhile. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  return (length > MAX_SHORT ? undefined : SHORT[length]!(bytes, start)) ?? decodeText.call(bytes, start, end)
}

function generate(length: number): ShortText {
  const codes = Array.from({ length }, (_, index) => `bytes[start + ${index}]`)
  const code = `return (${codes.join(' | ')}) < 0x80 ? String.fromCharCode(${codes.join(', ')}) : undefined`
  return new Function('bytes', 'start', code) as ShortText
}

function compose(length: number): ShortText {
  return (bytes, start) => {
    let text = ''
    for (let i = start; i < start + length; i++) {
      if (bytes[i]! > 0x7f) return undefined
      text += String.fromCharCode(bytes[i]!)
    }
    return text
  }
}
