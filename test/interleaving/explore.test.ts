import { expect, test } from 'vitest'
import * as ring from '../../native-free-ring/src/index.ts'
import { Explorer } from './explorer.ts'
import { CASES } from './scenarios/all.ts'

test.each(CASES.map(({ make }) => [make(ring).name, make] as const))(
  'every interleaving: %s',
  { timeout: 300_000 },
  (_, make) => {
    const { violation, states } = new Explorer(make(ring)).explore()
    expect(violation?.path.concat(violation.message)).toBeUndefined()
    expect(states).toBeGreaterThan(200)
  },
)
