import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { chooseApi } from '../../examples/choose-api.ts'
import { forwardClock } from '../../examples/forward-clock.ts'
import { getJson, HttpError, whyUnreachable } from '../../examples/http.ts'
import { liveLine } from '../../examples/live-line.ts'
import { isRetryable, retryAfterOf } from '../../src/errors.ts'

async function serve(status: number, headers: Readonly<Record<string, string>>, body: string | undefined) {
  const server = createServer((_request, response) => {
    response.writeHead(status, headers)
    if (body === undefined) response.write('{')
    else response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function failure(url: string, options?: Parameters<typeof getJson>[1]): Promise<unknown> {
  return await getJson(url, options).then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error,
  )
}

describe('getJson', () => {
  test('answers with the JSON and the headers', async () => {
    const { value, headers } = await getJson(await serve(200, { 'x-total-count': '7' }, '{"a":[1]}'))
    expect(value).toEqual({ a: [1] })
    expect(headers.get('x-total-count')).toBe('7')
  })

  test.for([
    [400, false],
    [404, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ] as const)('status %i: worth another attempt is %s', async ([status, retryable]) => {
    const error = await failure(await serve(status, {}, 'a reason\n'))
    expect(error).toBeInstanceOf(HttpError)
    expect((error as HttpError).message).toMatch(new RegExp(`^${status} from http://[^ ]+: a reason$`))
    expect(isRetryable(error)).toBe(retryable)
    expect(retryAfterOf(error)).toBeUndefined()
  })

  test('Retry-After may be seconds or a date, and is handed on in milliseconds', async () => {
    expect(retryAfterOf(await failure(await serve(429, { 'retry-after': '2' }, '')))).toBe(2000)
    const date = new Date(Date.now() + 60_000).toUTCString()
    const wait = retryAfterOf(await failure(await serve(503, { 'retry-after': date }, '')))
    expect(wait).toBeGreaterThan(50_000)
    expect(wait).toBeLessThanOrEqual(60_000)
    expect(retryAfterOf(await failure(await serve(503, { 'retry-after': new Date(0).toUTCString() }, '')))).toBe(0)
    expect(retryAfterOf(await failure(await serve(503, { 'retry-after': 'soon' }, '')))).toBeUndefined()
  })

  test('keeps only the beginning of a long error page', async () => {
    const error = (await failure(await serve(500, {}, 'x'.repeat(10_000)))) as HttpError
    expect(error.message.length).toBeLessThan(300)
  })

  test('gives up on a body that does not come, when the time is over or the signal is aborted', async () => {
    const url = await serve(200, {}, undefined)
    expect(await failure(url, { timeoutMs: 50 })).toMatchObject({ name: 'TimeoutError' })
    const controller = new AbortController()
    const pending = failure(url, { signal: controller.signal })
    const reason = new Error('over')
    controller.abort(reason)
    expect(await pending).toBe(reason)
  })
})

test.for([
  ['nothing, where there is an answer', 200, '{}', undefined],
  ['the status', 503, 'down', 'status 503'],
  ['that it is no JSON', 200, '<html>', 'an answer that is no JSON'],
  ['how long it waited', 200, undefined, 'nothing within 0.05 seconds'],
] as const)('whyUnreachable says %s', async ([_, status, body, reason]) => {
  expect(await whyUnreachable(await serve(status, {}, body), reason?.includes('0.05') === true ? 50 : 2_000)).toBe(
    reason,
  )
})

test('whyUnreachable says why there was no connection', async () => {
  expect(await whyUnreachable('http://127.0.0.1:1/')).toMatch(/ECONNREFUSED|bad port/)
})

describe('chooseApi', () => {
  const choose = (live: string, clockFile = '') =>
    chooseApi({ live, probe: '/probe', instead: 'recorded things', speed: 1_800, clockFile })
  beforeEach(() => {
    vi.stubEnv('SLUICE_EXAMPLE_API', undefined)
    vi.stubEnv('SLUICE_EXAMPLE_OFFLINE', undefined)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  const clockFile = () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-choose-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    return join(folder, 'clock.json')
  }

  test('takes the live API where it answers, and starts nothing', async () => {
    const live = (await serve(200, {}, '{}')).replace(/\/$/, '')
    expect(await choose(live)).toMatchObject({ kind: 'live', url: live, explanation: `Reading from ${live}.` })
  })

  test('starts the bundled one where it does not, and says why', async () => {
    const live = (await serve(502, {}, 'a gateway')).replace(/\/$/, '')
    const api = await choose(live, clockFile())
    onTestFinished(() => api.close())
    expect(api).toMatchObject({ kind: 'bundled', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) })
    expect(api.explanation).toBe(
      `No answer from ${live} (status 502): reading recorded things from a server on this machine
(${api.url}), where an hour takes 2 seconds and one request in 25 goes wrong.`,
    )
    expect(await whyUnreachable(`${api.url}/clock`)).toBeUndefined()
    await api.close()
    expect(await whyUnreachable(`${api.url}/clock`)).toContain('ECONNREFUSED')
  })

  test('asks nobody when it shall stay offline', async () => {
    vi.stubEnv('SLUICE_EXAMPLE_OFFLINE', '1')
    const api = await choose(await serve(200, {}, '{}'), clockFile())
    onTestFinished(() => api.close())
    expect(api.kind).toBe('bundled')
    expect(api.explanation).toMatch(/^Asked to stay offline: reading recorded things from a server/)
  })

  test('takes the example server that it is given', async () => {
    vi.stubEnv('SLUICE_EXAMPLE_API', 'http://127.0.0.1:1')
    expect(await choose(await serve(200, {}, '{}'))).toMatchObject({
      kind: 'bundled',
      url: 'http://127.0.0.1:1',
      explanation: 'Reading from http://127.0.0.1:1.',
    })
  })
})

describe('forwardClock', () => {
  const file = () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-clock-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    return join(folder, 'deeper', 'clock.json')
  }
  const at = (ms: number) => vi.setSystemTime(ms)
  const fakeTime = (ms: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now: ms })
    onTestFinished(() => {
      vi.useRealTimers()
    })
  }

  test('begins at the present and runs faster', () => {
    fakeTime(1_000_000)
    const now = forwardClock(file(), 100)
    expect(now()).toBe(1_000_000)
    at(1_000_050)
    expect(now()).toBe(1_005_000)
  })

  test('started again it is never behind what was shown, and the file is ahead of that at any moment', () => {
    fakeTime(0)
    const path = file()
    let shown = 0
    for (let start = 0; start < 5; start++) {
      const now = forwardClock(path, 100_000)
      expect(now()).toBeGreaterThanOrEqual(shown)
      for (let look = 0; look < 20; look++) {
        at(Date.now() + 317)
        const time = now()
        expect(time).toBeGreaterThan(shown)
        expect((JSON.parse(readFileSync(path, 'utf8')) as { until: number }).until).toBeGreaterThan(time)
        shown = time
      }
    }
  })

  test('left alone for long, it begins at the present', () => {
    fakeTime(0)
    const path = file()
    forwardClock(path, 1)()
    at(1e12)
    expect(forwardClock(path, 1)()).toBe(1e12)
  })
})

describe('liveLine', () => {
  const record = (isTTY: boolean) => {
    let text = ''
    const line = liveLine({
      isTTY,
      write: (chunk: string) => {
        text += chunk
        return true
      },
    })
    return { line, text: () => text }
  }

  test('in a terminal it rewrites itself, and other text stands above it', () => {
    const { line, text } = record(true)
    line.above('hello\n')
    line.show('one')
    line.above('table\n')
    line.show('two')
    expect(text()).toBe('hello\n\r\x1b[Kone\r\x1b[Ktable\none\r\x1b[Ktwo')
  })

  test('at the end other text takes its place, and it does not come back', () => {
    const { line, text } = record(true)
    line.show('one')
    line.end('done\n')
    line.above('bye\n')
    expect(text()).toBe('\r\x1b[Kone\r\x1b[Kdone\nbye\n')
  })

  test('elsewhere each text is a line', () => {
    const { line, text } = record(false)
    line.show('one')
    line.above('table\n')
    line.show('two')
    line.end('done\n')
    expect(text()).toBe('one\ntable\ntwo\ndone\n')
  })
})
