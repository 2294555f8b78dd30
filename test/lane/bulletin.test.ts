import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { OptionsError } from '../../src/index.ts'
import { Bulletin } from '../../src/lane/bulletin.ts'

test('the last version is read, and no version before the first', () => {
  const memory = Bulletin.allocate()
  const bulletin = new Bulletin(memory)
  const reader = new Bulletin(memory)
  expect(reader.version).toBe(0)
  expect(reader.read()).toEqual({ version: 0, text: '' })
  for (const text of ['first, of ü', '', 'a longer third one']) {
    bulletin.post(text)
    expect(reader.read()).toEqual({ version: bulletin.version, text })
  }
  expect(reader.version).toBe(3)
})

test('a text that is too long is refused, and the last one stays', () => {
  const bulletin = new Bulletin(Bulletin.allocate())
  bulletin.post('kept')
  expect(() => bulletin.post('x'.repeat(2 ** 24 + 1))).toThrow(OptionsError)
  expect(bulletin.read()).toEqual({ version: 1, text: 'kept' })
})

test('while another thread writes, every text that is read is whole', async () => {
  const memory = Bulletin.allocate()
  const reader = new Bulletin(memory)
  const writer = new Worker(new URL('../fixtures/bulletin-writer.ts', import.meta.url), {
    workerData: memory,
  })
  let last = 0
  let versions = 0
  const ended = new Promise((resolve) => writer.once('exit', resolve))
  try {
    while (versions < 500) {
      const { version, text } = reader.read()
      expect(version).toBeGreaterThanOrEqual(last)
      // Each has its version's last digit, so many times as the version says.
      if (version > 0) expect(text).toBe(`${version % 10}`.repeat(1 + (version % 1_000)))
      if (version !== last) versions++
      last = version
    }
  } finally {
    await writer.terminate()
    await ended
  }
})
