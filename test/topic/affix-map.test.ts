import { expect, test } from 'vitest'
import { AffixMap } from '../../src/topic/affix-map.ts'

const found = (search: (visit: (value: string) => void) => void): string[] => {
  const values: string[] = []
  search((value) => values.push(value))
  return values
}

test('finds the keys that a text starts with, ends with and contains', () => {
  const map = new AffixMap<string>()
  for (const key of ['', 'a', 'ab', 'ba', 'bab', 'abab', 'ababab', 'c']) map.set(key, key)
  expect(found((visit) => map.eachPrefixOf('abab', visit))).toEqual(['', 'a', 'ab', 'abab'])
  expect(found((visit) => map.eachSuffixOf('abab', visit))).toEqual(['', 'ab', 'bab', 'abab'])
  expect(found((visit) => map.eachPartOf('bab', visit)).filter((key) => key !== '')).toEqual([
    'a',
    'ba',
    'ab',
    'bab',
  ])
  expect(found((visit) => map.eachPrefixOf('', visit))).toEqual([''])
  expect(found((visit) => map.eachSuffixOf('', visit))).toEqual([''])
})

test('a part that occurs twice is reported twice', () => {
  const map = new AffixMap<string>()
  map.set('ab', 'ab')
  expect(found((visit) => map.eachPartOf('abab', visit))).toEqual(['ab', 'ab'])
})

test('forgets a length with its last key', () => {
  const map = new AffixMap<string>()
  map.set('ab', 'old')
  map.set('ab', 'new')
  map.set('xy', 'other')
  expect(map.size).toBe(2)
  map.delete('xy')
  map.delete('xy')
  expect(found((visit) => map.eachPrefixOf('abc', visit))).toEqual(['new'])
  map.delete('ab')
  expect(map.size).toBe(0)
  expect(found((visit) => map.eachPrefixOf('abc', visit))).toEqual([])
  map.set('ab', 'again')
  expect(found((visit) => map.eachPrefixOf('abc', visit))).toEqual(['again'])
})
