import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { fileBytes } from '../../../src/connectors/files/bytes.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-bytes-'))
afterAll(() => rmSync(folder, { recursive: true }))

const blockBytes = 256 * 1024
const content = Buffer.alloc(4 * blockBytes + 100, 'sluice reads ahead, ')
const path = join(folder, 'some.txt')
writeFileSync(path, content)

async function allOf(bytes: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const parts: Buffer[] = []
  for await (const part of bytes) parts.push(part)
  return parts
}

/** The file, and where its blocks were asked for. */
async function watched(): Promise<{ readonly handle: FileHandle; readonly asked: number[] }> {
  const handle = await open(path)
  const asked: number[] = []
  const read = handle.read.bind(handle)
  Object.defineProperty(handle, 'read', {
    configurable: true,
    value: (options: { readonly position: number }) => {
      asked.push(options.position / blockBytes)
      return read(options as never)
    },
  })
  return { handle, asked }
}

it('has the bytes from a place to the planned end, whatever follows', async () => {
  for (const [from, size] of [
    [0, content.length],
    [blockBytes - 1, 3 * blockBytes + 7],
    [5, 6],
    [9, 9],
  ] as const) {
    await using handle = await open(path)
    const parts = await allOf(fileBytes(handle, from, size, new AbortController().signal))
    expect(Buffer.concat(parts).equals(content.subarray(from, size))).toBe(true)
  }
})

it('is one block ahead of who asks, and no more', async () => {
  const { handle, asked } = await watched()
  const bytes = fileBytes(handle, 0, content.length, new AbortController().signal)
  expect(asked).toEqual([])
  for (const expected of [
    [0, 1],
    [0, 1, 2],
    [0, 1, 2, 3],
    [0, 1, 2, 3, 4],
  ]) {
    await bytes.next()
    for (let count = 0; count < 10; count++) await turn()
    expect(asked).toEqual(expected)
  }
  await bytes.return(undefined)
  await handle.close()
})

it('lets whoever leaves close the file, and tells nobody that the block ahead failed then', async () => {
  const { handle } = await watched()
  const bytes = fileBytes(handle, 0, content.length, new AbortController().signal)
  const failure = new Error('EIO')
  await bytes.next()
  Object.defineProperty(handle, 'read', { configurable: true, value: () => Promise.reject(failure) })
  await bytes.next()
  await bytes.return(undefined) // an unhandled rejection would fail the run of the tests
  await handle.close()
})

it('fails where the block that failed would have come', async () => {
  const { handle } = await watched()
  const bytes = fileBytes(handle, 0, content.length, new AbortController().signal)
  const failure = new Error('EIO')
  await bytes.next()
  Object.defineProperty(handle, 'read', { configurable: true, value: () => Promise.reject(failure) })
  expect((await bytes.next()).value?.equals(content.subarray(blockBytes, 2 * blockBytes))).toBe(true)
  await expect(bytes.next()).rejects.toBe(failure)
  await handle.close()
})

it('ends where a file has become shorter, and at an abort', async () => {
  await using handle = await open(path)
  const parts = await allOf(fileBytes(handle, 0, content.length + 5_000, new AbortController().signal))
  expect(Buffer.concat(parts).equals(content)).toBe(true)
  const controller = new AbortController()
  const bytes = fileBytes(handle, 0, content.length, controller.signal)
  await bytes.next()
  controller.abort(new Error('over'))
  await expect(bytes.next()).rejects.toThrow('over')
})
