import { expect, test } from 'vitest'
import { allocateTickets, isOpen, NO_TICKET, Tickets, ticketWords } from '../../native-free-ring/src/index.ts'

test('a ticket is open until it is closed, and never again', () => {
  const place = allocateTickets(4)
  const tickets = new Tickets(place)
  const words = ticketWords(place)
  const slot = tickets.open()
  const stamp = tickets.stampOf(slot)
  expect(isOpen(words, slot, stamp)).toBe(true)
  tickets.close(slot)
  expect(isOpen(words, slot, stamp)).toBe(false)
  const again = tickets.open()
  expect(again).toBe(slot)
  expect(isOpen(words, slot, stamp)).toBe(false)
  expect(isOpen(words, slot, tickets.stampOf(again))).toBe(true)
})

test('there are as many as slots', () => {
  const tickets = new Tickets(allocateTickets(3))
  const slots = [tickets.open(), tickets.open(), tickets.open()]
  expect(new Set(slots)).toEqual(new Set([0, 1, 2]))
  expect(tickets.open()).toBe(NO_TICKET)
  tickets.close(1)
  expect(tickets.open()).toBe(1)
  expect(tickets.open()).toBe(NO_TICKET)
})

test('a new owner closes what the last one left open, and uses none of its stamps', () => {
  const place = allocateTickets(3)
  const words = ticketWords(place)
  const dead = new Tickets(place)
  const left = [dead.open(), dead.open()].map((slot) => [slot, dead.stampOf(slot)] as const)
  const next = new Tickets(place)
  for (const [slot, stamp] of left) expect(isOpen(words, slot, stamp)).toBe(false)
  const slots = [next.open(), next.open(), next.open()]
  expect(new Set(slots)).toEqual(new Set([0, 1, 2]))
  expect(next.open()).toBe(NO_TICKET)
  for (const [slot, stamp] of left) expect(isOpen(words, slot, stamp)).toBe(false)
})

test('stamps go round', () => {
  const place = allocateTickets(1)
  const words = ticketWords(place)
  words[0] = 2 ** 31 - 2
  const tickets = new Tickets(place)
  const slot = tickets.open()
  const stamp = tickets.stampOf(slot)
  expect(isOpen(words, slot, stamp)).toBe(true)
  tickets.close(slot)
  expect(isOpen(words, slot, stamp)).toBe(false)
  tickets.open()
  expect(isOpen(words, slot, tickets.stampOf(slot))).toBe(true)
})
