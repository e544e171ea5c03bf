// A PostgreSQL server of the project's own, from Debian's package: on loopback, with its own data folder, port, user and password.
// It shares nothing with a cluster of the machine. The server refuses to run as root, so root starts it as the user that the package made.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const bootMs = 60_000
const programs = process.platform === 'linux' ? findPrograms() : undefined

/** Whether the server's package is there. */
export function hasServer() {
  return (programs ?? findPrograms()) !== undefined
}

/** The folder of `psql`, `initdb` and `postgres`; `undefined` where there is no server. */
export function programFolder() {
  return programs ?? findPrograms()
}

/**
 * Makes the data folder and picks the port of a server; starts nothing.
 * @param {string} folder where data, log and configuration lie
 * @param {{ settings?: readonly string[] }} [options] further lines for postgresql.conf
 */
export async function prepareNode(folder, { settings = [] } = {}) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const owner = serverUser()
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const password = randomBytes(16).toString('hex')
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid)
  const args = ['-D', data, '-U', 'sluice', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8']
  const made = spawnSync(join(programFolder(), 'initdb'), [...args, '--locale=C.UTF-8', '--no-instructions'], {
    ...owner,
    cwd: folder,
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr.trim()}`)
  const port = await freePort()
  const lines = [`port = ${port}`, "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", ...settings]
  writeFileSync(join(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`)
  return { folder, port, url: `postgres://sluice:${password}@127.0.0.1:${port}/postgres` }
}

/**
 * Starts a prepared server, again after it was ended or killed, and waits until it answers.
 * @param {import('./postgres-node.d.mts').PreparedNode} node
 */
export async function startNode(node) {
  const output = openSync(join(node.folder, 'output.log'), 'a', 0o600)
  const server = spawn(join(programFolder(), 'postgres'), ['-D', join(node.folder, 'data')], {
    ...serverUser(),
    cwd: node.folder,
    detached: true,
    stdio: ['ignore', output, output],
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8', SLUICE_NODE: node.folder },
  })
  closeSync(output)
  server.on('error', () => {}) // seen as a process that isn't there
  server.unref()
  const pid = server.pid ?? -1
  for (const deadline = Date.now() + bootMs; ; await sleep(50)) {
    if (await answers(node.url)) return { ...node, pid }
    if (isAlive(pid) && Date.now() < deadline) continue
    await stopNode({ pid })
    const log = readFileSync(join(node.folder, 'output.log'), 'utf8').trim().split('\n').slice(-15).join('\n')
    throw new Error(`the PostgreSQL server did not come up; its last output:\n${log}`)
  }
}

/**
 * Ends a server that was started: orderly without waiting for its clients (SIGINT), or at once.
 * Its processes for connections end by themselves when it has died.
 * @param {{ pid: number }} node
 * @param {'SIGINT' | 'SIGKILL'} [signal]
 */
export async function stopNode({ pid }, signal = 'SIGINT') {
  if (pid <= 1 || !isAlive(pid)) return
  const children = childrenOf(pid)
  process.kill(pid, signal)
  for (let waited = 0; isAlive(pid) || children.some(isAlive); waited += 20) {
    if (waited > 20_000) {
      for (const left of [pid, ...children].filter(isAlive)) process.kill(left, 'SIGKILL')
      return
    }
    await sleep(20)
  }
}

/** Whether a server lets in whoever has this URL. */
export async function answers(url, timeoutMs = 2_000) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeoutMs })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** A process that has ended and that nobody has waited for is not alive. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function findPrograms() {
  const versions = '/usr/lib/postgresql'
  const debian = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...debian.map((version) => join(versions, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  return folders.find((folder) => ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))))
}

/** Whom root starts the server as; `undefined` for anybody else, who starts it himself. */
function serverUser() {
  if (process.getuid() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (option) => Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: 'pipe' }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // no such user
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody')
}

/** Free a moment ago. */
async function freePort() {
  const listener = createServer()
  await new Promise((resolve, reject) => listener.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = listener.address()
  await new Promise((resolve) => listener.close(resolve))
  return port
}
