import { expect, test } from 'vitest'
import { check, type Promises, type Rest } from './check.ts'
import type { Entry, Kind } from './history.ts'

/** `start 1/2 key 3 attempt 1 thread 7`, with what is not said left at its usual. */
function entry(text: string): Entry {
  const [kind, name] = text.split(' ') as [Kind, string]
  const [publisher, number] = (name ?? '0/0').split('/').map(Number) as [number, number]
  const value = (word: string, usual: number) =>
    Number(new RegExp(`${word} (-?\\d+)`).exec(text)?.[1] ?? usual)
  const attempt = value('attempt', kind === 'start' || kind === 'end' ? 1 : 0)
  const lane = value('lane', -1)
  const all = { kind, publisher, number, key: value('key', -1), attempt, thread: value('thread', 7) }
  return lane < 0 ? all : { ...all, lane }
}

const PROMISES: Promises = { delivery: 'at-least-once', affinity: 'sticky', drops: false, mailboxes: false }

function rest(changed: Partial<Rest> = {}): Rest {
  const counts = {
    accepted: 2,
    completed: 2,
    unmatched: 0,
    dropped: 0,
    expired: 0,
    deadLettered: 0,
    pending: 0,
  }
  const blocks = { bytes: 65_536, usedBytes: 0 }
  return { ...counts, balanced: true, letters: [], blocks, ...changed }
}

const violations = (
  lines: readonly string[],
  promises: Partial<Promises> = {},
  changed: Partial<Rest> = {},
) => check(lines.map(entry), rest(changed), { ...PROMISES, ...promises })

const both = ['publish 1/0 key 3', 'accept 1/0 key 3', 'publish 1/1 key 3', 'accept 1/1 key 3']

test.each<[string, string[], Partial<Promises>?, Partial<Rest>?]>([
  ['two events of a key', [...both, 'start 1/0 key 3', 'end 1/0 key 3', 'start 1/1 key 3', 'end 1/1 key 3']],
  [
    'workers come and go, and a key with them',
    [
      ...[...both, 'start 1/0 key 3', 'change', 'end 1/0 key 3'],
      ...['start 1/1 key 3 thread 8', 'end 1/1 key 3 thread 8'],
    ],
  ],
  ['handled before the publisher was told', ['publish 1/0', 'start 1/0', 'end 1/0', 'accept 1/0']],
  ['refused', ['publish 1/0', 'refuse 1/0']],
  ['answered', ['ask 1/0', 'start 1/0', 'end 1/0', 'result 1/0']],
  ['answered with an error, for want of room or a worker', ['ask 1/0', 'error 1/0']],
  [
    'answered by its second worker',
    [
      'ask 1/0',
      'start 1/0',
      'death',
      'start 1/0 attempt 2 thread 8',
      'end 1/0 attempt 2 thread 8',
      'result 1/0',
    ],
  ],
  [
    'its thread died, another one goes on',
    [
      'publish 1/0',
      'accept 1/0',
      'start 1/0',
      'death',
      'start 1/0 attempt 2 thread 8',
      'end 1/0 attempt 2 thread 8',
    ],
  ],
  [
    'an attempt that was counted and not begun',
    [
      'publish 1/0',
      'accept 1/0',
      'start 1/0',
      'death',
      'start 1/0 attempt 3 thread 8',
      'end 1/0 attempt 3 thread 8',
    ],
  ],
  ['a dead letter', ['publish 1/0', 'accept 1/0', 'start 1/0'], {}, { letters: ['1/0'] }],
  [
    'lost at most once, and counted',
    ['publish 1/0', 'accept 1/0', 'start 1/0', 'death'],
    { delivery: 'at-most-once' },
    { completed: 1, dropped: 1 },
  ],
  ['dropped, and counted', ['publish 1/0', 'accept 1/0'], { drops: true }, { completed: 1, dropped: 1 }],
  [
    'keys of several publishers have no order among them',
    [
      ...['publish 1/5 key 3', 'accept 1/5 key 3', 'publish 2/1 key 3', 'accept 2/1 key 3'],
      ...['start 1/5 key 3', 'end 1/5 key 3', 'start 2/1 key 3', 'end 2/1 key 3'],
    ],
  ],
  [
    'many that have ended in one turn, of which their thread could not say so any more',
    (() => {
      const names = Array.from({ length: 20 }, (_, number) => `1/${number}`)
      return [
        ...names.flatMap((name) => [`publish ${name}`, `accept ${name}`, `start ${name}`]),
        ...names.map((name) => `end ${name}`),
        'death',
        ...names.flatMap((name) => [`start ${name} attempt 2 thread 8`, `end ${name} attempt 2 thread 8`]),
      ]
    })(),
  ],
  [
    'a key goes to another thread after the death of its own',
    [
      ...both,
      'start 1/0 key 3',
      'end 1/0 key 3',
      'death',
      'start 1/1 key 3 thread 8',
      'end 1/1 key 3 thread 8',
    ],
  ],
  [
    'a lane that is handed over, and one whose holder died',
    [
      ...[...both, 'gain 0/0 lane 1', 'start 1/0 key 3 lane 1', 'end 1/0 key 3', 'lose 0/0 lane 1'],
      ...['gain 0/0 lane 1 thread 8', 'death 0/0 thread 8', 'gain 0/0 lane 1 thread 9'],
      ...['start 1/1 key 3 lane 1 thread 9', 'end 1/1 key 3 thread 9'],
    ],
    { affinity: 'balanced' },
  ],
  [
    'a lane that was gained before',
    [...both, 'start 1/0 key 3 lane 1', 'end 1/0 key 3', 'start 1/1 key 3 lane 1', 'end 1/1 key 3'],
  ],
])('holds: %s', (_, lines, promises, changed) => {
  expect(violations(lines, promises, changed)).toEqual([])
})

