import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  ClosedError,
  createEngine,
  type Engine,
  type EngineOptions,
  HandlerLoadError,
  OptionsError,
} from '../../src/index.ts'
import { Modules } from '../fixtures/program.ts'
import { received } from '../fixtures/received.ts'

let files: Modules
beforeEach(() => {
  files = new Modules()
})
afterEach(() => files[Symbol.dispose]())

const start = (workers: number, options: EngineOptions = {}): Promise<Engine> =>
  createEngine({ workers, onError: () => {}, ...options })

/** A handler of `work.*` that tells its version, and of what. */
const telling = (version: number, more = '') =>
  `export default { 'work.*': { name: 'worker', handle: async (event, ctx) => {
    if (event.data % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
    await ctx.send('told', { version: ${version}, n: event.data, worker: ctx.workerId }, { key: event.key })
  } } }\n${more}`

describe.each([0, 1, 3])('workers: %d', (workers) => {
  test('a module that is added handles what is published then; one that is removed nothing more', async () => {
    const first = files.write('first.mjs', "export default { 'other': () => {} }")
    await using engine = await start(workers, { handlers: first })
    const told = engine.subscribe('told', { onFull: 'block' })
    await engine.send('work.a', 1)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ unmatched: 1, completed: 0 })
    const second = files.write('second.mjs', telling(1))
    await engine.modules.add(second)
    expect(engine.modules.list().map((url) => url.split('/').at(-1))).toEqual(['first.mjs', 'second.mjs'])
    for (let n = 0; n < 30; n++) await engine.send('work.a', n)
    expect(await received(told, 30)).toHaveLength(30)
    await engine.modules.remove(second)
    expect(engine.modules.list()).toHaveLength(1)
    await engine.drain()
    await engine.send('work.a', 1)
    await engine.drain()
    expect(engine.stats()).toMatchObject({ unmatched: 2, pending: 0, balanced: true })
    expect(engine.stats().handlers.map(({ name }) => name)).toEqual(['other'])
    // It was removed, and comes back with what its file says now.
    files.write('second.mjs', telling(2))
    await engine.modules.add(second)
    await engine.send('work.a', 7)
    expect(await received(told, 1)).toMatchObject([{ version: 2, n: 7 }])
  })

  test('a module that is replaced a hundred times under load: every event is handled once, by the version before or after', async () => {
    const file = files.write('worker.mjs', telling(0))
    await using engine = await start(workers, { handlers: file, ringBytes: 4_096 })
    const told = engine.subscribe('told', { onFull: 'block', capacity: 1_000_000 })
    let sent = 0
    let version = 0
    let isOver = false
    /** The version there was when an event was published. */
    const versions: number[] = []
    const publishing = (async () => {
      while (!isOver) {
        versions.push(version)
        await engine.send('work.a', sent, sent % 4 === 0 ? {} : { key: `k${sent % 13}` })
        if (++sent % 50 === 0) await wait(0)
      }
    })()
    for (let next = 1; next <= 100; next++) {
      files.write('worker.mjs', telling(next))
      await engine.modules.replace(file)
      version = next
    }
    isOver = true
    await publishing
    await engine.drain()
    const all = await received(told, sent)
    expect(await told.receiveBatch({ max: 1, timeoutMs: 0 })).toEqual([])
    expect(sent).toBeGreaterThan(300)
    expect(all.map(({ n }) => n).sort((a, b) => a - b)).toEqual(versions.map((_, n) => n))
    // Not by one that had been replaced before it was published; nor by one that came much later.
    expect(all.filter(({ n, version: by }) => by < versions[n]!)).toEqual([])
    expect(new Set(all.map(({ version: by }) => by)).size).toBeGreaterThan(50)
    for (let key = 0; key < 13; key++) {
      const own = all.filter(({ n }) => n % 4 !== 0 && n % 13 === key)
      expect(own.map(({ n }) => n)).toEqual(own.map(({ n }) => n).sort((a, b) => a - b))
      expect(own.map(({ version: by }) => by)).toEqual(own.map(({ version: by }) => by).sort((a, b) => a - b))
    }
    const { handlers, completed, balanced, deadLettered } = engine.stats()
    expect({ completed, balanced, deadLettered }).toEqual({
      completed: 2 * sent,
      balanced: true,
      deadLettered: 0,
    })
    expect(handlers).toMatchObject([{ name: 'worker', matched: sent, succeeded: sent, pending: 0 }])
  }, 60_000)

  test('what is in flight ends with the version that began it, which is torn down after that', async () => {
    const version = (name: string) => `
      export const hooks = { teardown: () => void (globalThis.tornDown ??= []).push('${name}') }
      export default {
        hold: async (event, ctx) => {
          const { promise, resolve } = Promise.withResolvers()
          globalThis.letGo = resolve
          await ctx.send('told', '${name} holds')
          await promise
          await ctx.send('told', '${name} lets go')
        },
        'let.go': () => globalThis.letGo(),
        'torn.down': () => (globalThis.tornDown ?? []).splice(0),
        ask: () => '${name}',
      }`
    const file = files.write('hold.mjs', version('one'))
    await using engine = await start(Math.min(workers, 1), { handlers: file })
    const told = engine.subscribe('told', { onFull: 'block' })
    engine.publish('hold')
    expect(await received(told, 1)).toEqual(['one holds'])
    files.write('hold.mjs', version('two'))
    await engine.modules.replace(file)
    expect(await engine.request('ask')).toBe('two')
    for (let turn = 0; turn < 20; turn++) expect(await engine.request('torn.down')).toEqual([])
    engine.publish('let.go')
    expect(await received(told, 1)).toEqual(['one lets go'])
    await vi.waitFor(async () => expect(await engine.request('torn.down')).toEqual(['one']))
    expect(engine.stats()).toMatchObject({ balanced: true, deadLettered: 0 })
  })

  test('one that can not be loaded changes nothing', async () => {
    const file = files.write('worker.mjs', telling(1))
    await using engine = await start(workers, { handlers: file })
    const told = engine.subscribe('told', { onFull: 'block' })
    const broken: [string, RegExp][] = [
      ['export default {', /can't be loaded/],
      ['export default { a: 1 }', /not a function/],
      [
        "export const hooks = { setup() { throw new Error('no') } }\nexport default { a() {} }",
        /setup of .* failed: no/,
      ],
      ["export default { 'work.*': { pool: 'gone', handle() {} } }", /pool "gone"/],
      ["export default { 'work.*': { scope: 'every-worker', handle() {} } }", /to another pool or scope/],
    ]
    for (const [source, message] of broken) {
      files.write('worker.mjs', source)
      const error = await engine.modules.replace(file).catch((reason) => reason)
      expect(error).toBeInstanceOf(HandlerLoadError)
      expect(error.message).toMatch(message)
      await engine.send('work.a', 1)
      expect(await received(told, 1)).toMatchObject([{ version: 1 }])
    }
    expect(await engine.modules.add(file).catch((reason) => reason)).toBeInstanceOf(OptionsError)
    for (const change of [engine.modules.replace('gone.mjs'), engine.modules.remove('gone.mjs')])
      expect(await change.catch((reason) => reason)).toBeInstanceOf(OptionsError)
    await engine.drain()
    expect(engine.stats().handlers).toMatchObject([{ name: 'worker', succeeded: broken.length }])
  })

  test('changes that are asked for at once come one after the other', async () => {
    const file = files.write('worker.mjs', telling(1))
    await using engine = await start(workers, { handlers: file })
    const other = files.write('other.mjs', "export default { ask: () => 'other' }")
    const changes = [engine.modules.add(other), engine.modules.replace(file), engine.modules.remove(other)]
    await Promise.all(changes)
    expect(engine.modules.list()).toHaveLength(1)
    await engine.modules.add(other)
    expect(await engine.request('ask')).toBe('other')
    const closing = engine.modules.replace(file)
    await engine.close()
    await closing.catch((error) => expect(error).toBeInstanceOf(ClosedError))
    await expect(engine.modules.remove(file)).rejects.toThrow(ClosedError)
  })

  test('the order of modules stays: the first answers', async () => {
    const answering = (name: string) => `export default { ask: () => '${name}' }`
    const first = files.write('first.mjs', answering('first'))
    const second = files.write('second.mjs', answering('second'))
    await using engine = await start(workers, { handlers: [first, second] })
    files.write('first.mjs', answering('first again'))
    await engine.modules.replace(first)
    expect(await engine.request('ask')).toBe('first again')
    await engine.modules.remove(first)
    expect(await engine.request('ask')).toBe('second')
    await engine.modules.replace(second, files.write('third.mjs', answering('third')))
    expect(await engine.request('ask')).toBe('third')
    expect(engine.modules.list().map((url) => url.split('/').at(-1))).toEqual(['third.mjs'])
  })

  test('lanes change hands between versions: the old one loses them before the new one gains them', async () => {
    const version = (name: string) => `
      const log = (globalThis.laneLog ??= [])
      const held = new Set()
      export const hooks = {
        laneGained: async (lane) => { held.add(lane); log.push('${name} gained ' + lane) },
        laneLost: async (lane) => { held.delete(lane); log.push('${name} lost ' + lane) },
      }
      export default {
        'work.*': async (event, ctx) => {
          await new Promise((resolve) => setImmediate(resolve))
          log.push('${name} ' + (held.has(ctx.lane) ? 'has ' : 'LACKS ') + ctx.lane)
        },
        'log': () => log,
      }`
    const file = files.write('lanes.mjs', version('one'))
    await using engine = await start(Math.min(workers, 1), { handlers: file, lanes: 2 })
    const sent: Promise<void>[] = []
    const send = () => {
      for (let n = 0; n < 40; n++) sent.push(engine.send('work.a', n, { key: `k${n % 4}` }))
    }
    send()
    for (const name of ['two', 'three', 'four']) {
      files.write('lanes.mjs', version(name))
      await engine.modules.replace(file)
      send()
    }
    await Promise.all(sent)
    await engine.drain()
    const log: string[] = await engine.request('log')
    expect(log.filter((line) => line.includes('LACKS'))).toEqual([])
    expect(log.filter((line) => line.includes(' has '))).toHaveLength(160)
    for (const lane of [0, 1]) {
      const turns = log.filter((line) => line.endsWith(` ${lane}`) && !line.includes(' has '))
      const expected = ['one', 'two', 'three', 'four'].flatMap((name) => [
        `${name} gained ${lane}`,
        `${name} lost ${lane}`,
      ])
      // Those that follow each other fast may pass over a lane that has nothing to handle; the last one keeps it.
      expect(turns.at(-1)).toBe(`four gained ${lane}`)
      for (let i = 0; i + 1 < turns.length; i += 2) {
        const [who] = turns[i]!.split(' ')
        expect(turns.slice(i, i + 2)).toEqual([`${who} gained ${lane}`, `${who} lost ${lane}`])
      }
      expect(expected.slice(0, -1)).toEqual(expect.arrayContaining(turns))
    }
  })

  test('the first modules that want to know of lanes are told of each before its first event, though it is being read', async () => {
    const quiet = files.write('quiet.mjs', "export default { 'work.*': () => {} }")
    const asking = files.write(
      'asking.mjs',
      `const gained = new Set()
      export const hooks = { laneGained: (lane) => void gained.add(lane) }
      export default { 'work.*': (event, ctx) => { if (!gained.has(ctx.lane)) ctx.publish('early', ctx.lane) } }`,
    )
    await using engine = await start(workers, { handlers: quiet, lanes: 2 })
    const early = engine.subscribe('early')
    const added = engine.modules.add(asking)
    let isAdded = false
    void added.then(() => {
      isAdded = true
    })
    for (let n = 0; !isAdded; await new Promise((resolve) => setImmediate(resolve)))
      for (let i = 0; i < 100; i++) engine.publish('work.a', n++, { key: `k${n % 5}`, onFull: 'drop-newest' })
    await engine.drain()
    expect(early.stats().matched).toBe(0)
  })

  test('one that was replaced and not torn down, as something of it goes on, is when the engine closes; who has a lane loses it', async () => {
    const log = join(files.folder, 'log.txt')
    const version = (name: string) => `
      import { appendFileSync } from 'node:fs'
      const log = (line) => appendFileSync(${JSON.stringify(log)}, '${name} ' + line + '\\n')
      export const hooks = { laneGained: () => log('gained'), laneLost: () => log('lost'), teardown: () => log('down') }
      export default { 'work.*': (event, ctx) => {
        ctx.publish('told', 1)
        return new Promise(() => {})
      } }`
    await using engine = await start(Math.min(workers, 1), {
      handlers: files.write('one.mjs', version('one')),
      lanes: 1,
    })
    const told = engine.subscribe('told')
    engine.publish('work.a', 1, { key: 'k' })
    await received(told, 1)
    await engine.modules.replace(join(files.folder, 'one.mjs'), files.write('two.mjs', version('two')))
    await engine.close({ timeoutMs: 0 })
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    expect(lines).toEqual(['one gained', 'one lost', 'two down', 'one down'])
  })

  test('a module that comes again goes on counting, and needs no numbers', async () => {
    const file = files.write('worker.mjs', telling(1))
    await using engine = await start(workers, { handlers: file })
    const told = engine.subscribe('told', { onFull: 'block' })
    for (let n = 1; n <= 3; n++) {
      await engine.send('work.a', n)
      await received(told, 1)
      await engine.drain()
      expect(engine.stats().handlers).toMatchObject([{ succeeded: n }])
      await engine.modules.remove(file)
      await engine.modules.add(file)
    }
    expect((engine as any).ownModules.nextNumber).toBe(1)
    // Also after one with too many was refused.
    await engine.modules.remove(file)
    const many = `...Object.fromEntries(Array.from({ length: ${2 ** 14} }, (_, n) => ['h' + n, () => {}]))`
    files.write('worker.mjs', telling(1).replace('} } }', `} }, ${many} }`))
    await expect(engine.modules.add(file)).rejects.toThrow('exceed the limit of 16384')
    files.write('worker.mjs', telling(1))
    await engine.modules.add(file)
    expect(engine.stats().handlers).toMatchObject([{ succeeded: 3 }])
  })

  test('a new version has gained a lane before it handles something there, though something of the old one goes on', async () => {
    const version = (name: string) => `
      const held = new Set()
      export const hooks = { laneGained: (lane) => void held.add(lane), laneLost: (lane) => void held.delete(lane) }
      export default {
        hold: (event, ctx) => new Promise((resolve) => {
          const channel = new BroadcastChannel('modules.test')
          channel.onmessage = () => { channel.close(); resolve() }
          ctx.publish('held')
        }),
        tick: (event, ctx) => {
          if (!held.has(ctx.lane)) throw new Error('${name} lacks lane ' + ctx.lane)
          if (event.data > 0) ctx.publish('tick', event.data - 1, { key: event.key })
        },
      }`
    const file = files.write('lanes.mjs', version('0'))
    const errors: string[] = []
    const onError = (error: Error) => void errors.push(error.message)
    await using engine = await start(Math.min(workers, 1), { handlers: file, lanes: 1, onError })
    const held = engine.subscribe('held')
    engine.publish('hold', 0, { key: 'a' })
    await received(held, 1)
    for (let n = 1; n < 8; n++) {
      engine.publish('tick', 100, { key: 'b' })
      files.write('lanes.mjs', version(String(n)))
      await engine.modules.replace(file)
    }
    const channel = new BroadcastChannel('modules.test')
    channel.postMessage('go')
    channel.close()
    await engine.drain()
    expect(errors).toEqual([])
    expect(engine.stats()).toMatchObject({ deadLettered: 0, completed: 2 + 7 * 101, balanced: true })
  })

  test('a lane goes on with what its handlers in flight wait for, before it changes hands', async () => {
    const version = (name: string) => `
      const log = (globalThis.waitLog ??= [])
      export const hooks = {
        laneGained: async (lane) => { await null; log.push('${name} gained ' + lane) },
        laneLost: async (lane) => { log.push('${name} lost ' + lane) },
      }
      export default {
        'work.whole': async (event, ctx) => {
          const { promise, resolve } = Promise.withResolvers()
          globalThis.letGo = resolve
          await ctx.send('told', '${name} begins')
          await promise
          return '${name} ' + (await ctx.request('work.part', 1, { key: event.key }))
        },
        'work.part': (event, ctx) => { log.push('${name} part ' + ctx.lane); return '${name}' },
        'let.go': () => globalThis.letGo(),
        log: () => log.splice(0),
      }`
    const file = files.write('waiting.mjs', version('one'))
    await using engine = await start(Math.min(workers, 1), { handlers: file, lanes: 1 })
    const told = engine.subscribe('told', { onFull: 'block' })
    const whole = engine.request('work.whole', 1, { key: 'k' })
    expect(await received(told, 1)).toEqual(['one begins'])
    files.write('waiting.mjs', version('two'))
    await engine.modules.replace(file)
    const behind = engine.send('work.part', 2, { key: 'other' })
    engine.publish('let.go')
    expect(await whole).toBe('one two')
    await behind
    await engine.drain()
    expect(await engine.request('log')).toEqual([
      'one gained 0',
      'two gained 0',
      'two part 0',
      'one lost 0',
      'two part 0',
    ])
  })
})

