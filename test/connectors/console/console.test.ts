import { Subject } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { ConsoleOptions } from '../../../src/connectors/console/options.ts'
import { console } from '../../../src/connectors/console/sink.ts'
import { OptionError } from '../../../src/errors.ts'
import { fromCommand } from '../../../src/result.ts'
import { type Schema, schema } from '../../../src/schema.ts'
import { batchOf, now, type Partitions, stageBatch, startOf, writeBatchNow } from '../drive.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

function printed(
  partitions: Partitions<object>,
  options: ConsoleOptions = {},
  batchId = 0,
  rowSchema?: Schema,
): string {
  let text = ''
  const writer = console({
    write: (more) => {
      text += more
    },
    ...options,
  }).streamWriter()
  now(() => writer.start?.(startOf({ schema: rowSchema })))
  writeBatchNow(writer, batchOf(batchId), partitions)
  return text
}

describe('the table', () => {
  test('is what Spark 4 prints: banner, right-aligned cells, least width 3, an empty line at the end', () => {
    expect(
      printed(
        [
          [
            [
              { id: 1, name: 'Ada' },
              { id: 22, name: null },
            ],
          ],
        ],
        {},
        7,
      ),
    ).toBe(
      [
        '-------------------------------------------',
        'Batch: 7',
        '-------------------------------------------',
        '+---+----+',
        '| id|name|',
        '+---+----+',
        '|  1| Ada|',
        '| 22|NULL|',
        '+---+----+',
        '',
        '',
      ].join('\n'),
    )
  })

  test('says that there is more, and then ends without an empty line', () => {
    expect(printed([[numbers(0, 15)], [numbers(15, 21)]])).toMatch(/\|\s19\|\n\+---\+\nonly showing top 20 rows\n$/)
    expect(printed([[numbers(0, 20)]])).not.toContain('only showing')
    expect(printed([[numbers(0, 2)]], { numRows: 1 })).toMatch(/only showing top 1 row\n$/)
    expect(printed([[numbers(0, 2)]], { numRows: 0 })).toMatch(/only showing top 0 rows\n$/)
  })

  test('cuts cells at 20 characters, dots included, and never the header', () => {
    const row = { 'a column name of more than twenty': 'x'.repeat(21), b: 'y'.repeat(20) }
    expect(printed([[[row]]])).toContain(`${'x'.repeat(17)}...|${'y'.repeat(20)}|`)
    expect(printed([[[row]]])).toContain('|a column name of more than twenty|')
    expect(printed([[[{ a: 'abcdef' }]]], { truncate: 5 })).toContain('|ab...|')
    expect(printed([[[{ a: 'abcdef' }]]], { truncate: 3 })).toContain('|abc|')
  })

  test.each([false, 0])('truncate %s shows all, aligned left', (truncate) => {
    expect(printed([[[{ text: 'z'.repeat(30) }, { text: 'z' }]]], { truncate })).toContain(
      `|${'z'.repeat(30)}|\n|z${' '.repeat(29)}|`,
    )
  })

  test('wide characters take two columns, joined ones are one character, and none is cut in two', () => {
    const lines = printed([[[{ a: '日本' }, { a: '👨‍👩‍👧' }, { a: 'e\u0301' }, { a: 'abcde' }]]])
      .split('\n')
      .slice(3, -2)
    expect(lines).toEqual([
      '+-----+',
      '|    a|',
      '+-----+',
      '| 日本|',
      '|   👨‍👩‍👧|',
      '|    e\u0301|',
      '|abcde|',
      '+-----+',
    ])
    expect(printed([[[{ a: 'abc\u200bd' }]]])).toContain('|abc\u200bd|\n+----+')
    expect(printed([[[{ a: '👍🏽'.repeat(10) }]]], { truncate: 5 })).toContain('|👍🏽👍🏽...|')
  })

  test('values of all kinds', () => {
    const date = new Date(Date.UTC(2024, 4, 1))
    const values = [
      true,
      10n ** 20n,
      date,
      new Date(+date + 5),
      new Date(Number.NaN),
      new Uint8Array([1, 255]),
      [1, null],
      { k: 'v' },
      undefined,
      Number.NaN,
    ]
    const cells = printed([[values.map((v) => ({ v }))]], { truncate: false })
      .split('\n')
      .slice(6, -3)
      .map((line) => line.slice(1, -1).trim())
    expect(cells).toEqual([
      'true',
      '100000000000000000000',
      '2024-05-01T00:00:00Z',
      '2024-05-01T00:00:00.005Z',
      'Invalid Date',
      '[01 FF]',
      '[1, NULL]',
      '{k -> v}',
      'NULL',
      'NaN',
    ])
  })

  test('what a row holds neither breaks the table nor steers the terminal', () => {
    const text = printed([[[{ 'a\tb': 'one\ntwo\u001b[2J' }]]])
    expect(text).toContain('|one\\ntwo\\x1b[2J|')
    expect(text).toContain('a\\tb|')
  })

  test('rows that lack a column', () => {
    expect(printed([[[{ a: 1 }, { b: 2 }]]])).toContain('|  a|   b|\n+----+----+'.replace('|  a', '|   a'))
    expect(printed([[[{ a: 1 }, { b: 2 }]]])).toContain('|   1|NULL|\n|NULL|   2|')
  })

  test('a schema gives the columns and their order, also of a batch without rows, and shows dates as days', () => {
    const days = schema('day date, n int')
    expect(printed([[[{ n: 1, day: new Date(0), extra: true }]]], {}, 0, days)).toContain(
      '|       day|  n|\n+----------+---+\n|1970-01-01|  1|\n',
    )
    expect(printed([], {}, 0, days)).toContain('|day|  n|\n+---+---+\n+---+---+\n\n')
  })

  test('a batch without rows prints an empty table', () => {
    expect(printed([])).toContain('++\n||\n++\n++\n\n')
  })
})

