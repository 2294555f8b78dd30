/**
 * A web server whose pages are rendered on worker threads: `node examples/pages/demo.ts [PORT]`.
 *
 * The page comes back as bytes, which go to the browser as they are. Without a port it asks itself for some pages, and ends.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEngine } from '../../src/index.ts'
import { readBoards } from './boards.ts'
import type { PageEvents } from './handlers.ts'

const boards = new Map(readBoards().map((board) => [`/${board.airport}`, board]))
const engine = await createEngine<PageEvents>({
  workers: 2,
  handlers: new URL('./handlers.ts', import.meta.url),
})

async function answer(path: string, response: ServerResponse): Promise<void> {
  const board = boards.get(path)
  if (board === undefined) {
    response.writeHead(404).end()
    return
  }
  try {
    const page = await engine.request<Uint8Array>('page.board', board, { timeoutMs: 5_000 })
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
  } catch {
    response.writeHead(503).end()
  }
}

const server = createServer((request, response) => void answer(request.url ?? '/', response))
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

if (process.argv[2] === undefined) {
  for (const path of [...[...boards.keys()].slice(0, 3), '/nowhere']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    const page = await response.text()
    console.log(
      `${path.padEnd(8)} ${response.status}  ${String(page.length).padStart(6)} characters  ${/<p>(.*?)<\/p>/.exec(page)?.[1] ?? ''}`,
    )
  }
  server.close()
  server.closeAllConnections()
  await engine.close()
} else {
  console.log(`http://127.0.0.1:${port}${[...boards.keys()][0]}`)
}
