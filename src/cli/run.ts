import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { createEngine, EncodeError, type Engine, type EventInput, InvalidEventError } from '../index.ts'
import { INPUT_FORMATS, type InputFormat, openRecords } from './input/records.ts'
import { Progress } from './progress.ts'
import { type RunSummary, succeeded, summaryText } from './summary.ts'
import { compileField, compileTemplate } from './template.ts'

type RunOptions = {
  handlers: string[]
  input: string
  format?: InputFormat
  topic: string
  key?: string
  workers: number
  json: boolean
  strict: boolean
}

export function runCommand(): Command {
  return new Command('run')
    .description('publish every record of an input, and run handlers on worker threads')
    .requiredOption('--handlers <file...>', 'modules with handlers, JavaScript or TypeScript')
    .requiredOption('--input <file>', 'file to read, or - for standard input')
    .addOption(new Option('--format <format>', 'guessed from the name if not given').choices(INPUT_FORMATS))
    .option('--topic <template>', 'topic of a record, with {field} for its fields', 'record')
    .option('--key <field>', 'field by which records keep their order')
    .option('--workers <n>', 'worker threads', wholeNumber, availableParallelism())
    .option('--json', 'print the summary as JSON', false)
    .option('--strict', 'stop at the first record that is malformed or can’t be published', false)
    .action(run)
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number, 0 for no threads.')
  return Number(text)
}

/** A slow handler is no reason to end a run. */
const PATIENTLY = { timeoutMs: Number.POSITIVE_INFINITY }

/** Malformed records, and failures, are told one by one up to so many, then only counted. */
const MAX_TOLD = 20

/** What was not published, and whether that ends the run. */
class Refusals {
  malformed = 0
  /** Nothing could be read after some record. */
  endedEarly = false
  /** With `--strict`, the line of the first one: nothing from there on is published. */
  stopLine = Number.POSITIVE_INFINITY
  private readonly strict: boolean
  private readonly say: (line: number, reason: string) => void

  constructor(strict: boolean, say: (line: number, reason: string) => void) {
    this.strict = strict
    this.say = say
  }

  get isStopped(): boolean {
    return this.stopLine !== Number.POSITIVE_INFINITY
  }

  add(line: number, reason: string, endsInput = false): void {
    if (this.isStopped) return
    if (this.malformed++ < MAX_TOLD) this.say(line, reason)
    if (endsInput) this.endedEarly = true
    if (this.strict) this.stopLine = line
  }
}

async function run(options: RunOptions): Promise<void> {
  const topicOf = compileTemplate(options.topic)
  const keyOf = options.key === undefined ? undefined : compileField(options.key)
  const progress = new Progress(process.stderr)
  const refusals = new Refusals(options.strict, (line, reason) =>
    progress.say(`${options.input}:${line}: ${reason}`),
  )
  let failures = 0
  const { totalBytes, records } = await openRecords(options.input, {
    ...(options.format !== undefined && { format: options.format }),
    onMalformed: ({ line, reason, text, endsInput }) => refusals.add(line, `${reason}: ${text}`, endsInput),
    onBytes: (bytes) => progress.read(bytes),
  })
  const engine = await createEngine({
    workers: options.workers,
    handlers: options.handlers,
    onError: (error) => {
      if (failures++ < MAX_TOLD) progress.say(error.message)
    },
  })
  try {
    progress.start(totalBytes)
    const start = performance.now()
    for await (const batch of records) {
      const events = batch
        .filter(({ line }) => line < refusals.stopLine)
        .map(({ value, line }) => ({ line, event: eventOf(value, topicOf, keyOf) }))
      await publish(engine, events, refusals)
      progress.published(events.length)
      if (refusals.isStopped) break
    }
    await engine.drain()
    const seconds = (performance.now() - start) / 1_000
    progress.stop()
    const { malformed, endedEarly, isStopped } = refusals
    const summary: RunSummary = {
      seconds,
      malformed,
      complete: !endedEarly && !isStopped,
      ...engine.stats(),
    }
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : summaryText(summary))
    process.exitCode = succeeded(summary) ? 0 : 1
  } finally {
    progress.stop()
    await engine.close({ timeoutMs: 0 })
  }
}

function eventOf(
  value: unknown,
  topicOf: (record: unknown) => string,
  keyOf: ((record: unknown) => string | undefined) | undefined,
): EventInput {
  const key = keyOf?.(value)
  return { type: topicOf(value), data: value, ...(key !== undefined && { key }) }
}

/** Publishes records in order; one that can't be published is refused, and the others go on. */
async function publish(
  engine: Engine,
  records: readonly { line: number; event: EventInput }[],
  refusals: Refusals,
): Promise<void> {
  let rest = records
  while (rest.length > 0) {
    let accepted: number
    try {
      accepted = engine.publishBatch(rest.map(({ event }) => event))
    } catch {
      // Nothing of this batch was written: find the record that is wrong.
      await publishEach(engine, rest, refusals)
      return
    }
    const next = rest[accepted]
    if (next === undefined) return
    await engine.send({ ...next.event, ...PATIENTLY })
    rest = rest.slice(accepted + 1)
  }
}

async function publishEach(
  engine: Engine,
  records: readonly { line: number; event: EventInput }[],
  refusals: Refusals,
): Promise<void> {
  for (const { line, event } of records) {
    if (line >= refusals.stopLine) return
    try {
      await engine.send({ ...event, ...PATIENTLY })
    } catch (error) {
      if (!(error instanceof InvalidEventError || error instanceof EncodeError)) throw error
      refusals.add(line, error.message)
    }
  }
}
