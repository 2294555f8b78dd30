import { defineHandlers } from '../src/index.ts'
import { add, type Sum } from './request-task.ts'

export default defineHandlers<{ 'bench.add': Sum }>({
  'bench.add': (event) => add(event.data),
})
