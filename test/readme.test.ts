import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/**
 * Runs the programs of the documents. A block of TypeScript whose first line is a comment with a file name is that
 * file (`example.ts` without one); the last one before a block of text is run, and must print that text.
 */
const ROOT = resolve(import.meta.dirname, '..')
const DOCUMENTS = ['README.md', 'docs/GUIDE.md', 'native-free-ring/README.md']

type Program = { document: string; files: Map<string, string>; main: string; output: string }

function programsOf(document: string): Program[] {
  const programs: Program[] = []
  let files = new Map<string, string>()
  let main = ''
  const source = readFileSync(join(ROOT, document), 'utf8')
  for (const [, language, code] of source.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (language === 'ts') {
      const name = /^\/\/ ([\w-]+\.ts)/.exec(code!)?.[1] ?? 'example.ts'
      files.set(name, code!)
      main = name
    } else if (language === 'text' && main !== '') {
      programs.push({ document, files, main, output: code! })
      files = new Map(files)
      main = ''
    }
  }
  if (main !== '') throw new Error(`${document}: ${main} has no output`)
  return programs
}

const programs = DOCUMENTS.flatMap(programsOf)

test('there are programs to run', () => {
  expect(programs.length).toBeGreaterThan(8)
})

test.each(programs.map((program) => [`${program.document}, ${program.main}`, program] as const))(
  '%s',
  (_, program) => {
    const folder = mkdtempSync(join(ROOT, 'test/.programs-'))
    try {
      const quoted = (path: string) => `'${relative(folder, join(ROOT, path))}'`
      for (const [name, code] of program.files) {
        const source = code
          .replaceAll("'millrace'", quoted('src/index.ts'))
          .replaceAll("'millrace/store'", quoted('src/store/index.ts'))
          .replaceAll("'native-free-ring'", quoted('native-free-ring/src/index.ts'))
        writeFileSync(join(folder, name), source)
      }
      const printed = execFileSync(process.execPath, [join(folder, program.main)], {
        encoding: 'utf8',
        timeout: 30_000,
      })
      expect(printed).toBe(program.output)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
