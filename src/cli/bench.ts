import { Command, Option } from 'commander'
import { type BenchOptions, bench } from '../../bench/main.ts'
import { SUITE_NAMES } from '../../bench/suites.ts'

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure on this machine: each variant in a fresh process, its results verified')
    .addOption(new Option('--suite <name...>', 'which suites; all if not given').choices(SUITE_NAMES))
    .option('--peers', 'other packages beside it, those that are installed', false)
    .option('--json <file>', 'write { environment, results, goals }')
    .option('--html <file>', 'write a report with plots')
    .option('--quick', 'one short round of each: for a first look', false)
    .option('--check', 'exit 1 if a goal is missed', false)
    .action(async (options: BenchOptions) => {
      process.exitCode = await bench(options)
    })
}