test('handlers for every worker, and what is to be replayed, may come later', async () => {
  await using engine = await start(2, {
    handlers: files.write(
      'first.mjs',
      'export default { die: { handle: (e) => { if (e.attempt === 1) process.exit(1) } } }',
    ),
  })
  const told = engine.subscribe('told', { onFull: 'block' })
  const everywhere = files.write(
    'everywhere.mjs',
    "export default { 'config': { scope: 'every-worker', replayLast: true, handle: (event, ctx) => void ctx.publish('told', ctx.workerId + ' ' + event.data) } }",
  )
  await engine.modules.add(everywhere)
  engine.publish('config', 'a', { key: 'config' })
  expect((await received(told, 2)).sort()).toEqual(['1 a', '2 a'])
  await engine.send('die')
  // Its successor has loaded what was added, and gets the last event.
  expect((await received(told, 1))[0]).toMatch(/^[12] a$/)
})

test('a worker that dies between the two steps takes part with its successor; one that dies of the module ends the change', async () => {
  const dying = 'die: { handle: (e) => { if (e.attempt === 1) process.exit(1) } }'
  const version = (name: string, more = '') => `${more}\nexport default { ask: () => '${name}', ${dying} }`
  const file = files.write('worker.mjs', version('one'))
  await using engine = await start(2, { handlers: file })
  for (let round = 0; round < 5; round++) {
    files.write(
      'worker.mjs',
      version(`round ${round}`, 'await new Promise((resolve) => setTimeout(resolve, 20))'),
    )
    const replaced = engine.modules.replace(file)
    await engine.send('die')
    await replaced
    const answers = await Promise.all(Array.from({ length: 10 }, () => engine.request('ask')))
    expect(new Set(answers)).toEqual(new Set([`round ${round}`]))
  }
  const deadly = files.write('deadly.mjs', version('deadly', 'process.exit(1)'))
  const error = await engine.modules.replace(file, deadly).catch((reason) => reason)
  expect(error).toBeInstanceOf(HandlerLoadError)
  expect(error.message).toMatch(/Workers died \d times before they had loaded/)
  await vi.waitFor(async () => expect(await engine.request('ask')).toBe('round 4'), { timeout: 10_000 })
})

test('pools: publishers learn of what is added, and a pattern can not move', async () => {
  const first = files.write(
    'first.mjs',
    "export default { ask: { pool: 'fast', handle: (e, ctx) => ctx.workerId } }",
  )
  await using engine = await createEngine({
    handlers: first,
    pools: { fast: { workers: 1 }, slow: { workers: 1 } },
    onError: () => {},
  })
  const second = files.write(
    'second.mjs',
    "export default { 'work.*': { pool: 'slow', handle: (e, ctx) => ctx.workerId } }",
  )
  await expect(engine.request('work.a')).rejects.toThrow(/no handler|nobody|Nobody|unanswered/i)
  await engine.modules.add(second)
  expect(await engine.request('work.a')).toBe(2)
  expect(await engine.request('ask')).toBe(1)
  files.write('second.mjs', "export default { 'work.*': { pool: 'fast', handle: (e, ctx) => ctx.workerId } }")
  await expect(engine.modules.replace(second)).rejects.toThrow(/to another pool/)
  expect(await engine.request('work.a')).toBe(2)
  await engine.modules.remove(second)
  await engine.modules.add(second)
  expect(await engine.request('work.a')).toBe(1)
})
