import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Explorer, type RingModule } from './explorer.ts'
import { type Mistake, SECOND_PLACES } from './mistakes.ts'
import { CASES } from './scenarios/all.ts'

const source = fileURLToPath(new URL('../../native-free-ring/src', import.meta.url))

/** The ring with a mistake in it. */
export async function withMistake({ file, what, right, wrong }: Mistake): Promise<RingModule> {
  const folder = mkdtempSync(join(tmpdir(), 'mistake-'))
  try {
    cpSync(source, folder, { recursive: true })
    const path = join(folder, file)
    let text = readFileSync(path, 'utf8')
    for (const [from, to] of [[right, wrong], SECOND_PLACES[what] ?? ['', '']] as const) {
      if (!text.includes(from)) throw new Error(`${file} does not contain ${JSON.stringify(from)}`)
      text = text.replace(from, to)
    }
    writeFileSync(path, text)
    return await import(pathToFileURL(join(folder, 'index.ts')).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The scenario that shows the mistake, and how; undefined if none does. */
export async function catchMistake(mistake: Mistake): Promise<string | undefined> {
  const ring = await withMistake(mistake)
  for (const { files, make } of CASES) {
    if (!files.includes(mistake.file)) continue
    const scenario = make(ring)
    const { violation } = new Explorer(scenario).explore()
    if (violation !== undefined) return `${scenario.name}: ${violation.message}`
  }
  return undefined
}
