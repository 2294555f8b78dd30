import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCsv } from '../../../src/cli/input/csv.ts'
import { readJson } from '../../../src/cli/input/json.ts'
import { readNdjson } from '../../../src/cli/input/ndjson.ts'
import type { RecordReader } from '../../../src/cli/input/record.ts'

/** What a reader makes of a text that comes in chunks of `size` bytes. */
async function read(reader: RecordReader, text: string, size: number) {
  const bytes = Buffer.from(text)
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const malformed: number[] = []
  const records: [line: number, json: string][] = []
  for await (const batch of reader(chunks(), ({ line }) => malformed.push(line))) {
    for (const { line, value } of batch) records.push([line, JSON.stringify(value)])
  }
  return { records, malformed }
}

const lineEnds = (text: string) => text.split('\n').length - 1
const RUNS = 300
const chunkSize = fc.integer({ min: 1, max: 20 })

describe('whatever the chunks', () => {
  it('reads every element of a JSON array, with its line', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        fc.integer({ min: 0, max: 2 }),
        chunkSize,
        async (array, indent, size) => {
          let line = indent ? 2 : 1
          const expected = array.map((value) => {
            const start = line
            if (indent) line += lineEnds(JSON.stringify(value, null, indent)) + 1
            return [start, JSON.stringify(value)]
          })
          const { records, malformed } = await read(readJson, JSON.stringify(array, null, indent), size)
          expect(records).toEqual(expected)
          expect(malformed).toEqual([])
        },
      ),
      { numRuns: RUNS },
    ))

  it('reads every line of NDJSON, good, blank or malformed', () => {
    const line = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.constantFrom('', '  ', '{'),
    )
    return fc.assert(
      fc.asyncProperty(fc.array(line), fc.constantFrom('\n', '\r\n'), chunkSize, async (lines, end, size) => {
        const { records, malformed } = await read(readNdjson, lines.join(end), size)
        const numbered = lines.map((text, index) => [index + 1, text.trim()] as const)
        expect(records).toEqual(
          numbered
            .filter(([, text]) => text !== '' && text !== '{')
            .map(([n, text]) => [n, JSON.stringify(JSON.parse(text))]),
        )
        expect(malformed).toEqual(numbered.filter(([, text]) => text === '{').map(([n]) => n))
      }),
      { numRuns: RUNS },
    )
  })

  it('knows the line of every CSV row', () => {
    const row = fc.record({
      field: fc.constantFrom('a', '"x\n\ny"', '"q""\r\n"', '', 'ü', '"🚂,"'),
      last: fc.constantFrom('b', '1', '"\n"'),
      extra: fc.constantFrom('', ',z'),
      end: fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\r\n'),
    })
    return fc.assert(
      fc.asyncProperty(fc.array(row), chunkSize, async (rows, size) => {
        let text = 'h,k\n'
        const good: number[] = []
        const bad: number[] = []
        for (const { field, last, extra, end } of rows) {
          ;(extra ? bad : good).push(lineEnds(text) + 1)
          text += `${field},${last}${extra}${end}`
        }
        const { records, malformed } = await read(readCsv, text, size)
        expect(records.map(([line]) => line)).toEqual(good)
        expect(malformed).toEqual(bad)
      }),
      { numRuns: RUNS },
    )
  })
})
