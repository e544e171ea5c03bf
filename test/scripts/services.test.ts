import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isOfThisRun, type State } from '../support/services.ts'
import { copyInto, root, temporaryProject, writeCommand, writeInto } from './temporary-project.ts'

// No container engine is here, and none of these may install anything: `docker` is a fake that notes how it was called, and what answers as a broker
// knows the first frame of AMQP only. The real server of Debian's package is what all other tests of services run on.

/** Answers the protocol header as a broker does. */
async function fakeBroker(): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.from([1, 0, 0])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A copy of the scripts in a folder of their own, whose only commands are those in `bin`, with other standard ports than the machine's. */
function copyOfScripts({ standardPort = 1, docker = [] as readonly string[] } = {}) {
  const folder = temporaryProject()
  copyInto(
    folder,
    ...[
      'services.mjs',
      'compose.yaml',
      'services/debian-package.mjs',
      'node-version.mjs',
      'wanted-node.mjs',
      'rabbitmq-node.mjs',
      'postgres-node.mjs',
    ].map((name) => `scripts/${name}`),
  )
  for (const [name, port] of [
    ['rabbitmq', '5672'],
    ['postgres', '5432'],
  ] as const) {
    const text = readFileSync(join(root, `scripts/services/${name}.mjs`), 'utf8')
    const elsewhere = text.replaceAll(new RegExp(`(127\\.0\\.0\\.1(?::|', ))${port}`, 'g'), `$1${standardPort}`)
    expect(elsewhere).not.toBe(text)
    writeInto(folder, { [`scripts/services/${name}.mjs`]: elsewhere })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const bin = join(folder, 'bin')
  const log = join(folder, 'docker.log')
  if (docker.length > 0) writeCommand(join(bin, 'docker'), `echo "$*" >> '${log}'`, ...docker)
  const state = join(folder, '.services/rabbitmq.json')
  return {
    folder,
    state: () => (existsSync(state) ? (JSON.parse(readFileSync(state, 'utf8')) as State) : undefined),
    /** Calls of docker, without the path of the file. */
    calls: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trim()
            .split('\n')
            .map((line) => line.replace(/-f \S+\/scripts\/compose\.yaml /, ''))
        : [],
    run: async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
      const child = spawn(process.execPath, [join(folder, 'scripts/services.mjs'), ...args], {
        env: { PATH: bin, ...env },
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text
        })
      const [status] = await once(child, 'close')
      return { status, output }
    },
  }
}

/** A fake engine that has started the broker on this port. */
const engine = (port: number) => [`case "$*" in *" port "*) echo 127.0.0.1:${port};; esac`]

