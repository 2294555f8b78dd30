import { defineHandlers } from '../../src/index.ts'

export type OrderReport = { workerId: number; count: number; sum: number; disorders: number }

type OrderEvents = {
  'order.event': [publisher: number, key: number, number: number]
  'order.wanted': undefined
  'order.report': OrderReport
}

/** The last number of each publisher and key: a key stays with its worker. */
const last = new Map<number, number>()
let count = 0
let sum = 0
let disorders = 0

export default defineHandlers<OrderEvents>({
  'order.event': (event) => {
    const [publisher, key, number] = event.data
    const slot = publisher * 1_000_000 + key
    if (number <= (last.get(slot) ?? -1)) disorders++
    last.set(slot, number)
    count++
    sum += number
  },
  'order.wanted': (_event, ctx) => {
    ctx.publish('order.report', { workerId: ctx.workerId, count, sum, disorders })
  },
})
