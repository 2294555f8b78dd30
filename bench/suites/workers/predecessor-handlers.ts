import { defineHandlers } from '../../../src/index.ts'

/** Listeners that count what they get, as those of the systems' own benchmarks do. */
const counts = new Float64Array(10)

export default defineHandlers({
  'one.event': () => {
    counts[0]!++
  },
  'ten.event': () => {
    counts[0]!++
  },
  ...Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [
      // Nine more, by patterns of the same topic.
      [
        'ten.*',
        'ten.**',
        '*.event',
        'ten.e*',
        'ten.?vent',
        'ten.[e]vent',
        '{ten,eleven}.event',
        'ten.even?',
        't*.event',
      ][index]!,
      {
        name: `listener ${index + 2}`,
        filter: (event: { type: string }) => event.type === 'ten.event',
        handle: () => {
          counts[index + 1]!++
        },
      },
    ]),
  ),
  counts: () => {
    const answer = [...counts]
    counts.fill(0)
    return answer
  },
})
