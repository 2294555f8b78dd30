import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/**
 * The rules of the house (docs/ARCHITECTURE.md): imports go downward only, rooms of one layer never import each other.
 */
const ROOT = resolve(import.meta.dirname, '..')

const LAYERS: readonly (readonly string[])[] = [
  ['native-free-ring/src', 'src/errors.ts', 'src/fnv1a.ts', 'src/thenable.ts'],
  ['src/event', 'src/topic'],
  ['src/lane', 'src/observe'],
  ['src/publish', 'src/dispatch', 'src/subscribe', 'src/store'],
  ['workers'],
  ['src/engine'],
  ['src/index.ts'],
  ['examples'],
  ['bench'],
  ['src/cli'],
]

const FILES = ['native-free-ring/src', 'src', 'workers', 'bench', 'examples'].flatMap((root) =>
  readdirSync(join(ROOT, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, name)),
)

/** The room that a file belongs to. */
function roomOf(file: string): string {
  const room = LAYERS.flat().find((name) => file === name || file.startsWith(`${name}/`))
  if (room === undefined) throw new Error(`${file} is in no room`)
  return room
}

function layerOf(room: string): number {
  return LAYERS.findIndex((rooms) => rooms.includes(room))
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8')
  return [...source.matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g)].map((match) =>
    relative(ROOT, resolve(ROOT, dirname(file), match[1] ?? match[2]!)),
  )
}

test('every file belongs to a room', () => {
  expect(FILES.length).toBeGreaterThan(60)
  for (const file of FILES) expect(() => roomOf(file)).not.toThrow()
})

test('imports go downward only', () => {
  const wrong = FILES.flatMap((file) =>
    importsOf(file)
      .filter((target) => roomOf(target) !== roomOf(file) && layerOf(roomOf(target)) >= layerOf(roomOf(file)))
      .map((target) => `${file} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('no imports in a circle', () => {
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file))
      throw new Error(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    if (done.has(file)) return
    for (const target of importsOf(file)) walk(target, [...path, file])
    done.add(file)
  }
  for (const file of FILES) walk(file, [])
})

test('the ring imports nothing but itself', () => {
  for (const file of FILES.filter((name) => name.startsWith('native-free-ring/'))) {
    const source = readFileSync(join(ROOT, file), 'utf8')
    const foreign = [...source.matchAll(/\bfrom '([^']+)'/g)].filter((match) => !match[1]!.startsWith('./'))
    expect(foreign.map((match) => match[1])).toEqual([])
  }
})

test('nothing awaits while modules load, so that CommonJS can require the package', () => {
  for (const file of FILES.filter((name) => name.startsWith('src/') && !name.startsWith('src/cli/main'))) {
    expect(readFileSync(join(ROOT, file), 'utf8')).not.toMatch(/^(await|for await|(const|let) .*= await) /m)
  }
})

test('views of shared memory have a length of their own (decision 8)', () => {
  const following = FILES.filter((file) => !file.startsWith('examples/')).flatMap((file) => {
    const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^ \*.*$/gm, '')
    return [...code.matchAll(/new Int32Array\([\w.!]+\)/g)].map(([view]) => `${file}: ${view}`)
  })
  expect(following).toEqual([])
})
