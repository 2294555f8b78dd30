import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { DeadLetter } from '../../src/dispatch/failure.ts'
import { FailureReports } from '../../src/dispatch/failure-reports.ts'

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

test('a hundred a second are told; the next one says how many were not', () => {
  const told: [string, number][] = []
  const reports = new FailureReports((letter, untold) => void told.push([letter.handler, untold]))
  const add = (handler: string) => reports.add({ handler } as DeadLetter)
  for (let i = 0; i < 130; i++) add(`a${i}`)
  expect(told.length).toBe(100)
  expect(told.every(([, untold]) => untold === 0)).toBe(true)
  vi.setSystemTime(1_000)
  add('b')
  add('c')
  expect(told.slice(100)).toEqual([
    ['b', 30],
    ['c', 0],
  ])
})
