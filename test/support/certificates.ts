import { generateKeyPairSync } from 'node:crypto'
// Chosen because it makes certificates without further packages and without the system's openssl.
import forge from 'node-forge'

export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM. */
  readonly key: string
}

/** A throw-away certificate authority. Its key never leaves the process. */
export interface TestAuthority {
  /** Its certificate, PEM. */
  readonly ca: string
  /** @param subject `hosts`: IP addresses and names that the certificate is for. */
  readonly issue: (subject: {
    readonly name: string
    readonly hosts?: readonly string[]
    readonly expired?: boolean
  }) => TestCertificate
}

const dayMs = 86_400_000

export function testAuthority(name = 'sluice test authority'): TestAuthority {
  const own = generateKeys()
  const issuer = [{ name: 'commonName', value: name }]
  const sign = (certificate: forge.pki.Certificate): string => {
    certificate.sign(forge.pki.privateKeyFromPem(own.privateKey), forge.md.sha256.create())
    return forge.pki.certificateToPem(certificate)
  }
  const root = certificate(own.publicKey, issuer, issuer)
  root.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ])
  return {
    ca: sign(root),
    issue: ({ name: subject, hosts = [], expired = false }) => {
      const keys = generateKeys()
      const issued = certificate(keys.publicKey, [{ name: 'commonName', value: subject }], issuer)
      if (expired) issued.validity.notAfter = new Date(Date.now() - dayMs / 2)
      issued.setExtensions([
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        ...(hosts.length > 0 ? [{ name: 'subjectAltName', altNames: hosts.map(altName) }] : []),
      ])
      return { cert: sign(issued), key: keys.privateKey }
    },
  }
}

let serial = 0

function certificate(
  publicKey: string,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
): forge.pki.Certificate {
  const result = forge.pki.createCertificate()
  result.publicKey = forge.pki.publicKeyFromPem(publicKey)
  result.serialNumber = (++serial).toString(16).padStart(4, '0')
  result.validity.notBefore = new Date(Date.now() - dayMs)
  result.validity.notAfter = new Date(Date.now() + dayMs)
  result.setSubject(subject)
  result.setIssuer(issuer)
  return result
}

function generateKeys(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

/** As X.509 numbers them: 7 is an IP address, 2 a name. */
function altName(host: string): { readonly type: number; readonly ip?: string; readonly value?: string } {
  return /^[\d.]+$|:/.test(host) ? { type: 7, ip: host } : { type: 2, value: host }
}
