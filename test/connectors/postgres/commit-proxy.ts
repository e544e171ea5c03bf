import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What becomes of a COMMIT: it passes; it is cut off before it arrives; it arrives and its answer doesn't; it arrives after its client has gone. */
export type Fate = 'pass' | 'lost' | 'unanswered' | 'late'

/** A network that knows a COMMIT when it sees one. */
export interface CommitProxy {
  readonly url: string
  /** What became of each COMMIT so far. */
  readonly fates: Fate[]
}

const commit = Buffer.from('COMMIT\0')

/** @param fateOf says what becomes of a COMMIT, by its number from 0. Closed at the end of the test. */
export async function commitProxy(target: string, fateOf: (count: number) => Fate): Promise<CommitProxy> {
  const url = new URL(target)
  const fates: Fate[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host: url.hostname, port: Number(url.port) })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    let deaf = false
    client.on('data', (bytes) => {
      const fate = bytes.includes(commit) ? fateOf(fates.length) : 'pass'
      if (bytes.includes(commit)) fates.push(fate)
      if (fate === 'lost') {
        client.resetAndDestroy()
        upstream.resetAndDestroy()
      } else if (fate === 'late') {
        deaf = true
        client.resetAndDestroy()
        setTimeout(() => upstream.write(bytes), 200)
      } else {
        deaf = fate === 'unanswered'
        upstream.write(bytes)
      }
    })
    upstream.on('data', (bytes) => {
      if (deaf) client.resetAndDestroy()
      else client.write(bytes)
    })
    client.on('close', () => {
      if (!deaf) upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as { readonly port: number }
  const proxied = new URL(target)
  proxied.host = `127.0.0.1:${port}`
  return { url: proxied.href, fates }
}
