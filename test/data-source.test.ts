import { firstValueFrom, from, type ObservableInput, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { defineDataSource } from '../src/data-source.ts'
import { OptionError } from '../src/errors.ts'
import { fromResult, type Result } from '../src/result.ts'
import { schema } from '../src/schema.ts'
import { type ReadContext, readAllAvailable } from '../src/source.ts'

const row = schema('n int not null')
const value = <T>(result: Result<T>): Promise<T> => firstValueFrom(fromResult('port', () => result))
const chunks = <T>(input: ObservableInput<T>): Promise<T[]> => firstValueFrom(from(input).pipe(toArray()))
const context: ReadContext = {
  queryId: 'q',
  batchId: 0,
  partitionId: 0,
  attempt: 0,
  signal: new AbortController().signal,
  report: () => {},
}

const readerTo = (end: number) => ({
  initialOffset: () => ({ at: 0 }),
  latestOffset: () => ({ at: end }),
  partitions: () => [end],
  read: (n: number) => [[{ n }]],
})

describe('defineDataSource', () => {
  it('gives a function that has the name', () => {
    const source = defineDataSource({ name: 'numbers', schema: row, streamReader: () => readerTo(1) })
    expect(source.sourceName).toBe('numbers')
    expect(source()).toMatchObject({ name: 'numbers', schema: row })
  })

  it('makes a fresh reader from the options each time one is asked for, and none before', async () => {
    const made: number[] = []
    const numbers = defineDataSource({
      name: 'numbers',
      schema: row,
      streamReader: (end: number, _more: { readonly fast: boolean }) => {
        made.push(end)
        return readerTo(end)
      },
    })
    const [two, three] = [numbers(2, { fast: true }), numbers(3, { fast: false })]
    expect(made).toEqual([])
    const first = two.streamReader()
    expect(two.streamReader()).not.toBe(first)
    expect(await value(three.streamReader().latestOffset({ at: 0 }, readAllAvailable))).toEqual({ at: 3 })
    expect(made).toEqual([2, 2, 3])
  })

  it('gives what is defined and nothing else', () => {
    const writer = () => ({
      guarantee: 'append' as const,
      open: () => ({ write: () => undefined, finish: () => '' }),
      commit: () => undefined,
    })
    const reader = () => ({ partitions: () => [1], read: (n: number) => [[{ n }]] })
    const ports = (bound: object): string[] => Object.keys(bound).sort()
    expect(ports(defineDataSource({ name: 'a', schema: row, streamReader: () => readerTo(1) })())).toEqual([
      'name',
      'schema',
      'streamReader',
    ])
    expect(ports(defineDataSource({ name: 'a', schema: row, reader })())).toEqual(['name', 'reader', 'schema'])
    expect(ports(defineDataSource({ name: 'a', streamWriter: writer })())).toEqual(['name', 'streamWriter'])
    const both = defineDataSource({ name: 'a', schema: row, streamReader: () => readerTo(1), streamWriter: writer })
    const all = defineDataSource({
      name: 'a',
      schema: row,
      streamReader: () => readerTo(1),
      reader,
      streamWriter: writer,
    })
    expect(ports(all())).toEqual(['name', 'reader', 'schema', 'streamReader', 'streamWriter'])
    expect(ports(both())).toEqual(['name', 'schema', 'streamReader', 'streamWriter'])
  })

  it('makes a stream reader of a simple one, with a state of its own', async () => {
    let reads = 0
    const simple = defineDataSource({
      name: 'simple',
      schema: row,
      simpleStreamReader: () => ({
        initialOffset: () => ({ at: 0 }),
        read: () => {
          reads++
          return { rows: [{ n: 1 }], end: { at: 1 } }
        },
        readBetween: () => [{ n: -1 }],
      }),
    })()
    const [one, other] = [simple.streamReader(), simple.streamReader()]
    const end = await value(one.latestOffset({ at: 0 }, readAllAvailable))
    const [partition] = await value(one.partitions({ at: 0 }, end))
    expect(await chunks(one.read(partition as never, context))).toEqual([[{ n: 1 }]])
    expect(await chunks(other.read(partition as never, context)), 'another reader has not fetched these rows').toEqual([
      [{ n: -1 }],
    ])
    expect(reads).toBe(1)
  })

  it('refuses a definition that is incomplete or misspelt', () => {
    const define = (definition: object) => () => defineDataSource(definition as never)
    const streamReader = () => readerTo(1)
    expect(define({ schema: row, streamReader })).toThrow('option "name" is missing')
    expect(define({ name: '', schema: row, streamReader })).toThrow('option "name" must be')
    expect(define({ name: 'a', schema: row, streamreader: streamReader })).toThrow('did you mean "streamReader"?')
    expect(define({ name: 'a', schema: row, streamReader: readerTo(1) })).toThrow('must be a function')
    expect(define({ name: 'a', schema: row })).toThrow(
      '"streamReader", "simpleStreamReader", "reader" or "streamWriter" is missing',
    )
    expect(define({ name: 'a', streamReader })).toThrow('option "schema" is missing')
    expect(define({ name: 'a', reader: streamReader })).toThrow('option "schema" is missing')
    expect(define({ name: 'a', schema: row, streamReader, simpleStreamReader: streamReader })).toThrow(
      'exclude each other',
    )
    expect(define({ name: 'a', schema: row })).toThrow(OptionError)
  })
})
