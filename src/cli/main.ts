#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { MillraceError } from '../errors.ts'
import { benchCommand } from './bench.ts'
import { runCommand } from './run.ts'

/** Bad usage, as opposed to a run that failed. */
const EXIT_USAGE = 2

const program = new Command('millrace')
  .description('Events through handlers on worker threads')
  .version(packageVersion())
  .exitOverride()
  .addCommand(runCommand())
  .addCommand(benchCommand())

/** Subcommands must not end the process either: the exit code is decided here. */
for (const command of program.commands) command.exitOverride()

// Whoever reads our output may have enough of it: no reason to end a run, or to print a stack.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  // Commander has said what is wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  if (error instanceof MillraceError) {
    process.stderr.write(`millrace: ${error.message} [${error.code}]\n`)
    if (error.cause instanceof Error)
      process.stderr.write(`  caused by ${error.cause.stack ?? error.cause.message}\n`)
    return error.code === 'ERR_MILLRACE_OPTIONS' ? EXIT_USAGE : 1
  }
  process.stderr.write(`millrace: ${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}

/** The version of the package this file belongs to: `package.json` lies above `src` and above `dist/src` alike. */
function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')).version
    } catch {
      // One level further.
    }
  }
  return 'unknown'
}
