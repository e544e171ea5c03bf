import { createPrivateKey } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import forge from 'node-forge'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type ClientCertificateOptions,
  clientCertificate,
} from '../../../../src/connectors/rest/auth/client-certificate.ts'
import { OptionError } from '../../../../src/errors.ts'
import { type TestCertificate, testAuthority } from '../../../support/certificates.ts'
import { authorize, outgoing } from './requests.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-certificate-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const authority = testAuthority()
const [first, second] = [authority.issue({ name: 'first' }), authority.issue({ name: 'second' })]
const encrypted = (key: string) =>
  createPrivateKey(key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'pa55phrase',
  }) as string
const pfxOf = ({ cert, key }: TestCertificate): Buffer => {
  const [forgeCert, forgeKey] = [forge.pki.certificateFromPem(cert), forge.pki.privateKeyFromPem(key)]
  const pfx = forge.pkcs12.toPkcs12Asn1(forgeKey, [forgeCert], 'pa55phrase', { algorithm: '3des' })
  return Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'binary')
}

describe('clientCertificate', () => {
  it('gives certificate and key to the connection, and leaves requests alone', async () => {
    const key = Buffer.from(encrypted(first.key))
    const authorization = clientCertificate({ cert: first.cert, key, passphrase: 'pa55phrase' })
    expect(authorization.tls).toEqual({ cert: first.cert, key, passphrase: 'pa55phrase' })
    const request = outgoing()
    expect(await authorize(authorization, request)).toBe(request)
  })

  it('reads files and variables each time a client is made', async () => {
    const [cert, word] = [join(folder, 'tls.crt'), join(folder, 'word')] as const
    const env = 'SLUICE_TEST_KEY'
    const authorization = clientCertificate({ cert: { file: cert }, key: { env }, passphrase: { file: word } })
    await writeFile(word, 'pa55phrase\n')
    for (const issued of [first, second]) {
      const key = encrypted(issued.key)
      await writeFile(cert, issued.cert)
      vi.stubEnv(env, key)
      expect(authorization.tls).toEqual({ cert: Buffer.from(issued.cert), key, passphrase: 'pa55phrase' })
    }
  })

  it('gives a PFX', async () => {
    const file = join(folder, 'tls.pfx')
    const pfx = pfxOf(first)
    await writeFile(file, pfx)
    const passphrase = 'pa55phrase'
    expect(clientCertificate({ pfx: { file }, passphrase }).tls).toEqual({ pfx, passphrase })
    expect(clientCertificate({ pfx, passphrase }).tls).toEqual({ pfx, passphrase })
  })

  it('says what isn’t found', async () => {
    const file = join(folder, 'none')
    const part = { file: join(folder, 'empty') }
    await writeFile(part.file, '')
    const { cert, key } = first
    const of = (options: ClientCertificateOptions) => () => clientCertificate(options).tls
    expect(of({ cert: { file }, key })).toThrow(`clientCertificate: option "cert": file ${file} can't be read: ENOENT`)
    expect(of({ cert, key: part })).toThrow(`clientCertificate: option "key" was not found: file ${part.file} is empty`)
    expect(of({ cert, key: { env: 'SLUICE_TEST_KEY' } })).toThrow(
      'clientCertificate: option "key" was not found: environment variable SLUICE_TEST_KEY is not set',
    )
    expect(of({ cert: { file }, key })).toThrow(OptionError)
  })

  it.each([
    ['no key', { cert: first.cert, key: 'pr1vate' }],
    ['another key', { cert: first.cert, key: second.key }],
    ['no passphrase', { cert: first.cert, key: encrypted(first.key) }],
    ['another passphrase', { pfx: pfxOf(first), passphrase: 'pr1vate' }],
  ])('refuses what every connection would fail with: %s', (_, options) => {
    const authorization = clientCertificate(options)
    expect(() => authorization.tls).toThrow(OptionError)
    expect(() => authorization.tls).toThrow('clientCertificate: expected a certificate and its key')
    expect(() => authorization.tls).not.toThrow('pr1vate')
  })

  it.each([
    {},
    { cert: 'cert' },
    { key: 'key' },
    { cert: 'cert', key: 'key', pfx: Buffer.from('pfx') },
    { cert: '', key: 'key' },
    { pfx: 'text' },
    { pfx: { env: 'PFX' } },
  ])('refuses %o', (options) => {
    expect(() => clientCertificate(options as unknown as ClientCertificateOptions)).toThrow(OptionError)
  })
})
