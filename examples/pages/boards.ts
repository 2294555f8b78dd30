import { readFileSync } from 'node:fs'
import type { Board } from './board.ts'

type Departed = { date: string; delay: number; distance: number; origin: string; destination: string }

const ROWS = 60

/** Boards of real flights, those of vega-datasets' `flights-5k.json`: one for each airport that has at least so many departures. */
export function readBoards(): Board[] {
  const file = new URL('../data/flights-5k.json', import.meta.resolve('vega-datasets'))
  const records = JSON.parse(readFileSync(file, 'utf8')) as Departed[]
  const byAirport = new Map<string, Board>()
  for (const [index, { date, delay, origin, destination }] of records.entries()) {
    const board = byAirport.get(origin) ?? { airport: origin, departures: [] }
    byAirport.set(origin, board)
    if (board.departures.length === ROWS) continue
    board.departures.push({
      flight: `MR ${1000 + index}`,
      to: destination,
      time: date.slice(-5),
      gate: `${'ABCD'[index % 4]}${1 + (index % 30)}`,
      delayMinutes: delay,
    })
  }
  return [...byAirport.values()].filter(({ departures }) => departures.length === ROWS)
}
