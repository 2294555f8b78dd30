import { expect, test } from 'vitest'
import { createEngine } from '../../src/index.ts'
import { MILLRACE, Modules } from '../fixtures/program.ts'

test('the time of an event with a time to live is that of its publishing, however long the thread has not yielded', async () => {
  await using engine = await createEngine({ workers: 0 })
  using subscription = engine.subscribe('work.*')
  engine.publish('work.first')
  const end = Date.now() + 60
  while (Date.now() < end);
  engine.publish('work.second', 1, { ttlMs: 1_000 })
  await engine.drain()
  const [, second] = await subscription.receiveBatch({ timeoutMs: 0 })
  expect(second!.time).toBeGreaterThanOrEqual(end)
})

test('each call of a handler publishes with a time of its own', async () => {
  using modules = new Modules()
  const file = modules.write(
    'busy.ts',
    `import { defineHandlers } from '${MILLRACE}'
    export default defineHandlers({
      busy: (_event, ctx) => {
        const end = Date.now() + 20
        while (Date.now() < end);
        ctx.publish('done', Date.now())
      },
    })`,
  )
  await using engine = await createEngine({ workers: 0, handlers: file })
  using subscription = engine.subscribe('done')
  for (let i = 0; i < 4; i++) engine.publish('busy')
  await engine.drain()
  const done = await subscription.receiveBatch({ timeoutMs: 0 })
  expect(done).toHaveLength(4)
  for (const event of done) expect(event.time).toBeGreaterThanOrEqual(event.data)
})
