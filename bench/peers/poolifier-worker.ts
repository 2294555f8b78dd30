import { ThreadWorker } from 'poolifier'
import weigh from './pool-task.ts'

export default new ThreadWorker<Parameters<typeof weigh>[0], number>((task) => weigh(task!))