test.each<[string, string[], RegExp, Partial<Promises>?, Partial<Rest>?]>([
  ['lost', ['publish 1/0', 'accept 1/0'], /1\/0 was accepted and lost/],
  ['begun and lost', ['publish 1/0', 'accept 1/0', 'start 1/0', 'death'], /accepted and lost/],
  [
    'dropped and not counted',
    ['publish 1/0', 'accept 1/0'],
    /1 events were accepted and lost, and 0 dropped/,
    { drops: true },
  ],
  [
    'lost at most once and not counted',
    ['publish 1/0', 'accept 1/0', 'start 1/0', 'death'],
    /accepted and lost, and 0 dropped/,
    { delivery: 'at-most-once' },
  ],
  ['from nowhere', ['start 1/0', 'end 1/0'], /never published/],
  ['before its time', ['start 1/0', 'publish 1/0', 'accept 1/0', 'end 1/0'], /before it was published/],
  [
    'refused and handled',
    ['publish 1/0', 'refuse 1/0', 'start 1/0', 'end 1/0'],
    /told that it is not accepted/,
  ],
  ['both', ['publish 1/0', 'accept 1/0', 'refuse 1/0', 'start 1/0', 'end 1/0'], /accepted and refused/],
  [
    'again, and nobody died',
    ['publish 1/0', 'accept 1/0', 'start 1/0', 'end 1/0', 'start 1/0 attempt 2', 'end 1/0 attempt 2'],
    /the thread that had it lives/,
  ],
  [
    'again before the death',
    [
      'publish 1/0',
      'accept 1/0',
      'start 1/0',
      'start 1/0 attempt 2 thread 8',
      'end 1/0 attempt 2 thread 8',
      'death',
    ],
    /the thread that had it lives/,
  ],
  [
    'an attempt that was not counted',
    ['publish 1/0', 'accept 1/0', 'start 1/0', 'death', 'start 1/0 thread 8', 'end 1/0 thread 8'],
    /attempt 1 comes after attempt 1/,
  ],
  [
    'twice at most once',
    [
      'publish 1/0',
      'accept 1/0',
      'start 1/0',
      'death',
      'start 1/0 attempt 2 thread 8',
      'end 1/0 attempt 2 thread 8',
    ],
    /started 2 times at most once/,
    { delivery: 'at-most-once' },
  ],
  [
    'more that was completed than could have been unsaid',
    Array.from({ length: 4 }, (_, number) => `1/${number}`).flatMap((name, _, names) => [
      ...[`publish ${name}`, `accept ${name}`, `start ${name}`, `end ${name}`],
      ...(name === names.at(-1)
        ? [
            'death',
            ...names.flatMap((all) => [`start ${all} attempt 2 thread 8`, `end ${all} attempt 2 thread 8`]),
          ]
        : []),
    ]),
    /3 events that thread 7 had ended were started again/,
  ],
  [
    'overtaken',
    [...both, 'start 1/1 key 3', 'end 1/1 key 3', 'start 1/0 key 3', 'end 1/0 key 3'],
    /key 3: 0 started after 1/,
  ],
  [
    'at once',
    [...both, 'start 1/0 key 3', 'start 1/1 key 3', 'end 1/0 key 3', 'end 1/1 key 3'],
    /1 started while 0 was being handled/,
  ],
  [
    'an older one again, after a younger one had begun',
    [
      ...[...both, 'start 1/0 key 3', 'end 1/0 key 3', 'start 1/1 key 3', 'death'],
      ...['start 1/0 key 3 attempt 2 thread 8', 'end 1/0 key 3 attempt 2 thread 8'],
      ...['start 1/1 key 3 attempt 2 thread 8', 'end 1/1 key 3 attempt 2 thread 8'],
    ],
    /key 3: 0 started after 1/,
  ],
  [
    'a key that moves twice, though workers have changed once',
    [
      ...[...both, 'publish 1/2 key 3', 'accept 1/2 key 3', 'change', 'start 1/0 key 3', 'end 1/0 key 3'],
      ...['start 1/1 key 3 thread 8', 'end 1/1 key 3 thread 8', 'start 1/2 key 3', 'end 1/2 key 3'],
    ],
    /key 3 left thread 8/,
    {},
    { accepted: 3, completed: 3 },
  ],
  [
    'a key that moves',
    [...both, 'start 1/0 key 3', 'end 1/0 key 3', 'start 1/1 key 3 thread 8', 'end 1/1 key 3 thread 8'],
    /key 3 left thread 7/,
  ],
  [
    'a lane that two have',
    [
      ...both,
      'start 1/0 lane 1',
      'end 1/0',
      'gain 0/0 lane 1 thread 8',
      'start 1/1 lane 1 thread 8',
      'end 1/1 thread 8',
    ],
    /lane 1 was gained by thread 8, and thread 7 has it/,
  ],
  [
    'an event of a lane that was lost',
    [...both, 'gain 0/0 lane 1', 'lose 0/0 lane 1', 'start 1/0 lane 1', 'end 1/0', 'start 1/1', 'end 1/1'],
    /lane 1: start by thread 7, and nobody has it/,
  ],
  [
    'an event of a lane that another has',
    [...both, 'gain 0/0 lane 1', 'start 1/0 lane 1 thread 8', 'end 1/0 thread 8', 'start 1/1', 'end 1/1'],
    /lane 1: start by thread 8, and 7 has it/,
  ],
  ['not answered', ['ask 1/0', 'start 1/0', 'end 1/0'], /1\/0 was asked, and answered 0 times/],
  [
    'answered twice',
    ['ask 1/0', 'start 1/0', 'end 1/0', 'result 1/0', 'error 1/0'],
    /1\/0 was asked, and answered 2 times/,
  ],
  [
    'answered before it was handled',
    ['ask 1/0', 'start 1/0', 'result 1/0', 'end 1/0'],
    /answered before it was handled/,
  ],
  ['answered, and not handled', ['ask 1/0', 'result 1/0'], /1\/0 was accepted and lost/],
  [
    'memory that is not free',
    [],
    /bytes lie in blocks for ever/,
    {},
    { blocks: { bytes: 65_536, usedBytes: 1 } },
  ],
  ['unbalanced', [], /does not balance/, {}, { balanced: false }],
  ['pending for ever', [], /pending for ever/, {}, { accepted: 3, pending: 1 }],
  ['a sum that is wrong', [], /accepted 3, dealt with 2/, {}, { accepted: 3 }],
])('is found: %s', (_, lines, expected, promises, changed) => {
  expect(violations(lines, promises, changed).join('\n')).toMatch(expected)
})

test('an event that goes to a mailbox, too, may be in flight although its handler has ended', () => {
  const names = Array.from({ length: 4 }, (_, number) => `1/${number}`)
  const lines = [
    ...names.flatMap((name) => [`publish ${name}`, `accept ${name}`, `start ${name}`, `end ${name}`]),
    'death',
    ...names.flatMap((name) => [`start ${name} attempt 2 thread 8`, `end ${name} attempt 2 thread 8`]),
  ]
  expect(violations(lines)).toHaveLength(1)
  expect(violations(lines, { mailboxes: true })).toEqual([])
})

test('with balanced affinity, keys may move', () => {
  const lines = [
    ...both,
    'start 1/0 key 3',
    'end 1/0 key 3',
    'start 1/1 key 3 thread 8',
    'end 1/1 key 3 thread 8',
  ]
  expect(violations(lines, { affinity: 'balanced' })).toEqual([])
})
