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
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0)
    throw new InvalidArgumentError('It is a whole number, 0 for no threads.')
  return number
}

/** Malformed records are told one by one up to so many, then only counted. */
const MAX_TOLD = 20

async function run(options: RunOptions): Promise<void> {
  const topicOf = compileTemplate(options.topic)
  const keyOf = options.key === undefined ? undefined : compileField(options.key)
  const progress = new Progress(process.stderr)
  let malformed = 0
  const refuse = (line: number, reason: string): void => {
    if (options.strict) throw new InvalidEventError(`${options.input}:${line}: ${reason}`)
    if (malformed++ < MAX_TOLD) progress.say(`${options.input}:${line}: ${reason}`)
  }
  const { totalBytes, records } = await openRecords(options.input, {
    ...(options.format !== undefined && { format: options.format }),
    onMalformed: ({ line, reason, text }) => refuse(line, `${reason}: ${text}`),
    onBytes: (bytes) => progress.read(bytes),
  })
  const engine = await createEngine({
    workers: options.workers,
    handlers: options.handlers,
    onError: (error) => progress.say(error.message),
  })
  try {
    progress.start(totalBytes)
    const start = performance.now()
    for await (const batch of records) {
      const events = batch.map(({ value, line }) => ({ line, event: eventOf(value, topicOf, keyOf) }))
      await publish(engine, events, refuse)
      progress.published(events.length)
    }
    await engine.drain()
    const seconds = (performance.now() - start) / 1_000
    progress.stop()
    const summary: RunSummary = { seconds, malformed, ...engine.stats() }
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
  refuse: (line: number, reason: string) => void,
): Promise<void> {
  let rest = records
  while (rest.length > 0) {
    let accepted: number
    try {
      accepted = engine.publishBatch(rest.map(({ event }) => event))
    } catch {
      // Nothing of this batch was written: find the record that is wrong.
      await publishEach(engine, rest, refuse)
      return
    }
    const next = rest[accepted]
    if (next === undefined) return
    await engine.send(next.event)
    rest = rest.slice(accepted + 1)
  }
}

async function publishEach(
  engine: Engine,
  records: readonly { line: number; event: EventInput }[],
  refuse: (line: number, reason: string) => void,
): Promise<void> {
  for (const { line, event } of records) {
    try {
      await engine.send(event)
    } catch (error) {
      if (!(error instanceof InvalidEventError || error instanceof EncodeError)) throw error
      refuse(line, error.message)
    }
  }
}
