// A RabbitMQ node of the project's own, from Debian's package: on loopback, with its own data folder, ports, cookie and port mapper (epmd).
// It shares nothing with a broker of the machine, and ending it ends nothing else.
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

// Not the one in /usr/sbin, which becomes the user rabbitmq and wants the folders of the machine's broker.
const server = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const bootMs = 120_000

/** Whether the server's package is there. */
export function hasServer() {
  return process.platform === 'linux' && existsSync(server) && findExecutable('epmd') !== undefined
}

/**
 * Makes the folder and picks the ports of a node; starts nothing.
 * @param {string} folder where data, logs, configuration and cookie lie
 * @param {{ settings?: readonly string[], rabbit?: readonly string[], plugins?: readonly string[] }} [options] further lines for rabbitmq.conf;
 *   terms for the application rabbit that have no such line; plugins to enable
 */
export async function prepareNode(folder, { settings = [], rabbit = [], plugins = [] } = {}) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const [port, distPort, epmdPort] = await freePorts(3)
  const cookie = join(folder, '.erlang.cookie')
  if (!existsSync(cookie)) writeFileSync(cookie, randomBytes(16).toString('hex'), { mode: 0o400 })
  const lines = [`listeners.tcp.1 = 127.0.0.1:${port}`, 'disk_free_limit.absolute = 50MB', ...settings]
  writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
  writeFileSync(join(folder, 'advanced.config'), `[{rabbit, [${rabbit.join(', ')}]}].\n`)
  writeFileSync(join(folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`)
  return { folder, port, distPort, epmdPort, url: `amqp://guest:guest@127.0.0.1:${port}` }
}

/**
 * Starts a prepared node, again after it was ended or killed, and waits until it answers.
 * @param {import('./rabbitmq-node.d.mts').PreparedNode} node
 */
export async function startNode(node) {
  const { folder, port, epmdPort } = node
  const environment = environmentOf(node)
  const epmd = background(
    findExecutable('epmd'),
    ['-address', '127.0.0.1', '-port', String(epmdPort)],
    folder,
    environment,
  )
  await until(() => answers(epmdPort), 10_000, epmd, join(folder, 'output.log'))
  const broker = background(server, [], folder, environment)
  try {
    await until(() => speaksAmqp('127.0.0.1', port), bootMs, broker, join(folder, 'output.log'))
  } catch (error) {
    await stopNode({ pid: broker, epmdPid: epmd })
    throw error
  }
  return { ...node, pid: broker, epmdPid: epmd }
}

/**
 * Asks or tells a running node something, by the server's own `rabbitmqctl`.
 * @param {import('./rabbitmq-node.d.mts').PreparedNode} node
 * @param {readonly string[]} args such as `['list_connections', '--no-table-headers', 'name']`
 * @returns {Promise<string>} what it printed
 */
export function controlNode(node, args) {
  return new Promise((resolve, reject) => {
    const command = join(dirname(server), 'rabbitmqctl')
    const options = { cwd: node.folder, env: environmentOf(node), timeout: 60_000 }
    execFile(command, ['--quiet', ...args], options, (error, output) => {
      if (error === null) resolve(output)
      else reject(error)
    })
  })
}

/**
 * Ends a node that was started, and its port mapper: orderly, or at once.
 * @param {{ pid: number, epmdPid: number }} node
 * @param {'SIGTERM' | 'SIGKILL'} [signal]
 */
export async function stopNode({ pid, epmdPid }, signal = 'SIGTERM') {
  await end(pid, signal)
  await end(epmdPid, 'SIGKILL') // it refuses to go while a node is known to it
}

/** Whether an AMQP 0-9-1 broker answers there. */
export function speaksAmqp(host, port, timeoutMs = 2_000) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const settle = (answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write(Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])))
    socket.once('data', (bytes) => settle(bytes[0] === 1)) // a method frame: connection.start
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => settle(false))
  })
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function environmentOf({ folder, distPort, epmdPort }) {
  return {
    PATH: `${dirname(server)}:${process.env.PATH}`,
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_NODENAME: 'sluice@localhost',
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  }
}

/** As leader of its own group, so that all it starts can be ended with it; it outlives this process. */
function background(command, args, folder, env) {
  const output = openSync(join(folder, 'output.log'), 'a', 0o600)
  const child = spawn(command, args, { cwd: folder, env, detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  child.on('error', () => {}) // seen as a process that isn't there
  child.unref()
  return child.pid ?? -1
}

async function end(pid, signal) {
  if (pid <= 1) return
  const killGroup = (name) => {
    try {
      process.kill(-pid, name)
      return true
    } catch {
      return false // gone
    }
  }
  if (!killGroup(signal)) return
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (!groupIsAlive(pid)) return
    await sleep(50)
  }
  killGroup('SIGKILL')
}

function groupIsAlive(pid) {
  try {
    process.kill(-pid, 0)
  } catch {
    return false
  }
  // A leader that has ended and that nobody has waited for is still a member.
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

async function until(holds, timeoutMs, pid, log) {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(100)) {
    if (await holds()) return
    const problem = !isAlive(pid)
      ? 'ended at once'
      : Date.now() > deadline
        ? `did not answer in ${timeoutMs / 1000} s`
        : undefined
    if (problem === undefined) continue
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n') : ''
    throw new Error(`the RabbitMQ node ${problem}; its last output (${log}):\n${lines}`)
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Free a moment ago, all at the same time. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer()
      await new Promise((resolve, reject) => listener.once('error', reject).listen(0, '127.0.0.1', resolve))
      return listener
    }),
  )
  const ports = servers.map((listener) => listener.address().port)
  await Promise.all(servers.map((listener) => new Promise((resolve) => listener.close(resolve))))
  return ports
}

function findExecutable(name) {
  return (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
}
