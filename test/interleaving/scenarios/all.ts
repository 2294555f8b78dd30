import type { RingModule, Scenario } from '../explorer.ts'
import { blocksScenario, roomScenario, sharesScenario } from './blocks.ts'
import { counterScenario, gaugeScenario } from './counts.ts'
import { latestScenario } from './latest.ts'
import { leaseScenario } from './lease.ts'
import { lossyScenario } from './lossy.ts'
import { parkingScenario, wakingScenario } from './parking.ts'
import { recentScenario } from './recent.ts'
import { relayScenario } from './relay.ts'
import { ringScenario } from './ring.ts'

/** A scenario, and the files of the ring that it goes through. */
export type Case = { readonly files: readonly string[]; make(ring: RingModule): Scenario }

const RING = ['writer.ts', 'reader.ts', 'tally.ts']
const LOSSY = ['lossy-writer.ts', 'lossy-reader.ts', 'lossy-gauge.ts', 'tally.ts']
const RECENT = ['recent-set.ts']
const LATEST = ['latest-writer.ts', 'latest-reader.ts', 'counters.ts']

/** Every protocol that shares memory, in the smallest settings that show all of it. */
export const CASES: readonly Case[] = [
  { files: RING, make: (ring) => ringScenario(ring, { records: 6 }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 6, batch: 1 }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 6, start: -16 }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 6, start: 2 ** 31 - 32 }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 5, death: 'writer' }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 5, death: 'reader' }) },
  { files: RING, make: (ring) => ringScenario(ring, { records: 3, weak: true }) },
  { files: RING, make: (ring) => gaugeScenario(ring) },
  {
    files: ['counters.ts'],
    make: (ring) => counterScenario(ring, { from: 2 ** 31 - 2, adds: [1, 1, 2 ** 31 - 1] }),
  },
  {
    files: ['counters.ts'],
    make: (ring) => counterScenario(ring, { from: 2 ** 32 - 2, adds: [1, 1, 2 ** 31 - 1] }),
  },
  { files: ['parking.ts', 'writer.ts', 'reader.ts'], make: (ring) => parkingScenario(ring, { records: 4 }) },
  {
    files: ['parking.ts', 'writer.ts', 'reader.ts'],
    make: (ring) => parkingScenario(ring, { records: 3, weak: true }),
  },
  { files: ['parking.ts'], make: (ring) => wakingScenario(ring) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 4 }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 6, capacity: 5 }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 4, start: -16 }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 3, death: 'writer' }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 3, death: 'reader' }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 3, capacity: 1, observed: 'writer' }) },
  { files: LOSSY, make: (ring) => lossyScenario(ring, { records: 3, capacity: 2, observed: 'reader' }) },
  {
    files: LOSSY,
    make: (ring) => lossyScenario(ring, { records: 3, before: 2, capacity: 5, length: 24, weak: true }),
  },
  { files: LATEST, make: (ring) => latestScenario(ring, { keys: [1, 1, 1], slots: 1 }) },
  { files: LATEST, make: (ring) => latestScenario(ring, { keys: [1, 2, 1, 2], slots: 2 }) },
  { files: LATEST, make: (ring) => latestScenario(ring, { keys: [1, 2, 3, 1], slots: 2 }) },
  { files: LATEST, make: (ring) => latestScenario(ring, { keys: [1, 1], slots: 1, death: 'writer' }) },
  { files: LATEST, make: (ring) => latestScenario(ring, { keys: [1, 1, 2], slots: 2, death: 'reader' }) },
  {
    files: LATEST,
    make: (ring) => latestScenario(ring, { keys: [1, 1, 1], slots: 1, before: 1, weak: true }),
  },
  {
    files: ['relay.ts', 'lossy-reader.ts', 'latest-reader.ts', 'writer.ts', 'tally.ts'],
    make: (ring) => relayScenario(ring, { lossy: 3, latest: 0 }),
  },
  {
    files: ['relay.ts', 'lossy-reader.ts', 'latest-reader.ts', 'writer.ts', 'tally.ts'],
    make: (ring) => relayScenario(ring, { lossy: 0, latest: 3 }),
  },
  {
    files: ['relay.ts', 'lossy-reader.ts', 'latest-reader.ts', 'writer.ts', 'tally.ts'],
    make: (ring) => relayScenario(ring, { lossy: 1, latest: 1 }),
  },
  {
    files: ['relay.ts', 'lossy-reader.ts', 'latest-reader.ts', 'writer.ts', 'tally.ts'],
    make: (ring) => relayScenario(ring, { lossy: 3, before: 2, latest: 0, death: true }),
  },
  {
    files: ['relay.ts', 'lossy-reader.ts', 'latest-reader.ts', 'writer.ts', 'tally.ts'],
    make: (ring) => relayScenario(ring, { lossy: 0, latest: 2, death: true }),
  },
  { files: ['lease.ts', 'reader.ts', 'tally.ts'], make: (ring) => leaseScenario(ring, {}) },
  { files: ['lease.ts', 'reader.ts', 'tally.ts'], make: (ring) => leaseScenario(ring, { death: true }) },
  { files: ['lease.ts', 'reader.ts', 'tally.ts'], make: (ring) => leaseScenario(ring, { weak: true }) },
  { files: ['blocks.ts'], make: (ring) => blocksScenario(ring, { pages: 3, sizes: [2, 1] }) },
  { files: ['blocks.ts'], make: (ring) => blocksScenario(ring, { pages: 2, sizes: [2, 1] }) },
  { files: ['blocks.ts'], make: (ring) => blocksScenario(ring, { pages: 3, sizes: [2], death: true }) },
  {
    files: ['blocks.ts'],
    make: (ring) => blocksScenario(ring, { pages: 5, sizes: [2], death: true, past: true }),
  },
  {
    files: ['blocks.ts'],
    make: (ring) => blocksScenario(ring, { pages: 2, sizes: [1, 1], twins: true }),
  },
  {
    files: ['blocks.ts'],
    make: (ring) => blocksScenario(ring, { pages: 3, sizes: [1], twins: true, death: true }),
  },
  { files: ['blocks.ts'], make: (ring) => roomScenario(ring, { keeps: false }) },
  { files: ['blocks.ts'], make: (ring) => roomScenario(ring, { keeps: true }) },
  { files: ['blocks.ts'], make: (ring) => sharesScenario(ring) },
  {
    files: RECENT,
    make: (ring) =>
      recentScenario(ring, {
        names: [
          [0, 1, 1],
          [0, 2, 2],
          [1, 3, 3],
        ],
        never: [
          [0, 1, 2],
          [0, 2, 1],
        ],
      }),
  },
  {
    files: RECENT,
    make: (ring) =>
      recentScenario(ring, {
        names: [
          [0, 1, 1],
          [0, 2, 2],
        ],
        never: [[0, 1, 2]],
        tail: 2 ** 31 - 16,
      }),
  },
  {
    files: RECENT,
    make: (ring) =>
      recentScenario(ring, {
        names: [[0, 2, 2]],
        never: [
          [0, 1, 2],
          [0, 2, 1],
        ],
        old: [[0, 1, 1]],
        tail: 4096,
      }),
  },
  {
    files: RECENT,
    // The name looks, from its sixth byte on, like an entry of what must never be found.
    make: (ring) =>
      recentScenario(ring, {
        names: [[0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 1, 9]],
        never: [[1, 9]],
        tail: 64,
        head: 80,
      }),
  },
]
