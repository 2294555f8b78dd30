import { defineHandlers } from '../src/index.ts'
import { touch } from './blocks-task.ts'

export default defineHandlers<{ 'bench.touch': Uint8Array }>({
  'bench.touch': (event) => touch(event.data),
})
