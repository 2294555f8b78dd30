import { describe, expect, it } from 'vitest'
import { readNdjson } from '../../../src/cli/input/ndjson.ts'
import type { MalformedRecord } from '../../../src/cli/input/records.ts'
import { inputFolder, readAll } from './input-file.ts'

const file = inputFolder()

describe('ndjson', () => {
  it('reads a record a line, with its line', async () => {
    const path = file('good.ndjson', '{"a":1}\n"text"\n[1,2]\nnull\n')
    expect((await readAll(path)).records).toEqual([
      [1, { a: 1 }],
      [2, 'text'],
      [3, [1, 2]],
      [4, null],
    ])
  })

  it('skips blank lines, which count', async () => {
    const path = file('blank.ndjson', '\n1\n\r\n  \t\n2\n\n')
    const { records, problems } = await readAll(path)
    expect(records).toEqual([
      [2, 1],
      [5, 2],
    ])
    expect(problems).toEqual([])
  })

  it('needs no newline at the end', async () => {
    expect((await readAll(file('open.ndjson', '1\n2'))).records).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  it('drops a byte order mark', async () => {
    const { records, problems } = await readAll(file('bom.ndjson', '\ufeff{"a":1}\n2\n'), { chunkBytes: 1 })
    expect(records).toEqual([
      [1, { a: 1 }],
      [2, 2],
    ])
    expect(problems).toEqual([])
  })

  it('gives nothing for an empty file', async () => {
    const { batches, problems } = await readAll(file('empty.ndjson', ''))
    expect([batches, problems]).toEqual([[], []])
  })

  it('reports a line that is not UTF-8, and only that', async () => {
    const path = file(
      'latin1.ndjson',
      Buffer.concat([
        Buffer.from('"a\ufffdä"\n"'),
        Buffer.from([0xff]),
        Buffer.from('"\n"ß"\n"'),
        Buffer.from([0xe4]),
      ]),
    )
    for (const chunkBytes of [1, 65_536]) {
      const { records, problems } = await readAll(path, { chunkBytes })
      expect(records).toEqual([
        [1, 'a\ufffdä'],
        [3, 'ß'],
      ])
      expect(problems).toMatchObject([
        { line: 2, reason: 'not UTF-8' },
        { line: 4, reason: 'not UTF-8' },
      ])
    }
  })

  it('reports a line that is not JSON and goes on', async () => {
    const { records, problems } = await readAll(file('bad.ndjson', '1\n{"a":\r\n3\n{x}'))
    expect(records).toEqual([
      [1, 1],
      [3, 3],
    ])
    expect(problems).toMatchObject([
      { line: 2, text: '{"a":' },
      { line: 4, text: '{x}' },
    ])
    expect(problems[0]!.reason).toMatch(/JSON/)
  })

  it('quotes only the beginning of a malformed line', async () => {
    const { problems } = await readAll(file('excerpt.ndjson', `x${'y'.repeat(5000)}\n`))
    expect(problems[0]!.text).toHaveLength(200)
    expect(problems[0]!.text).toMatch(/^xy+…$/)
  })

  it.each([1, 2, 3, 5, 7, 64])('reads the same in chunks of %i bytes', async (chunkBytes) => {
    const text = '{"名":"Zürich 🚂"}\r\n\r\noops €\r\n{"b":"ß"}\r\n[true]\n7'
    const { records, problems } = await readAll(file('chunks.ndjson', text), { chunkBytes })
    expect(records).toEqual([
      [1, { 名: 'Zürich 🚂' }],
      [4, { b: 'ß' }],
      [5, [true]],
      [6, 7],
    ])
    expect(problems).toMatchObject([{ line: 3, text: 'oops €' }])
  })

  it('reports a line above 16 MiB and goes on behind it', async () => {
    const text = `1\n"${'ä'.repeat(9 * 1024 * 1024)}"\n3\n${'z'.repeat(17 * 1024 * 1024)}`
    const { records, problems } = await readAll(file('long.ndjson', text))
    expect(records).toEqual([
      [1, 1],
      [3, 3],
    ])
    expect(problems).toMatchObject([
      { line: 2, reason: 'a line of more than 16 MiB', text: expect.stringMatching(/^"ä+…$/) },
      { line: 4, reason: 'a line of more than 16 MiB', text: expect.stringMatching(/^z+…$/) },
    ])
  })

  it('reads a line of exactly 16 MiB', async () => {
    const text = `"${'a'.repeat(16 * 1024 * 1024 - 2)}"`
    const { batches, problems } = await readAll(file('limit.ndjson', `${text}\n1\n`))
    expect(problems).toEqual([])
    expect(batches.flat().map(({ line }) => line)).toEqual([1, 2])
  })

  it('does not hold a line that is too long', async () => {
    // One block, 2 GiB of it: what was held would show as memory of array buffers.
    const block = Buffer.alloc(1024 * 1024, 'x')
    let most = 0
    async function* endless() {
      for (let i = 0; i < 2048; i++) {
        yield block
        most = Math.max(most, process.memoryUsage().arrayBuffers)
      }
      yield Buffer.from('\n42\n')
    }
    const before = process.memoryUsage().arrayBuffers
    const problems: MalformedRecord[] = []
    const values: unknown[] = []
    for await (const batch of readNdjson(endless(), (p) => problems.push(p))) values.push(...batch)
    expect(values).toEqual([{ line: 2, value: 42 }])
    expect(problems).toHaveLength(1)
    expect(most - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('throws what onMalformed throws', async () => {
    const onMalformed = () => {
      throw new Error('strict')
    }
    await expect(readAll(file('strict.ndjson', '1\nx\n'), { onMalformed })).rejects.toThrow('strict')
  })
})
