import { StringDecoder } from 'node:string_decoder'
import { getManyValues, none } from 'stream-chain/defs.js'
import { Assembler } from 'stream-json/assembler.js'
import { jsonParser } from 'stream-json/parser.js'
import {
  excerpt,
  type MalformedRecord,
  type OnMalformed,
  type ParsedRecord,
  RECORD_MAX_BYTES,
} from './record.ts'

/**
 * Reads one JSON array, element by element. Whatever is wrong — another top level, a syntax error, an element
 * above 16 MiB — is reported and ends the input, for there is no telling where the next element would begin;
 * the elements before it have been yielded.
 */
export async function* readJson(
  source: AsyncIterable<Buffer>,
  onMalformed: OnMalformed,
): AsyncGenerator<ParsedRecord[], void, undefined> {
  const decoder = new StringDecoder('utf8')
  const elements = new ArrayElements()
  let first = true
  for await (const chunk of source) {
    let text = decoder.write(chunk)
    if (text === '') continue
    if (first && text.startsWith('\ufeff')) text = text.slice(1)
    first = false
    const batch: ParsedRecord[] = []
    const problem = elements.write(text, batch)
    if (batch.length > 0) yield batch
    if (problem) return onMalformed(problem)
  }
  const batch: ParsedRecord[] = []
  const problem = elements.write(decoder.end(), batch) ?? elements.end()
  if (batch.length > 0) yield batch
  if (problem) onMalformed(problem)
}

// Between elements a comma or a space ends one that is a plain value; in a string it only makes a shorter piece.
const ENDS_BETWEEN_ELEMENTS = /[,\]}\n]|\S[ \t\r]/g
const ENDS_INSIDE_ELEMENT = /[\]}\n]/g

/**
 * The elements of a top-level array, from text that comes in pieces of any size.
 *
 * stream-json's tokenizer is called directly, not as a stream: it knows no positions, and the tokens of a call
 * that throws are lost. So it is fed to the end of the next line, which gives every element its line, and no
 * further than the next character that can end an element, which leaves no complete element in the call that
 * throws. As a stream it is slower than in these short calls (measured: 34 MB/s for 45). A misspelt `true`, `false` or
 * `null` it notices only some characters later, so that alone may be reported a line or two too low.
 */
class ArrayElements {
  readonly #tokenize = jsonParser({ packValues: true, streamValues: false })
  readonly #assembler = new Assembler()
  #line = 1
  #elementLine = 1
  #numberLine: number | undefined
  #elementLength = 0

  /** Appends the elements that `text` completes to `batch`; gives back what is wrong, if anything. */
  write(text: string, batch: ParsedRecord[]): MalformedRecord | undefined {
    for (let start = 0; start < text.length; ) {
      const end = this.#pieceEnd(text, start)
      const piece = text.slice(start, end)
      this.#elementLength += piece.length
      const reason = this.#feed(piece, batch)
      if (reason !== undefined) return this.#problem(reason, text.slice(start, start + 1000))
      if (piece.endsWith('\n')) this.#line++
      start = end
    }
    // A number at the end may go on in the next text: its token comes after the white space that follows it.
    if (this.#assembler.depth === 1 && /[-+.\deE]/.test(text.slice(-1))) this.#numberLine = this.#line
    return undefined
  }

  /** Whether the array was closed. */
  end(): MalformedRecord | undefined {
    if (this.#assembler.depth > 0) return this.#problem('the input ends inside the array', '')
    // Before the first token and after the last the assembler has depth 0; only the latter has a result.
    return this.#assembler.current === null ? this.#problem('the input has no array', '') : undefined
  }

  #pieceEnd(text: string, start: number): number {
    const ends = this.#assembler.depth > 1 ? ENDS_INSIDE_ELEMENT : ENDS_BETWEEN_ELEMENTS
    ends.lastIndex = start
    return ends.test(text) ? ends.lastIndex : text.length
  }

  #feed(piece: string, batch: ParsedRecord[]): string | undefined {
    if (this.#elementLength > RECORD_MAX_BYTES) {
      return `an element of more than ${RECORD_MAX_BYTES / 1024 / 1024} MiB`
    }
    const assembler = this.#assembler
    try {
      const tokens = this.#tokenize(piece)
      if (tokens === none) return undefined
      for (const token of getManyValues(tokens)) {
        const depth = assembler.depth
        if (depth === 0 && token.name !== 'startArray') return 'the top level is not an array'
        if (depth === 1) {
          this.#elementLine = this.#numberLine ?? this.#line
          this.#numberLine = undefined
        }
        assembler.consume(token)
        if (assembler.depth !== 1) continue
        const array = assembler.current as unknown[]
        if (array.length === 0) continue
        batch.push({ line: this.#elementLine, value: array.pop() })
        this.#elementLength = 0
      }
      return undefined
    } catch (error) {
      return (error as Error).message.replace(/^Parser cannot parse input: /, 'not JSON: ')
    }
  }

  #problem(reason: string, text: string): MalformedRecord {
    return { line: this.#line, reason, text: excerpt(text), endsInput: true }
  }
}
