import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { OptionsError } from '../../errors.ts'
import { readCsv } from './csv.ts'
import { readJson } from './json.ts'
import { readNdjson } from './ndjson.ts'
import type { OnMalformed, ParsedRecord, RecordReader } from './record.ts'

export type { MalformedRecord, OnMalformed, ParsedRecord } from './record.ts'

const READERS = { ndjson: readNdjson, json: readJson, csv: readCsv } satisfies Record<string, RecordReader>

/** A format that `openRecords` reads. */
export type InputFormat = keyof typeof READERS

/** The names of all formats, for the help text. */
export const INPUT_FORMATS = Object.keys(READERS) as InputFormat[]

const FORMAT_OF_EXTENSION: Readonly<Record<string, InputFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
}

/** The bytes of one read; smaller ones cost more calls, larger ones only hold more records at a time. */
const CHUNK_BYTES = 256 * 1024

export interface OpenRecordsOptions {
  /** How the input is written; by default what the extension of the file says. */
  readonly format?: InputFormat
  /** Told of everything in the input that is not a record. */
  readonly onMalformed: OnMalformed
  /** Told, after every read, how many bytes have been read so far. */
  readonly onBytes?: (bytesRead: number) => void
  /** The bytes of one read of a file. Default: 256 KiB. */
  readonly chunkBytes?: number
}

/** An input that was found readable; its file is opened by the first pull. */
export interface OpenedRecords {
  /** The size of the file, or `undefined` for stdin and for whatever has no size. */
  readonly totalBytes: number | undefined
  /** The records in batches, one batch for every chunk that completes any. Can be read once. */
  readonly records: AsyncIterable<ParsedRecord[]>
}

/**
 * Opens a file, or stdin for `-`, and gives its records as they are pulled: memory holds one chunk and its
 * records, however large the input is.
 *
 * Throws `ERR_MILLRACE_OPTIONS` when the file is missing, unreadable or a directory, and when the format is
 * unknown. An error of the file system while the records are read is thrown by the iteration, as it is.
 *
 * ```ts
 * const { records } = await openRecords('flights.csv', { onMalformed: console.warn })
 * for await (const batch of records) for (const { line, value } of batch) console.log(line, value)
 * ```
 */
export async function openRecords(path: string, options: OpenRecordsOptions): Promise<OpenedRecords> {
  const stdin = path === '-'
  const totalBytes = stdin ? undefined : await checkFile(path)
  const read: RecordReader = READERS[options.format ?? guessFormat(path)]
  if (read === undefined) {
    throw new OptionsError(`format must be one of ${INPUT_FORMATS.join(', ')}, not ${options.format}`)
  }
  const open = (): AsyncIterable<Buffer> =>
    stdin ? process.stdin : createReadStream(path, { highWaterMark: options.chunkBytes ?? CHUNK_BYTES })
  return { totalBytes, records: read(readChunks(open, options.onBytes), options.onMalformed) }
}

/** Opens the source with the first pull: records that nobody reads leave no file open. */
async function* readChunks(
  open: () => AsyncIterable<Buffer>,
  onBytes: ((bytesRead: number) => void) | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let bytesRead = 0
  for await (const chunk of open()) {
    bytesRead += chunk.length
    onBytes?.(bytesRead)
    yield chunk
  }
}

/** Looks without opening: a named pipe that is opened and closed would break its writer. */
async function checkFile(path: string): Promise<number | undefined> {
  try {
    await access(path, constants.R_OK)
    const info = await stat(path)
    if (!info.isDirectory()) return info.isFile() ? info.size : undefined
  } catch (cause) {
    throw new OptionsError(`the input can't be read: ${(cause as Error).message}`, { cause })
  }
  throw new OptionsError(`the input is a directory: ${path}`)
}

function guessFormat(path: string): InputFormat {
  const extension = extname(path).toLowerCase()
  const format = FORMAT_OF_EXTENSION[extension]
  if (format !== undefined) return format
  const formats = INPUT_FORMATS.join(', ')
  if (path === '-') throw new OptionsError(`stdin needs a format: one of ${formats}`)
  throw new OptionsError(`no format is known for ${path}: name it, one of ${formats}`)
}
