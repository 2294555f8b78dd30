import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { openRecords } from '../../../src/cli/input/records.ts'
import { OptionsError } from '../../../src/errors.ts'
import { inputFolder, readAll } from './input-file.ts'

const file = inputFolder()
const ignore = () => {}
// What shows a file opened, or fails while it is read, is in /proc.
const linux = process.platform === 'linux'
const stdinReader = fileURLToPath(new URL('./stdin-reader.ts', import.meta.url))

describe('openRecords', () => {
  it.each([
    ['a.ndjson', '1\n2\n'],
    ['a.jsonl', '1\n2\n'],
    ['a.JSON', '[1,\n2]'],
  ])('guesses the format of %s', async (name, text) => {
    expect((await readAll(file(name, text))).records).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  it('takes the named format before the extension', async () => {
    expect((await readAll(file('a.txt', 'a\n1\n'), { format: 'csv' })).records).toEqual([[2, { a: 1 }]])
    expect((await readAll(file('b.csv', '1\n'), { format: 'ndjson' })).records).toEqual([[1, 1]])
  })

  it.each([
    ['an unknown extension', () => file('a.xml', '<a/>')],
    ['no extension', () => file('data', '1')],
    ['stdin without a format', () => '-'],
    ['a directory', () => tmpdir()],
  ])('refuses %s', async (_, path) => {
    await expect(openRecords(path(), { onMalformed: ignore })).rejects.toThrow(OptionsError)
  })

  it('refuses an unknown format', async () => {
    const options = { format: 'xml' as 'csv', onMalformed: ignore }
    await expect(openRecords(file('c.csv', 'a\n'), options)).rejects.toThrow(/ndjson, json, csv/)
  })

  it('refuses a missing file first, with the cause', async () => {
    const error = await openRecords(join(tmpdir(), 'millrace-no-such.xml'), { onMalformed: ignore }).catch(
      (e) => e,
    )
    expect(error).toBeInstanceOf(OptionsError)
    expect(error.cause).toMatchObject({ code: 'ENOENT' })
  })

  it('counts the bytes read, up to all', async () => {
    const seen: number[] = []
    const path = file('bytes.ndjson', '{"a":"ü"}\n'.repeat(100))
    const { totalBytes } = await readAll(path, { chunkBytes: 256, onBytes: (bytes) => seen.push(bytes) })
    expect(totalBytes).toBe(1100)
    expect(seen).toEqual([256, 512, 768, 1024, 1100])
  })

  it('never yields an empty batch, nor waits for the next chunk', async () => {
    const { batches } = await readAll(file('batch.ndjson', '1\n22\n333\n'), { chunkBytes: 2 })
    expect(batches.map((batch) => batch.map(({ value }) => value))).toEqual([[1], [22], [333]])
  })

  it.runIf(linux)('throws an error of the file system that comes later as it is', async () => {
    const { records } = await openRecords('/proc/self/mem', { format: 'ndjson', onMalformed: ignore })
    await expect(records[Symbol.asyncIterator]().next()).rejects.toMatchObject({ syscall: 'read' })
  })
})

const LARGE = {
  ndjson: `{"a":"${'x'.repeat(90)}"}\n`.repeat(50_000),
  json: `[${`{"a":"${'x'.repeat(90)}"},\n`.repeat(50_000)}1]`,
  csv: `a\n${`${'x'.repeat(99)}\n`.repeat(50_000)}`,
}

describe.each(['ndjson', 'json', 'csv'] as const)('back-pressure of %s', (format) => {
  it('reads no more than a chunk ahead of a consumer that stops', async () => {
    let bytes = 0
    const path = file(`pressure.${format}`, LARGE[format])
    const { records } = await openRecords(path, {
      onMalformed: ignore,
      chunkBytes: 16 * 1024,
      onBytes: (read) => {
        bytes = read
      },
    })
    const iterator = records[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.next()
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    expect(bytes).toBe(32 * 1024)
    await iterator.return?.()
  })

  it.runIf(linux)('closes the file when the consumer leaves early, and opens none before', async () => {
    const path = file(`leave.${format}`, LARGE[format])
    const opened = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === path
        } catch {
          return false
        }
      }).length
    const { records } = await openRecords(path, { onMalformed: ignore, chunkBytes: 16 * 1024 })
    expect(opened()).toBe(0)
    for await (const _ of records) {
      expect(opened()).toBe(1)
      break
    }
    while (opened() > 0) await new Promise(setImmediate)
  })

  it('reads stdin', async () => {
    const run = promisify(execFile)(process.execPath, [stdinReader, format])
    run.child.stdin!.end(
      { ndjson: '{"a":"ü"}\nx\n2', json: '[{"a":"ü"},\n2, x]', csv: 'a\nü\n2\n3,4\n' }[format],
    )
    const { stdout } = await run
    expect(JSON.parse(stdout)).toEqual(
      {
        ndjson: {
          total: null,
          records: [
            [1, { a: 'ü' }],
            [3, 2],
          ],
          problems: [2],
        },
        json: {
          total: null,
          records: [
            [1, { a: 'ü' }],
            [2, 2],
          ],
          problems: [2],
        },
        csv: {
          total: null,
          records: [
            [2, { a: 'ü' }],
            [3, { a: 2 }],
          ],
          problems: [4],
        },
      }[format],
    )
  })

  it('leaves in the pipe what a consumer of stdin does not pull', async () => {
    const child: ChildProcess = spawn(process.execPath, [stdinReader, format, 'stop'], {
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    })
    child.stdin!.on('error', ignore)
    child.stdin!.write(LARGE[format])
    const [bytesRead] = await once(child, 'message')
    expect(bytesRead).toBeGreaterThan(0)
    expect(bytesRead).toBeLessThan(1024 * 1024)
    child.stdin!.destroy()
    child.disconnect()
    await once(child, 'exit')
  })
})
