import { createRequire } from 'node:module'
import { basename } from 'node:path'

const require = createRequire(import.meta.url)
const FOLDER = 'startbootstrap-creative/dist/assets/img'

/** The seven photos that the npm package startbootstrap-creative carries: six of 650 × 350 pixels, and a large one. */
export const PHOTOS: readonly string[] = [
  ...[1, 2, 3, 4, 5, 6].map((number) => `portfolio/fullsize/${number}.jpg`),
  'bg-masthead.jpg',
].map((file) => require.resolve(`${FOLDER}/${file}`))

export function nameOf(path: string): string {
  return basename(path)
}
