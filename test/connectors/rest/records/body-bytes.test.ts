import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { readStart } from '../../../../src/connectors/rest/records/body-bytes.ts'

const text = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => (await buffer(bytes)).toString()

describe('the start of a body', () => {
  it('is all of one that is no longer than the limit', async () => {
    const { start, whole, all } = await readStart(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 4)
    expect([Buffer.concat(start).toString(), whole, await text(all())]).toEqual(['abcd', true, 'abcd'])
  })

  it('of a longer one ends after the limit, and the rest waits to be pulled', async () => {
    const given = ['ab', 'cd', 'e', 'f', 'g', 'h'].map((part) => Buffer.from(part))
    const { start, whole, all } = await readStart(Readable.from(given), 3)
    expect([Buffer.concat(start).toString(), whole, await text(all())]).toEqual(['abcd', false, 'abcdefgh'])
  })

  it('is nothing of one that is empty, or was read before', async () => {
    const read = Readable.from([Buffer.from('a')]).resume()
    await once(read, 'end')
    for (const body of [Readable.from([]), read])
      expect(await readStart(body, 4)).toMatchObject({ start: [], whole: true })
  })

  it('fails with the error of a body that breaks off, whether that is known before or comes later', async () => {
    const body = new PassThrough()
    const start = readStart(body, 4)
    body.write('ab')
    body.destroy(new Error('reset'))
    await expect(start).rejects.toThrow('reset')
    await expect(readStart(body, 4)).rejects.toThrow('reset')
    await expect(readStart(new PassThrough().destroy(), 4)).rejects.toThrow('given up')
  })

  it('leaves no listeners, and the error of a rest that nobody pulls reaches nobody', async () => {
    const body = new PassThrough()
    const before = body.eventNames().map((name) => [name, body.listenerCount(name)])
    const whole = readStart(body, 1)
    body.end('a')
    expect((await whole).whole).toBe(true)
    expect(body.eventNames().map((name) => [name, body.listenerCount(name)])).toEqual(before)

    const longer = new PassThrough().on('error', () => {})
    const start = readStart(longer, 1)
    longer.write('abc')
    expect((await start).whole).toBe(false)
    longer.destroy(new Error('reset'))
    await new Promise((resolve) => longer.once('close', resolve))
  })
})
