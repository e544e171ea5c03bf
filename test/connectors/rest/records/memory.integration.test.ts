import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const child = fileURLToPath(new URL('./memory-child.ts', import.meta.url))

it('a body of 300 MB takes less than 100 MB of heap, and less than 20 s', { timeout: 30_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, '300000000'], {
    timeout: 20_000,
  })
  const { heapGrowth, peakRss, seconds, ...found } = JSON.parse(stdout)
  expect(found).toEqual({
    whole: false,
    isComplete: true,
    envelope: { next: 'c2', data: { items: [] }, done: true },
    megabytes: 300,
  })
  expect(heapGrowth).toBeLessThan(100)
  expect(peakRss).toBeLessThan(500)
  expect(seconds).toBeLessThan(20)
})
