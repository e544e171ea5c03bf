import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { RabbitConnection } from '../../../src/connectors/rabbitmq/connection.ts'
import {
  connectionSettings,
  type RabbitConnectionOptions,
} from '../../../src/connectors/rabbitmq/connection-options.ts'
import { contents, makeCertificates } from '../../support/certificate-files.ts'
import { canOwnBroker, ownBroker } from '../../support/rabbitmq.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

it.skipIf(!canOwnBroker)('TLS: the broker’s certificate is checked, and the client’s own names the user', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { server, client } = makeCertificates(folder, 'guest')
  const port = await freePort()
  await ownBroker({
    plugins: ['rabbitmq_auth_mechanism_ssl'],
    settings: [
      `listeners.ssl.1 = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${server.ca}`,
      `ssl_options.certfile = ${server.cert}`,
      `ssl_options.keyfile = ${server.key}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = false',
      'auth_mechanisms.1 = PLAIN',
      'auth_mechanisms.2 = EXTERNAL',
      'ssl_cert_login_from = common_name',
    ],
  })
  const opened = async (options: Partial<RabbitConnectionOptions>): Promise<string> => {
    const url = `amqps://guest:guest@127.0.0.1:${port}`
    const connection = new RabbitConnection(connectionSettings('test', { url, openTimeout: '2 seconds', ...options }))
    onTestFinished(() => connection.close())
    const channel = connection.channel({ name: 'test', setup: async () => undefined })
    return channel.open().then(
      () => 'open',
      (error: unknown) => String(error),
    )
  }
  const { ca, cert, key } = contents(client)
  expect(await opened({ tls: { ca } })).toBe('open')
  expect(await opened({ tls: { ca: Buffer.from(ca) } })).toBe('open')
  expect(await opened({})).toMatch(/self-signed certificate/)
  expect(await opened({ tls: { rejectUnauthorized: false } })).toBe('open')
  expect(await opened({ tls: { ca, servername: 'elsewhere' } })).toMatch(/Hostname\/IP does not match/)
  const nobody = `amqps://nobody:wrong@127.0.0.1:${port}`
  expect(await opened({ url: nobody, tls: { ca } })).toMatch(/403/)
  expect(await opened({ url: nobody, tls: { ca, cert, key }, auth: 'external' })).toBe('open')
})
