import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { render } from '../../examples/pages/board.ts'
import { readBoards } from '../../examples/pages/boards.ts'
import { nameOf, PHOTOS } from '../../examples/photos/photos.ts'
import { thumbnailOf } from '../../examples/photos/thumbnail.ts'

async function linesOf(example: string): Promise<string[]> {
  const file = fileURLToPath(new URL(`../../examples/${example}/demo.ts`, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  return stdout.trimEnd().split('\n')
}

test('the workers’ thumbnails are those that one thread makes', { timeout: 60_000 }, async () => {
  const lines = await linesOf('photos')
  expect(lines).toHaveLength(7)
  PHOTOS.forEach((path, index) => {
    const { width, height, bytes, colour } = thumbnailOf(readFileSync(path), 160)
    expect(lines[index]).toMatch(
      new RegExp(`^${nameOf(path)} +${width} × ${height} +${bytes.length} bytes +${colour}$`),
    )
  })
  expect(lines[0]).toMatch(/160 × 86/)
})

test('a thumbnail has the shape, and the colour, of its photo', () => {
  const photo = readFileSync(PHOTOS[0]!)
  const small = thumbnailOf(photo, 65)
  expect([small.width, small.height]).toEqual([65, 35])
  expect(thumbnailOf(photo, 10_000)).toMatchObject({ width: 650, height: 350 })
  const channels = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
  const whole = channels(thumbnailOf(photo, 650).colour)
  for (const [index, channel] of channels(small.colour).entries())
    expect(Math.abs(channel - whole[index]!)).toBeLessThan(4)
})

test('the server answers with the pages that one thread renders', { timeout: 60_000 }, async () => {
  const lines = await linesOf('pages')
  const boards = readBoards()
  expect(lines).toHaveLength(4)
  boards.slice(0, 3).forEach((board, index) => {
    const page = Buffer.from(render(board)).toString()
    const late = board.departures.filter(({ delayMinutes }) => delayMinutes > 0).length
    expect(lines[index]).toMatch(
      new RegExp(`^/${board.airport} +200 +${page.length} characters +60 departures, ${late} of them late$`),
    )
  })
  expect(lines[3]).toMatch(/^\/nowhere +404/)
})

test('what a page shows is escaped', () => {
  const departure = { flight: 'A<B', to: '"Oz" & more', time: '10:00', gate: 'A1', delayMinutes: 0 }
  const page = Buffer.from(render({ airport: '<script>', departures: [departure] })).toString()
  expect(page).toContain('&lt;script&gt;')
  expect(page).toContain('A&lt;B')
  expect(page).not.toContain('<script>')
})