test('partitions stand in order, however their chunks came', () => {
  const rows = printed([[[{ n: 1 }], [{ n: 2 }]], [[{ n: 3 }]]]).match(/\| +\d\|/g)
  expect(rows).toEqual(['|  1|', '|  2|', '|  3|'])
})

test('prints at the commit, never before', async () => {
  const texts: string[] = []
  const writer = console({ write: (text) => texts.push(text) }).streamWriter()
  const messages = await stageBatch(writer, batchOf(0), [[numbers(0, 3)]])
  expect(texts).toEqual([])
  now(() => writer.commit(messages, batchOf(0)))
  expect(texts).toHaveLength(1)
})

test('keeps no more rows of a partition than it may show', async () => {
  const writer = console({ numRows: 2, write: () => undefined }).streamWriter()
  const messages = await stageBatch(writer, batchOf(0), [[numbers(0, 1), numbers(1, 1_000), numbers(1_000, 2_000)]])
  expect(messages).toEqual([{ rows: numbers(0, 2), count: 2_000 }])
})

test('the commit waits for write', () => {
  const written = new Subject<void>()
  let done = false
  fromCommand(() =>
    console({ write: () => written })
      .streamWriter()
      .commit([], batchOf(0)),
  ).subscribe({ complete: () => (done = true) })
  expect(done).toBe(false)
  written.complete()
  expect(done).toBe(true)
})

test('json: one line a batch, with the count of all its rows', () => {
  const rows = [{ id: 1n, at: new Date(0), bytes: Buffer.from('hi'), nan: Number.NaN }, { id: 2n }]
  expect(printed([[rows], [numbers(0, 3)]], { format: 'json', numRows: 2 }, 4)).toBe(
    '{"batchId":4,"numRows":5,"rows":[{"id":"1","at":"1970-01-01T00:00:00.000Z","bytes":"aGk=","nan":"NaN"},{"id":"2"}]}\n',
  )
})

test('promises append', () => {
  expect(console().streamWriter().guarantee).toBe('append')
})

test.each([
  [{ numRows: -1 }, 'numRows'],
  [{ truncate: 'yes' }, 'truncate'],
  [{ format: 'tabel' }, '"table", "json"'],
  [{ rows: 5 }, 'unknown option'],
])('%o is refused at the call', (options, message) => {
  expect(() => console(options as ConsoleOptions)).toThrow(OptionError)
  expect(() => console(options as ConsoleOptions)).toThrow(message)
})
