import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import type { Flight } from './flight.ts'

export type { Flight } from './flight.ts'

export interface Airport {
  name: string
  city: string
  state: string
  /** Degrees, north and east are positive. */
  latitude: number
  longitude: number
}

export interface FlightSource {
  /** How many flights `chunks` will give. */
  rows: number
  /** Flights in order of departure. Can be walked through more than once; each walk reads the file again. */
  chunks: AsyncIterable<Flight[]>
}

const CHUNK_ROWS = 65_536

/**
 * Opens the 3,000,000 US flights of January to June 2001 that vega-datasets carries. One row group (272,727
 * rows) is decoded at a time and handed on in slices, so memory does not grow with the number of rows.
 */
export async function openFlights(options: { rows?: number } = {}): Promise<FlightSource> {
  const { rows: wanted = Number.POSITIVE_INFINITY } = options
  if (wanted !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(wanted) && wanted >= 0)) {
    throw new RangeError(`rows must be a non-negative integer, got ${wanted}`)
  }
  const file = await asyncBufferFromFile(pathOf('flights-3m.parquet'))
  const metadata = await parquetMetadataAsync(file)
  const rows = Math.min(wanted, Number(metadata.num_rows))

  async function* chunks(): AsyncGenerator<Flight[]> {
    let groupStart = 0
    for (const group of metadata.row_groups) {
      const rowStart = groupStart
      const rowEnd = Math.min(rows, rowStart + Number(group.num_rows))
      if (rowStart >= rowEnd) return
      groupStart = rowEnd

      const columns = new Columns(rowEnd - rowStart)
      await parquetRead({
        file,
        metadata,
        rowStart,
        rowEnd,
        compressors: { ZSTD: (page) => zstdDecompressSync(page) },
        parsers: { timestampFromMicroseconds: (micros) => Number(micros) / 1000 },
        onChunk: (piece) => columns.take(piece.columnName, piece.columnData, piece.rowStart - rowStart),
      })
      for (let start = 0; start < columns.length; start += CHUNK_ROWS) {
        yield columns.slice(start, Math.min(start + CHUNK_ROWS, columns.length))
      }
    }
  }

  return { rows, chunks: { [Symbol.asyncIterator]: chunks } }
}

/** One row group by column, before it becomes objects: typed arrays let go of the decoder's bigints at once. */
class Columns {
  readonly length: number
  private readonly numbers: Record<string, Float64Array | Int32Array>
  private readonly texts: Record<string, string[]> = { origin: [], destination: [] }

  constructor(length: number) {
    this.length = length
    this.numbers = {
      date: new Float64Array(length),
      delay: new Int32Array(length),
      distance: new Int32Array(length),
    }
  }

  /** A column may come in several pieces, and further than the rows that were asked for. */
  take(name: string, piece: ArrayLike<unknown>, start: number): void {
    const rows = Math.min(piece.length, this.length - start)
    const numbers = this.numbers[name]
    const texts = this.texts[name]
    for (let i = 0; i < rows; i++) {
      if (numbers !== undefined) numbers[start + i] = Number(piece[i])
      else if (texts !== undefined) texts[start + i] = String(piece[i])
    }
  }

  slice(start: number, end: number): Flight[] {
    const { date, delay, distance } = this.numbers
    const { origin, destination } = this.texts
    const flights: Flight[] = []
    for (let i = start; i < end; i++) {
      flights.push({
        date: date![i]!,
        delay: delay![i]!,
        distance: distance![i]!,
        origin: origin![i]!,
        destination: destination![i]!,
      })
    }
    return flights
  }
}

/** The 3,376 airports of `airports.csv`, by IATA code. */
export async function loadAirports(): Promise<Map<string, Airport>> {
  const records: Record<string, string>[] = parse(await readFile(pathOf('airports.csv')), { columns: true })
  return new Map(
    records.map(({ iata, name, city, state, latitude, longitude }) => [
      iata!,
      { name: name!, city: city!, state: state!, latitude: Number(latitude), longitude: Number(longitude) },
    ]),
  )
}

/** The package's exports map leads every subpath to `build/index.js`, so its data is found from there. */
function pathOf(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')))
}
