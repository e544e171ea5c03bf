import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { bodyOf } from '../../../../src/connectors/rest/http/body-start.ts'
import type { HttpResponse } from '../../../../src/connectors/rest/http/types.ts'
import { wholePage } from '../../../../src/connectors/rest/records/whole-page.ts'

const response: HttpResponse = { status: 200, headers: {}, url: 'http://api.example/', body: bodyOf(Buffer.alloc(0)) }
const pageOf = (items: readonly unknown[]) => wholePage(response, items, { envelope: undefined, records: undefined })

async function all<T>(chunks: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const chunk of chunks) found.push(chunk)
  return found
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

describe('a whole page', () => {
  it('gives its items in chunks of 1,000, once', async () => {
    const page = pageOf(Array.from({ length: 2_500 }, (_, id) => id))
    const chunks = await all(page.chunks)
    expect(chunks.map((chunk) => [chunk[0], chunk.length])).toEqual([
      [0, 1_000],
      [1_000, 1_000],
      [2_000, 500],
    ])
    expect(await all(page.chunks)).toEqual([])
    expect(page.end()).toMatchObject({ count: 2_500, first: 0, last: 2_499 })
  })

  it('without items gives none', async () => {
    expect(await all(pageOf([]).chunks)).toEqual([])
  })

  it('holds nothing that it gave, however long it is held itself', async () => {
    const page = pageOf(Array.from({ length: 3 }, (_, id) => ({ id })))
    const read = async (): Promise<WeakRef<object>> => {
      const chunks = page.chunks[Symbol.asyncIterator]()
      const { value } = await chunks.next()
      expect((await chunks.next()).done).toBe(true)
      return new WeakRef(value)
    }
    const chunk = await read()
    await new Promise((resolve) => setImmediate(resolve)) // a WeakRef holds what it was made of until then
    collectGarbage()
    expect(chunk.deref()).toBeUndefined()
    expect(page.end().count).toBe(3)
  })
})
