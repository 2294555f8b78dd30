import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { MalformedRecord, OpenRecordsOptions, ParsedRecord } from '../../../src/cli/input/records.ts'
import { openRecords } from '../../../src/cli/input/records.ts'

/** A folder of its own for the test file that calls it; removed when its tests are over. */
export function inputFolder(): (name: string, content: string | Buffer) => string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-input-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  return (name, content) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
}

/** Reads a file to its end: `[line, value]` of every record, and what was malformed. */
export async function readAll(path: string, options: Partial<OpenRecordsOptions> = {}) {
  const problems: MalformedRecord[] = []
  const batches: ParsedRecord[][] = []
  const onMalformed = (problem: MalformedRecord) => problems.push(problem)
  const { records, totalBytes } = await openRecords(path, { onMalformed, ...options })
  for await (const batch of records) batches.push(batch)
  return { totalBytes, batches, problems, records: batches.flat().map(({ line, value }) => [line, value]) }
}
