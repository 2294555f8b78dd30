import { defineHandlers } from '../../src/index.ts'

/** What a request is to do beside being answered with its number. */
export type Asked = { number: number; kill?: 'once' | 'always'; ask?: boolean; fail?: boolean }

export default defineHandlers<{ work: Asked; deeper: Asked }>({
  work: async (event, ctx) => {
    const { number, kill, ask, fail } = event.data
    if (kill === 'always' || (kill === 'once' && ctx.attempt === 1)) process.exit(1)
    if (fail) throw new RangeError(`failed on ${number}`)
    if (ask) return ctx.request('deeper', { number }, { key: event.key })
    return number
  },
  deeper: (event) => event.data.number,
})
