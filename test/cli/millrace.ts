import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type Finished = { code: number | null; stdout: string; stderr: string }

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs the command line in a process of its own; `input` goes to its standard input, and one output may be closed. */
export function millrace(
  args: readonly string[],
  input?: string,
  closed?: 'stdout' | 'stderr',
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    if (closed !== undefined) child[closed].destroy()
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.end(input)
  })
}
