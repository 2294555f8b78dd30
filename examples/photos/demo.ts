/**
 * Makes thumbnails of real photos on worker threads: `node examples/photos/demo.ts`.
 *
 * Each file is read into a block of shared memory, which a worker decodes where it lies: the main thread never copies a photo.
 */
import { open } from 'node:fs/promises'
import { type Block, createEngine, type Engine } from '../../src/index.ts'
import type { PhotoEvents } from './handlers.ts'
import { nameOf, PHOTOS } from './photos.ts'
import type { Thumbnail } from './thumbnail.ts'

/** The file's bytes, in memory that all threads share. */
async function read(engine: Engine<PhotoEvents>, path: string): Promise<Block> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const block = engine.allocate(size)
    await file.read(block, 0, size)
    return block
  } finally {
    await file.close()
  }
}

const engine = await createEngine<PhotoEvents>({
  workers: 2,
  handlers: new URL('./handlers.ts', import.meta.url),
})
const thumbnails = await Promise.all(
  PHOTOS.map(async (path) => {
    const thumbnail = await engine.request<Thumbnail>('photo.uploaded', await read(engine, path))
    return { path, ...thumbnail }
  }),
)
for (const { path, width, height, bytes, colour } of thumbnails)
  console.log(
    `${nameOf(path).padEnd(16)} ${width} × ${height}  ${String(bytes.length).padStart(5)} bytes  ${colour}`,
  )
await engine.close()