describe('npm run services, where a (fake) Docker engine answers', () => {
  it('starts the broker with Compose, says so, finds it again, and ends it', async () => {
    const port = await fakeBroker()
    const { run, calls, state } = copyOfScripts({ docker: engine(port) })
    expect(await run(['up', 'rabbitmq'])).toEqual({
      status: 0,
      output: `RabbitMQ: starting it with Docker Compose …\nRabbitMQ: started with Docker Compose, 127.0.0.1:${port}\n`,
    })
    expect(state()).toMatchObject({ url: `amqp://guest:guest@127.0.0.1:${port}`, compose: true, forTest: false })
    expect(calls()).toEqual(['info', 'compose up --detach --wait rabbitmq', 'compose port rabbitmq 5672'])
    expect(await run(['up', '--for-test', 'rabbitmq'])).toEqual({
      status: 0,
      output: `RabbitMQ: the one that was started before, port ${port}\n`,
    })
    expect(state()).toMatchObject({ compose: true, forTest: false })
    expect(await run(['down'])).toEqual({ status: 0, output: 'RabbitMQ: ended\n' })
    expect(calls().at(-1)).toBe('compose rm --stop --force --volumes rabbitmq')
    expect(state()).toBeUndefined()
  })

  it('for a test run notes down which, so that no other run ends it', async () => {
    const { run, state } = copyOfScripts({ docker: engine(await fakeBroker()) })
    await run(['up', '--for-test', 'rabbitmq'])
    expect(state()).toMatchObject({ forTest: true, run: process.pid })
    expect(isOfThisRun(state() ?? {})).toBe(true)
    expect(isOfThisRun({ ...state(), run: process.pid + 1_000_000 })).toBe(false)
    await run(['up', 'rabbitmq'])
    expect(isOfThisRun(state() ?? {})).toBe(false)
  })

  it('for a test run that can’t begin, because another service is missing, ends what it started', async () => {
    const port = await fakeBroker()
    const { run, calls, state } = copyOfScripts({ docker: engine(port) })
    const { status, output } = await run(['up', '--for-test'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' })
    expect(status).toBe(1)
    expect(output).toContain('no PostgreSQL lets us in')
    expect(calls().at(-1)).toBe('compose rm --stop --force --volumes rabbitmq')
    expect(state()).toBeUndefined()
  })

  it('whose Compose fails says so, and what else could be done', async () => {
    const { run, state } = copyOfScripts({ docker: ['case "$*" in *" up "*) exit 1;; esac'] })
    const { status, output } = await run(['up', 'rabbitmq'])
    expect(status).toBe(1)
    expect(output).toContain('Docker Compose failed')
    expect(output).toContain('npm run test:unit')
    expect(state()).toBeUndefined()
  })
})

describe('npm run services', () => {
  it('takes the broker that AMQP_URL names, and starts none', async () => {
    const port = await fakeBroker()
    const { run, calls, state } = copyOfScripts({ docker: engine(port) })
    const env = { AMQP_URL: `amqp://user:secret@127.0.0.1:${port}/v` }
    expect(await run(['up', 'rabbitmq'], env)).toEqual({
      status: 0,
      output: 'RabbitMQ: the one of AMQP_URL, 127.0.0.1\n',
    })
    expect([calls(), state()]).toEqual([[], undefined])
  })

  it('refuses an AMQP_URL behind which nobody answers, without showing its password', async () => {
    const { run } = copyOfScripts()
    const { status, output } = await run(['up', 'rabbitmq'], { AMQP_URL: 'amqp://user:secret@127.0.0.1:1/v' })
    expect(status).toBe(1)
    expect(output).toContain('AMQP_URL names 127.0.0.1:1, and no AMQP broker answers there')
    expect(output).toContain('npm run test:unit')
    expect(output).not.toContain('secret')
  })

  it('takes the broker on the standard port of this host, and doesn’t end it', async () => {
    const port = await fakeBroker()
    const { run, calls, state } = copyOfScripts({ standardPort: port, docker: engine(port) })
    expect(await run(['up', '--for-test', 'rabbitmq'])).toMatchObject({ status: 0 })
    expect(state()).toMatchObject({ url: `amqp://guest:guest@127.0.0.1:${port}` })
    expect(await run(['down', 'rabbitmq'])).toMatchObject({
      output: 'RabbitMQ: was not started here, left as it is\n',
    })
    expect(calls()).toEqual([])
  })

  it('with nothing to find, start or install it from, fails with one error that names what needs none', async () => {
    const { run } = copyOfScripts()
    const { status, output } = await run(['up', 'rabbitmq'])
    expect(status).toBe(1)
    expect(output.match(/No RabbitMQ/g)).toHaveLength(1)
    for (const part of ['AMQP_URL is not set', 'no Docker engine answers', 'npm run test:unit'])
      expect(output).toContain(part)
  })

  it('with SLUICE_SERVICES=skip leaves the machine alone; a test run that needs one fails', async () => {
    const { run, calls } = copyOfScripts({ docker: engine(1) })
    const skip = { SLUICE_SERVICES: 'skip' }
    const none = 'none found, and SLUICE_SERVICES=skip says to start none. "npm run test:unit" needs none.'
    expect(await run(['up', 'rabbitmq'], skip)).toEqual({ status: 0, output: `RabbitMQ: ${none}\n` })
    expect(await run(['up', '--for-test', 'rabbitmq'], skip)).toEqual({ status: 1, output: `RabbitMQ: ${none}\n` })
    expect(calls()).toEqual([])
  })

  it('refuses words that it doesn’t know', async () => {
    const { run } = copyOfScripts()
    expect(await run(['start'])).toMatchObject({ status: 1, output: expect.stringContaining('expected "up"') })
  })
})
