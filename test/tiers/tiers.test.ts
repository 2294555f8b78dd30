import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/**
 * The loops that every event goes through come to the optimising compiler's code by themselves, and stay there: in a lower tier they take several
 * times as long, and nothing else would tell.
 */
const HOT = [
  'publish',
  'publishDirectly',
  'writePlain',
  'write',
  'show',
  'begin',
  'open',
  'writeBytes',
  'claim',
  'commit',
  'drainDirect',
  'runDirect',
  'next',
  'mark',
  'put',
  'take',
]
const program = fileURLToPath(new URL('./run.ts', import.meta.url))

test.each(['object', 'bytes', 'struct'])('publishing and handling %s', (kind) => {
  const output = execFileSync(process.execPath, ['--allow-natives-syntax', '--trace-deopt', program, kind], {
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [before, window, after] = output.split('WINDOW\n')
  for (const part of [before!, after!])
    expect(JSON.parse(part.split('\n').findLast((line) => line.startsWith('{'))!)).toMatchObject({
      handling: true,
      publishing: true,
    })
  const deopts = window!
    .split('\n')
    // Code of the tiers before it is given up on the way.
    .filter((line) => line.includes('bailout') && line.includes('TURBOFAN'))
    .filter((line) => HOT.some((name) => line.includes(`<JSFunction ${name} `)))
  expect(deopts).toEqual([])
})
