import { describe, expect, it } from 'vitest'
import { inputFolder, readAll } from './input-file.ts'

const file = inputFolder()

describe('csv', () => {
  it('makes an object of every row', async () => {
    const { records, totalBytes } = await readAll(file('good.csv', 'origin,delay\nLAX,-5\nSFO,0\n'))
    expect(records).toEqual([
      [2, { origin: 'LAX', delay: -5 }],
      [3, { origin: 'SFO', delay: 0 }],
    ])
    expect(totalBytes).toBe(26)
  })

  it('casts canonical finite numbers, true and false, and nothing else', async () => {
    const cast = [
      ['0', 0],
      ['42', 42],
      ['-1.5', -1.5],
      ['"7"', 7],
      ['1e+21', 1e21],
      ['1e-7', 1e-7],
      ['true', true],
      ['false', false],
    ] as const
    const kept = [
      '007',
      '1e999',
      '-0',
      '1.0',
      '+1',
      '.5',
      '1e3',
      '0x10',
      'NaN',
      'Infinity',
      '-Infinity',
      'TRUE',
    ]
    const text = `v,w\n${[...cast.map(([field]) => field), ...kept, '', '-', ' 1'].map((f) => `${f},\n`).join('')}`
    const { batches } = await readAll(file('cast.csv', text))
    expect(batches.flat().map(({ value }) => (value as { v: unknown }).v)).toEqual([
      ...cast.map(([, value]) => value),
      ...kept,
      '',
      '-',
      ' 1',
    ])
  })

  it('reports rows with another number of fields, by their line', async () => {
    const path = file('count.csv', 'a,b\n1,2\n3\n\n4,5,6\n7,8\n"x\ny",9,0\n')
    const { records, problems } = await readAll(path)
    expect(records).toEqual([
      [2, { a: 1, b: 2 }],
      [6, { a: 7, b: 8 }],
    ])
    expect(problems).toEqual([
      { line: 3, reason: '1 fields where the header has 2', text: '3' },
      { line: 5, reason: '3 fields where the header has 2', text: '4,5,6' },
      { line: 7, reason: '3 fields where the header has 2', text: 'x\ny,9,0' },
    ])
  })

  it.each([1, 2, 3, 5, 7, 64])('reads the same in chunks of %i bytes', async (chunkBytes) => {
    const text =
      '\ufeffname,"no, te"\r\n\r\n"Zürich\r\n\r\n""HB""",🚂\r\nß\r\n"€\n",1\nx,true\r\n\r\n\r\n"last\n",9'
    const { records, problems } = await readAll(file('chunks.csv', text), { chunkBytes })
    expect(records).toEqual([
      [3, { name: 'Zürich\r\n\r\n"HB"', 'no, te': '🚂' }],
      [7, { name: '€\n', 'no, te': 1 }],
      [9, { name: 'x', 'no, te': true }],
      [12, { name: 'last\n', 'no, te': 9 }],
    ])
    expect(problems).toEqual([{ line: 6, reason: '1 fields where the header has 2', text: 'ß' }])
  })

  it.each([1, 3, 1024])('reports broken quotes once a row (chunks of %i)', async (chunkBytes) => {
    const path = file('quotes.csv', 'a,b\n1,2\n\nx"y"z,3\n4,5\n6,p"q\n7\n8,9\n')
    const { records, problems } = await readAll(path, { chunkBytes })
    expect(records).toEqual([
      [2, { a: 1, b: 2 }],
      [5, { a: 4, b: 5 }],
      [8, { a: 8, b: 9 }],
    ])
    expect(problems.map(({ line }) => line)).toEqual([4, 6, 7])
    expect(problems[0]!.reason).toMatch(/quote/i)
    if (chunkBytes > 100) expect(problems[0]!.text).toBe('x"y"z,3')
  })

  it.each([1, 2, 7, 1024])(
    'goes on after a quote that is followed by text (chunks of %i)',
    async (chunkBytes) => {
      const text = 'a,b\n4,ok\n5,"bro"ken\n6,"x\ny"\n"p"q,7\n"r\ns"t,8\n9,"z"\n'
      const { records, problems } = await readAll(file('closing.csv', text), { chunkBytes })
      expect(records).toEqual([
        [2, { a: 4, b: 'ok' }],
        [4, { a: 6, b: 'x\ny' }],
        [9, { a: 9, b: 'z' }],
      ])
      // The second line of the last broken row is taken for a row of its own.
      expect(problems.map(({ line }) => line)).toEqual(chunkBytes > 100 ? [3, 6, 7, 8] : [3, 6, 7])
      expect(problems[0]!.reason).toMatch(/quote/i)
    },
  )

  it('reports a row with broken quotes and another number of fields once', async () => {
    const { records, problems } = await readAll(file('both.csv', 'a,b\nx"y,3,p"q\n4\n5,6\n'))
    expect(records).toEqual([[4, { a: 5, b: 6 }]])
    expect(problems.map(({ line }) => line)).toEqual([2, 3])
  })

  it('reports a quote that is never closed', async () => {
    const { records, problems } = await readAll(file('unclosed.csv', 'a,b\n1,2\n"3,4\n5,6\n'))
    expect(records).toEqual([[2, { a: 1, b: 2 }]])
    expect(problems).toMatchObject([{ line: 3, reason: expect.stringMatching(/quote/i) }])
  })

  it('ends at a row above 16 MiB', async () => {
    const path = file('large.csv', `a,b\n1,2\n"${'x\n'.repeat(9 * 1024 * 1024)}",3\n4,5\n`)
    const { records, problems } = await readAll(path)
    expect(records).toEqual([[2, { a: 1, b: 2 }]])
    expect(problems).toMatchObject([{ line: 3, reason: expect.stringMatching(/size/i) }])
  })

  it.each([
    ['a,b,a\n1,2,3\n', 'two columns are called "a"'],
    ['a,,\n1,2,3\n', 'two columns are called ""'],
    ['__proto__,a\n1,2\n', "a column can't be called __proto__"],
  ])('ends at a header that no object can hold: %j', async (text, reason) => {
    const { records, problems } = await readAll(file('columns.csv', text))
    expect(records).toEqual([])
    expect(problems).toEqual([{ line: 1, reason, text: text.split('\n')[0], endsInput: true }])
  })

  it('ends at a broken header', async () => {
    const { records, problems } = await readAll(file('header.csv', 'a"b,c\n1,2\n3,4\n'))
    expect(records).toEqual([])
    expect(problems).toMatchObject([{ line: 1 }])
  })

  it.each(['', 'a,b', 'a,b\n', '\ufeff'])('gives nothing for %j', async (text) => {
    const { batches, problems } = await readAll(file('none.csv', text))
    expect([batches, problems]).toEqual([[], []])
  })

  it('throws what onMalformed throws', async () => {
    const onMalformed = () => {
      throw new Error('strict')
    }
    await expect(readAll(file('strict.csv', 'a,b\n1\n2,3\n'), { onMalformed })).rejects.toThrow('strict')
  })
})
