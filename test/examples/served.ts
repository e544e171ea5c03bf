import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type ExampleServer, type ServerOptions, startServer } from '../../examples/server/server.ts'
import { type Example, temporaryFolder } from './child.ts'

/** The example server in this process, where it outlives the examples that are killed. Closed at the end of the test. */
export async function serve(options: ServerOptions): Promise<ExampleServer> {
  const server = await startServer({ requestsPerMinute: Infinity, faults: false, ...options })
  onTestFinished(() => server.close())
  return server
}

/** Folders of an example of their own, and the environment that makes it use them and a server. @param name what it writes. */
export async function place(api: string, name: string) {
  const folder = await temporaryFolder()
  const env = {
    SLUICE_EXAMPLE_API: api,
    SLUICE_EXAMPLE_DATA: join(folder, 'data'),
    SLUICE_EXAMPLE_CHECKPOINTS: join(folder, 'checkpoints'),
    SLUICE_EXAMPLE_POLL: '50 ms',
  }
  return { path: join(folder, 'data', name), env }
}

/** Ctrl-C, once. */
export async function interrupt(example: Example): Promise<void> {
  example.kill('SIGINT')
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
}
