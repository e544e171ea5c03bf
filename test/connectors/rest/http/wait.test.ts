import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { wait } from '../../../../src/connectors/rest/http/wait.ts'
import { ManualScheduler } from '../../../support/schedulers.ts'

it('settles when the time has come', async () => {
  const scheduler = new ManualScheduler()
  let done = false
  const { signal } = new AbortController()
  const waiting = wait(100, scheduler, signal).then(() => {
    done = true
  })
  await scheduler.advance(99)
  expect(done).toBe(false)
  await scheduler.advance(1)
  await waiting
  expect(scheduler.size).toBe(0)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('fails with the reason as soon as it is aborted, and leaves no timer', async () => {
  const scheduler = new ManualScheduler()
  const abort = new AbortController()
  const waiting = wait(100, scheduler, abort.signal)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect(scheduler.size).toBe(0)
  await expect(wait(100, scheduler, abort.signal)).rejects.toThrow('enough')
  expect(scheduler.size).toBe(0)
})

it('settles at once where there is nothing to wait for', async () => {
  const scheduler = new ManualScheduler()
  await wait(0, scheduler, new AbortController().signal)
  expect(scheduler.size).toBe(0)
})
