import { describe, expect, it } from 'vitest'
import { inputFolder, readAll } from './input-file.ts'

const file = inputFolder()

describe('json', () => {
  it('reads the elements of an array, each with the line it starts on', async () => {
    const path = file(
      'good.json',
      '[\n  {"a": 1},\n  {\n    "b": [1, {"c": null}]\n  }, "x",\n  -1.5e2, []\n]\n',
    )
    expect((await readAll(path)).records).toEqual([
      [2, { a: 1 }],
      [3, { b: [1, { c: null }] }],
      [5, 'x'],
      [6, -150],
      [6, []],
    ])
  })

  it('reads an array on one line, commas and brackets in its strings', async () => {
    const value = [{ a: '],}' }, 'x,]"\\', 1, true, false, null, {}, [[]], 'ü\n€']
    const { records, problems } = await readAll(file('line.json', JSON.stringify(value)))
    expect(records).toEqual(value.map((element) => [1, element]))
    expect(problems).toEqual([])
  })

  it('drops a byte order mark and reads \\r\\n', async () => {
    const { records } = await readAll(file('bom.json', '\ufeff[\r\n1,\r\n2\r\n]\r\n'), { chunkBytes: 1 })
    expect(records).toEqual([
      [2, 1],
      [3, 2],
    ])
  })

  it.each([1, 2, 3, 4, 5])(
    'knows the line of a number that a chunk ends in (chunks of %i)',
    async (chunkBytes) => {
      const { records } = await readAll(file('numbers.json', '[1\n\n,\n23\n,-4.5\n\n]'), { chunkBytes })
      expect(records).toEqual([
        [1, 1],
        [4, 23],
        [5, -4.5],
      ])
    },
  )

  it('reads an empty array', async () => {
    const { batches, problems } = await readAll(file('none.json', ' [ ] '))
    expect([batches, problems]).toEqual([[], []])
  })

  it.each([1, 2, 3, 5, 7, 64])('reads the same in chunks of %i bytes', async (chunkBytes) => {
    const value = [{ 名: 'Zürich 🚂', x: [123.25, true, null] }, 'a"\\\n€', 12345, false, { y: {} }]
    const text = JSON.stringify(value, null, 1).replaceAll('\n', '\r\n')
    const { records, problems } = await readAll(file('chunks.json', text), { chunkBytes })
    expect(records).toEqual([2, 10, 11, 12, 13].map((line, i) => [line, value[i]]))
    expect(problems).toEqual([])
  })

  it.each([
    ['{"a": [1, 2]}', 'an object'],
    ['"text"', 'a string'],
    ['true ', 'a literal'],
  ])('reports a top level that is not an array: %s', async (text) => {
    const { records, problems } = await readAll(file('top.json', `\n${text}`))
    expect(records).toEqual([])
    expect(problems).toMatchObject([{ line: 2, reason: expect.stringMatching(/array/) }])
  })

  it.each(['', ' \n', '12'])('reports an input without an array: %j', async (text) => {
    const { problems } = await readAll(file('nothing.json', text))
    expect(problems).toMatchObject([{ reason: 'the input has no array' }])
  })

  it.each([1, 4, 1024])(
    'yields what is before a syntax error, then ends (chunks of %i)',
    async (chunkBytes) => {
      const path = file('error.json', '[{"a":1}, 2, "3",\n[4], @oops, 5]\n')
      const { records, problems } = await readAll(path, { chunkBytes })
      expect(records).toEqual([
        [1, { a: 1 }],
        [1, 2],
        [1, '3'],
        [2, [4]],
      ])
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ line: 2, reason: expect.stringMatching(/value/) })
      expect(problems[0]!.text).toMatch(/@/)
    },
  )

  it.each([
    ['[1 2]', 1],
    ['["a b" "c"]', 'a b'],
    ['[null\t{}]', null],
  ])('yields the element before a missing comma: %j', async (text, value) => {
    const { records, problems } = await readAll(file('comma.json', text))
    expect(records).toEqual([[1, value]])
    expect(problems).toMatchObject([{ line: 1, reason: expect.stringMatching(/','/) }])
  })

  it('reports an error inside an element on its line', async () => {
    const { records, problems } = await readAll(file('inner.json', '[{"a":1},\n{"b":2,\n"c" 3},\n{"d":4}]'))
    expect(records).toEqual([[1, { a: 1 }]])
    expect(problems).toMatchObject([{ line: 3, text: '"c" 3},\n{"d":4}]' }])
  })

  it('reports a misspelt literal at most a few lines low', async () => {
    const { records, problems } = await readAll(
      file('literal.json', '[1,\nnul,\n3,\n4,\n5,\n6,\n7,\n8,\n9,\n10]'),
    )
    expect(records).toEqual([[1, 1]])
    expect(problems).toHaveLength(1)
    expect(problems[0]!.line).toBeGreaterThanOrEqual(2)
    expect(problems[0]!.line).toBeLessThanOrEqual(8)
  })

  it('reports an array that is not closed', async () => {
    const { records, problems } = await readAll(file('cut.json', '[1,\n{"a":2},\n{"b":'))
    expect(records).toEqual([
      [1, 1],
      [2, { a: 2 }],
    ])
    expect(problems).toMatchObject([{ line: 3, reason: 'the input ends inside the array' }])
  })

  it('reports what follows the array', async () => {
    const { records, problems } = await readAll(file('after.json', '[1]\n[2]'))
    expect(records).toEqual([[1, 1]])
    expect(problems).toMatchObject([{ line: 2 }])
  })

  it('ends at an element above 16 MiB', async () => {
    const path = file('large.json', `[1,\n"${'a'.repeat(17 * 1024 * 1024)}", 2]`)
    const { records, problems } = await readAll(path)
    expect(records).toEqual([[1, 1]])
    expect(problems).toMatchObject([{ line: 2, reason: 'an element of more than 16 MiB' }])
  })

  it('makes own properties of __proto__', async () => {
    const { batches } = await readAll(file('proto.json', '[{"__proto__":{"x":1}}]'))
    const value = batches[0]![0]!.value as Record<string, unknown>
    expect(value.x).toBeUndefined()
    expect(Object.keys(value)).toEqual(['__proto__'])
  })
})
