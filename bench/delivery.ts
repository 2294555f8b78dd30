/**
 * Events delivered and handled per second, beside the ways that Node has: `npm run bench -- [--quick] [--json FILE]`.
 *
 * A fresh process for each variant and round, the order reversed every other round; each round of events is verified
 * by count and checksum. Medians and their spread.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { PayloadKind } from './payload.ts'
import { VARIANTS } from './variants.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    check: { type: 'boolean', default: false },
  },
})
const ROUNDS = values.quick ? 1 : 3
const SECONDS = values.quick ? 0.5 : 1.5
const measureFile = fileURLToPath(new URL('./measure.ts', import.meta.url))

type Case = { name: string; kind: PayloadKind; runs: number[] }
const cases: Case[] = VARIANTS.flatMap(({ name, kinds }) => kinds.map((kind) => ({ name, kind, runs: [] })))

for (let round = 0; round < ROUNDS; round++) {
  for (const measured of round % 2 === 0 ? cases : cases.toReversed()) {
    process.stderr.write(`\rround ${round + 1} of ${ROUNDS}: ${measured.name}, ${measured.kind}\u001b[K`)
    const output = execFileSync(
      process.execPath,
      [measureFile, measured.name, measured.kind, String(SECONDS)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        encoding: 'utf8',
      },
    )
    measured.runs.push(JSON.parse(output.trim().split('\n').at(-1)!).eventsPerSecond)
  }
}
process.stderr.write('\r\u001b[K')

function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1]!
}

function rate(name: string, kind: PayloadKind): number {
  return median(cases.find((measured) => measured.name === name && measured.kind === kind)!.runs)
}

const results = cases.map(({ name, kind, runs }) => ({
  suite: 'delivery',
  name: `${name}, ${kind}`,
  unit: 'events/s',
  value: median(runs),
  runs,
  ratioTo: { name: `worker.postMessage, ${kind}`, ratio: median(runs) / rate('worker.postMessage', kind) },
}))

for (const kind of ['object', 'bytes'] as const) {
  const table = new Table({
    head: [
      kind === 'object' ? 'MessagePack object, 3 fields' : '64 bytes',
      'events/s',
      'spread',
      '× postMessage',
    ],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  for (const { name, value, runs, ratioTo } of results.filter((result) => result.name.endsWith(kind))) {
    const spread = (Math.max(...runs) - Math.min(...runs)) / value
    table.push([
      name.split(',')[0]!,
      Math.round(value).toLocaleString('en-US'),
      `${(100 * spread).toFixed(0)} %`,
      ratioTo.ratio.toFixed(2),
    ])
  }
  console.log(table.toString())
}

/** What encoding and decoding in two threads at once would allow. */
const codecLimit = Math.min(rate('encode alone', 'object'), rate('decode alone', 'object'))
const best = (kind: PayloadKind): number =>
  Math.max(rate('millrace publish', kind), rate('millrace sendBatch', kind))
const goals = [
  { name: 'bytes against postMessage', ratio: best('bytes') / rate('worker.postMessage', 'bytes'), goal: 10 },
  {
    name: 'objects against postMessage',
    ratio: best('object') / rate('worker.postMessage', 'object'),
    goal: 3,
  },
  { name: 'objects against the codec alone', ratio: best('object') / codecLimit, goal: 0.8 },
  { name: 'objects against piscina.run', ratio: best('object') / rate('piscina.run', 'object'), goal: 20 },
  { name: 'bytes against piscina.run', ratio: best('bytes') / rate('piscina.run', 'bytes'), goal: 20 },
]
for (const { name, ratio, goal } of goals) {
  console.log(`${ratio >= goal ? 'reached' : 'MISSED '} ${name}: ${ratio.toFixed(2)}, goal ${goal}`)
}

if (values.json !== undefined) {
  const environment = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    os: release(),
    date: new Date().toISOString(),
  }
  writeFileSync(values.json, `${JSON.stringify({ environment, results, goals }, null, 2)}\n`)
}
if (values.check && goals.some(({ ratio, goal }) => ratio < goal)) process.exitCode = 1
