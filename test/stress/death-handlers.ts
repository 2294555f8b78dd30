import { defineHandlers } from '../../src/index.ts'

export type DeathEvents = {
  'death.event': { number: number; key: number; kill?: 'exit' | 'throw' }
  'death.seen': { number: number; key: number; attempt: number }
}

/** Passes every event on, and ends its own thread where the event says so, the first time that it is tried. */
export default defineHandlers<DeathEvents>({
  'death.event': async (event, ctx) => {
    const { number, key, kill } = event.data
    if (kill !== undefined && ctx.attempt === 1) {
      if (kill === 'exit') process.exit(7)
      setImmediate(() => {
        throw new Error(`killed by event ${number}`)
      })
      await new Promise(() => {})
    }
    await ctx.send('death.seen', { number, key, attempt: ctx.attempt }, { key: `key-${key}` })
  },
})
