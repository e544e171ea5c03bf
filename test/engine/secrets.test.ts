import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { defineDataSource } from '../../src/data-source.ts'
import { QueryError } from '../../src/errors.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSink, numberSource } from './recording.ts'

const secrets = { password: 'pa55-of-the-reader', key: 'k-8c1f20d4', token: 'dG9rZW4tb2YtdGhlLXJlYWRlcg' }
const url = `https://reader:${secrets.password}@api.test/numbers?api_key=${secrets.key}&page=2`
const authorization = `Bearer ${secrets.token}`

/** What an HTTP client says of a request that was refused; `refused` is no secret, and shows that it was said at all. */
function refused(): Error {
  return new Error(`refused: GET ${url} with Authorization: ${authorization}`, { cause: new Error(`connect ${url}`) })
}

type Options = { readonly url: string; readonly token: string }
type Ports = Partial<Record<string, () => never>>

/** Where a query shows anything, with what it showed there. */
interface Shown {
  readonly error: unknown
  readonly text: string
}

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')))
}

/** Runs a query whose source and sink were given the secrets, and gathers all that it shows of itself. */
async function run(source: Ports, sink: Ports): Promise<Shown> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-secrets-'))
  folders.push(folder)
  const { open, ...writer } = sink
  const api = defineDataSource({
    name: 'numbers_api',
    schema: schema('n int not null'),
    streamReader: (_: Options) => ({ ...numberSource(() => 3).streamReader(), ...source }),
    streamWriter: (_: Options) => ({ ...numberSink([], [], writer)(), ...(open && { open }) }),
  })({ url, token: secrets.token })
  const again = { maxAttempts: 2, initialDelayMs: 0 }
  const query = readStream(api).writeStream(api, {
    name: 'numbers',
    checkpoint: fileCheckpoint(join(folder, 'checkpoint')),
    trigger: availableNow(),
    retry: again,
    restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
  })
  const handle = query.start()
  const shown: unknown[] = []
  handle.events$.subscribe((event) => shown.push(event))
  handle.progress$.subscribe({ next: (progress) => shown.push(progress), error: (error) => shown.push(error) })
  const asked = handle.processAllAvailable().catch((error: unknown) => shown.push(error))
  const error = await handle.terminated.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  await asked
  shown.push(handle.status, handle.recentProgress, error, String(error), error instanceof Error && error.stack)
  const files = await filesBelow(folder)
  expect(files.join('\n')).toContain('numbers_api')
  return { error, text: [...shown.map(everything), ...files].join('\n') }
}

function everything(value: unknown): string {
  const all = { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity, showHidden: true } as const
  return typeof value === 'string' ? value : inspect(value, all)
}

function expectNoSecretIn(text: string): void {
  for (const [name, secret] of Object.entries(secrets)) {
    const at = text.indexOf(secret)
    expect(at < 0 ? 'nowhere' : text.slice(Math.max(0, at - 300), at), `the ${name}`).toBe('nowhere')
  }
}

const fails = (): never => {
  throw refused()
}
class ApiError extends Error {
  readonly #url = url
  override get message(): string {
    return `refused: ${this.#url}`
  }
  get retryable(): boolean {
    return this.#url === url
  }
}

const failsOtherwise = (): never => {
  throw new Error('the disk is full')
}

describe('invariant 13: secrets in play', () => {
  it.each<[port: string, source: Ports, sink: Ports]>([
    ['initialOffset', { initialOffset: fails }, {}],
    ['latestOffset', { latestOffset: fails }, {}],
    ['partitions', { partitions: fails }, {}],
    ['read', { read: fails }, {}],
    ['commit of the source', { commit: fails }, {}],
    ['start of the sink', {}, { start: fails }],
    ['begin', {}, { begin: fails }],
    ['open', {}, { open: fails }],
    ['write', {}, { write: fails }],
    ['commit of the sink', {}, { commit: fails }],
  ])('are in nothing that a query shows when its port fails with them: %s', async (_, source, sink) => {
    const { error, text } = await run(source, sink)
    expect(error).toBeInstanceOf(QueryError)
    expect((error as Error).message).toContain('refused: GET https://')
    expect(text).toContain("type: 'retry'")
    expect(text).toContain("type: 'restarting'")
    expectNoSecretIn(text)
  })

  it.each<[port: string, source: Ports, sink: Ports]>([
    ['stop of the source', { stop: fails }, {}],
    ['stop of the sink', {}, { stop: fails }],
    ['abort of the sink', {}, { write: failsOtherwise, abort: fails }],
  ])('are in none of its warnings: %s', async (_, source, sink) => {
    const { text } = await run(source, sink)
    expect(text).toMatch(/type: 'warning'[\s\S]*refused/)
    expectNoSecretIn(text)
  })

  it.each<[what: string, thrown: () => unknown]>([
    ['an error with a stack only', () => Object.assign(new Error(''), { stack: refused().stack })],
    ['several errors', () => new AggregateError([refused(), refused()], 'refused: GET https:// twice')],
    ['a text', () => refused().message],
    ['an object that is no error', () => ({ reason: 'refused', url, headers: { authorization } })],
    [
      'an error that names its request',
      () => Object.assign(refused(), { request: { url, headers: { authorization } } }),
    ],
    ['an error with an address', () => Object.assign(refused(), { address: new URL(url) })],
    ['an error with headers', () => Object.assign(refused(), { headers: new Headers({ authorization }) })],
    ['an error with a getter', () => Object.defineProperty(refused(), 'request', { get: () => url, enumerable: true })],
    ['an error with a getter that fails', () => Object.defineProperty(refused(), 'request', { get: fails })],
    ['an error that is frozen', () => Object.freeze(refused())],
    ['an error with private fields', () => new ApiError()],
    ['a DOMException', () => new DOMException(refused().message, 'TimeoutError')],
  ])('are hidden in %s', async (_, thrown) => {
    const read = (): never => {
      throw thrown()
    }
    const { error, text } = await run({ read }, {})
    expect(text).toContain('refused')
    expect(text).toContain("type: 'restarting'")
    expect(error).toMatchObject({ retryable: true })
    expectNoSecretIn(text)
  })

  it('leave the error itself as it was: it belongs to whoever threw it', async () => {
    const error = refused()
    const read = (): never => {
      throw error
    }
    await run({ read }, {})
    expect(error.message).toContain(url)
    expect(inspect(error.cause)).toContain(url)
  })
})
