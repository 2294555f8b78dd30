/** One record of the input and the 1-based line on which it starts. */
export interface ParsedRecord {
  readonly line: number
  readonly value: unknown
}

/** A piece of the input that is not a record: it was left out, and reading went on where the format allows. */
export interface MalformedRecord {
  /** 1-based line on which the piece starts, or the nearest line known. */
  readonly line: number
  /** What is wrong with it, for a person. */
  readonly reason: string
  /** The beginning of the piece itself, at most {@link EXCERPT_LENGTH} characters. */
  readonly text: string
  /** Nothing after it can be read. */
  readonly endsInput?: true
}

/** Told of every malformed piece, in the order of the input. */
export type OnMalformed = (problem: MalformedRecord) => void

/**
 * Reads one format: chunks of bytes in, batches of records out. A chunk is pulled from the source only when
 * the records of the one before it have been taken, and whatever a chunk completes is yielded before the next
 * is asked for, so that a slow pipe's records don't wait. A batch is never empty.
 */
export type RecordReader = (
  source: AsyncIterable<Buffer>,
  onMalformed: OnMalformed,
) => AsyncGenerator<ParsedRecord[], void, undefined>

/**
 * The most one record may take. An unclosed quote or a missing newline turns the rest of a file into one
 * record, and without a bound all of it would be held in memory.
 */
export const RECORD_MAX_BYTES = 16 * 1024 * 1024

/** How much of a malformed piece is quoted. */
export const EXCERPT_LENGTH = 200

/** The beginning of a malformed piece, without the line end. */
export function excerpt(text: string): string {
  const trimmed = text.slice(0, EXCERPT_LENGTH + 1).trimEnd()
  return trimmed.length > EXCERPT_LENGTH ? `${trimmed.slice(0, EXCERPT_LENGTH - 1)}…` : trimmed
}
