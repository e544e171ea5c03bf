import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { PostgresClient } from '../../../src/connectors/postgres/client.ts'
import {
  connectionSettings,
  type PostgresConnectionOptions,
} from '../../../src/connectors/postgres/connection-options.ts'
import { contents, makeCertificates } from '../../support/certificate-files.ts'
import { canOwnServer, openDatabase, ownServer } from '../../support/postgres.ts'

it.runIf(canOwnServer)('TLS: the server’s certificate is checked, and the client’s own names the user', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const { server: own, client } = makeCertificates(folder, 'certified')
  // The server reads them as the user that it runs as, and takes no key that others could read.
  const owner = process.getuid?.() === 0 ? Number(spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' }).stdout) : -1
  if (owner > 0) chownSync(own.key, owner, 0)
  chmodSync(own.key, 0o600)
  const access = join(folder, 'access.conf')
  writeFileSync(access, 'hostssl all certified all cert\nhost all all all scram-sha-256\n', { mode: 0o644 })
  const { url } = await ownServer({
    settings: [
      'ssl = on',
      `ssl_cert_file = '${own.cert}'`,
      `ssl_key_file = '${own.key}'`,
      `ssl_ca_file = '${own.ca}'`,
      `hba_file = '${access}'`,
    ],
  })
  const admin = await openDatabase(url)
  await admin.rows('CREATE ROLE certified LOGIN')
  onTestFinished(() => admin.close())
  const at = (change: (url: URL) => void): string => {
    const other = new URL(url)
    change(other)
    return other.href
  }

  const opened = async (options: Partial<PostgresConnectionOptions>): Promise<string> => {
    try {
      const connection = await PostgresClient.connect(connectionSettings('test', { url, ...options }))
      const { rows } = await connection.ask<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      )
      await connection.close()
      return rows[0]?.ssl === true ? 'over TLS' : 'plain'
    } catch (error) {
      const { message, cause } = error as Error
      return `${message}: ${cause instanceof Error ? cause.message : ''}`
    }
  }
  const { ca, cert, key } = contents(client)
  expect(await opened({})).toBe('plain')
  expect(await opened({ tls: { ca } })).toBe('over TLS')
  expect(await opened({ tls: { ca: Buffer.from(ca) } })).toBe('over TLS')
  expect(await opened({ tls: true })).toMatch(/self-signed certificate/)
  expect(await opened({ tls: { rejectUnauthorized: false } })).toBe('over TLS')
  expect(await opened({ tls: { ca, servername: 'localhost' } })).toBe('over TLS')
  expect(await opened({ tls: { ca, servername: 'elsewhere' } })).toMatch(/does not match/)
  const byName = at((other) => {
    other.hostname = 'localhost'
  })
  expect(await opened({ url: byName, tls: { ca } })).toBe('over TLS')
  expect(await opened({ url: byName, tls: { ca, servername: 'elsewhere' } })).toMatch(/does not match/)
  const certified = at((other) => {
    other.username = 'certified'
    other.password = ''
  })
  expect(await opened({ url: certified, tls: { ca, cert, key } })).toBe('over TLS')
  const refused = await opened({ url: certified, tls: { ca } })
  expect(refused).toMatch(/certificate/)
  expect(refused).not.toContain('BEGIN')
})
