import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files in PEM. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** An authority of the test's own, a server's certificate for 127.0.0.1 and localhost, and one of a client with that name. Made by openssl. */
export function makeCertificates(
  folder: string,
  client: string,
): { readonly server: Certificates; readonly client: Certificates } {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => {
    const { status, stderr, error } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(`openssl ${args.join(' ')} failed: ${error?.message ?? stderr}`)
  }
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority', '-days', '2')
  const sign = (name: string, subject: string, extension: string): Certificates => {
    writeFileSync(at(`${name}.ext`), extension)
    openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`)
    const to = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...to)
    return { ca: at('ca.pem'), cert: at(`${name}.pem`), key: at(`${name}.key`) }
  }
  return {
    server: sign('server', 'localhost', 'subjectAltName = IP:127.0.0.1, DNS:localhost\n'),
    client: sign('client', client, 'extendedKeyUsage = clientAuth\n'),
  }
}

/** The same as texts. */
export function contents({ ca, cert, key }: Certificates): Certificates {
  const read = (file: string): string => readFileSync(file, 'utf8')
  return { ca: read(ca), cert: read(cert), key: read(key) }
}
