import { defineHandlers } from '../src/index.ts'
import { burn } from './burn.ts'

export type PoolEvents = { fast: number; slow: number; 'slow.shared': number; done: undefined }

export default defineHandlers<PoolEvents>({
  fast: { pool: 'fast', handle: (event) => event.data + 1 },
  slow: {
    pool: 'slow',
    handle(event, ctx) {
      burn(event.data)
      ctx.publish('done')
    },
  },
  /** The same in the pool of the fast one. */
  'slow.shared': {
    pool: 'fast',
    handle(event, ctx) {
      burn(event.data)
      ctx.publish('done')
    },
  },
})
