import { defineHandlers } from '../src/index.ts'

const latencies: number[] = []
const lateness: number[] = []
let timer: NodeJS.Timeout | undefined

export default defineHandlers({
  'idle.probe': (event) => {
    const arrived = Number(process.hrtime.bigint())
    const { sent, counts } = event.data
    if (counts) latencies.push((arrived - sent) / 1_000)
  },
  'idle.report': (_event, ctx) => ctx.publish('idle.latencies', latencies),
  'idle.start': () => {
    let expected = performance.now() + 10
    timer = setInterval(() => {
      lateness.push(Math.max(0, performance.now() - expected))
      expected = performance.now() + 10
    }, 10)
  },
  'idle.stop': {
    // Asked on either worker; the one with the timer answers.
    handle: (_event, ctx) => {
      if (timer === undefined) return ctx.publish('idle.stop')
      clearInterval(timer)
      return ctx.publish('idle.timers', lateness)
    },
  },
})
