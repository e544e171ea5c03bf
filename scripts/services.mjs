// The services that the integration tests talk to: finds or starts them, and says which.
//   node scripts/services.mjs [up]           stays up until "down"
//   node scripts/services.mjs up --for-test  what this starts, the end of the test run ends
//   node scripts/services.mjs down           ends what was started, and nothing else
// A broker is, in this order: AMQP_URL; the one that an earlier call started; one on the standard port of this host; Docker Compose where an engine answers;
// Debian's package (installed when root), as a node of the project's own. With SLUICE_SERVICES=skip nothing is installed, started or ended.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import './node-version.mjs'
import { hasServer, isAlive, prepareNode, speaksAmqp, startNode, stopNode } from './rabbitmq-node.mjs'

const folder = fileURLToPath(new URL('../.services/', import.meta.url))
const stateFile = `${folder}rabbitmq.json`
const compose = ['compose', '-f', fileURLToPath(new URL('compose.yaml', import.meta.url))]
const skip = process.env.SLUICE_SERVICES === 'skip'

const [command = 'up', option] = process.argv.slice(2)
if (!['up', 'down'].includes(command) || ![undefined, '--for-test'].includes(option)) {
  console.error(`expected "up", "up --for-test" or "down", and got ${JSON.stringify(process.argv.slice(2).join(' '))}`)
  process.exit(1)
}
try {
  await (command === 'up' ? up() : down())
} catch (error) {
  console.error(error.message)
  process.exit(1)
}

async function up() {
  const given = await fromEnvironment()
  if (given !== undefined) {
    console.log(`RabbitMQ: ${given.how}`) // what was started before stays known, to be ended
    return
  }
  const known = readState()
  const before = await startedBefore(known)
  const found = before ?? (await onStandardPort())
  if (found !== undefined) {
    if (known !== undefined && before === undefined && !skip) await end(known)
    writeState(found)
    console.log(`RabbitMQ: ${found.how}`)
    return
  }
  if (skip) {
    rmSync(stateFile, { force: true })
    console.log('RabbitMQ: none found, and SLUICE_SERVICES=skip says to start none. "npm run test:unit" needs none.')
    return
  }
  if (known !== undefined) await end(known) // what is left of one that broke down
  const started = await start()
  writeState({ ...started, forTest: option === '--for-test' })
  console.log(`RabbitMQ: ${started.how}`)
}

async function down() {
  const state = readState()
  if (state === undefined) return
  if (skip) return console.log('RabbitMQ: left as it is (SLUICE_SERVICES=skip)')
  const ended = await end(state)
  rmSync(stateFile, { force: true })
  console.log(`RabbitMQ: ${ended ? 'ended' : 'was not started here, left as it is'}`)
}

async function fromEnvironment() {
  const url = process.env.AMQP_URL
  if (url === undefined || url === '') return undefined
  let parsed
  try {
    parsed = new URL(url)
  } catch {
    throw new Error('AMQP_URL is no URL; expected something like amqp://user:password@host:5672/vhost')
  }
  const { hostname, port, protocol } = parsed
  const host = hostname.replace(/^\[|\]$/g, '')
  // Over TLS the tests themselves find out.
  if (protocol !== 'amqps:' && !(await speaksAmqp(host, Number(port || 5672), 10_000)))
    throw new Error(
      `AMQP_URL names ${host}:${port || 5672}, and no AMQP broker answers there. Unset it, or start that broker. "npm run test:unit" needs none.`,
    )
  return { url, how: `the one of AMQP_URL, ${host}` }
}

async function startedBefore(state) {
  if (state?.node === undefined && state?.compose !== true) return undefined
  const { hostname, port } = new URL(state.url)
  if (state.node !== undefined && !isAlive(state.node.pid)) return undefined
  if (!(await speaksAmqp(hostname, Number(port)))) return undefined
  // "npm run services" keeps what a test run would have ended.
  return {
    ...state,
    how: `the one that was started before, port ${port}`,
    forTest: state.forTest === true && option === '--for-test',
  }
}

async function onStandardPort() {
  if (!(await speaksAmqp('127.0.0.1', 5672))) return undefined
  return { url: 'amqp://guest:guest@127.0.0.1:5672', how: 'the one on the standard port of this host (5672)' }
}

async function start() {
  const problems = []
  if (succeeds('docker', ['info'])) {
    console.log('RabbitMQ: starting it with Docker Compose …')
    if (succeeds('docker', [...compose, 'up', '--detach', '--wait'], 'inherit')) {
      const { stdout } = spawnSync('docker', [...compose, 'port', 'rabbitmq', '5672'], { encoding: 'utf8' })
      return {
        url: `amqp://guest:guest@${stdout.trim()}`,
        how: `started with Docker Compose, ${stdout.trim()}`,
        compose: true,
      }
    }
    problems.push('Docker Compose failed (see above)')
  } else {
    problems.push('no Docker engine answers')
  }
  if (!hasServer()) install(problems)
  if (!hasServer()) {
    throw new Error(
      [
        'No RabbitMQ: the integration tests need a broker, and none could be found or started.',
        '  AMQP_URL is not set; nothing answers on 127.0.0.1:5672',
        ...problems.map((problem) => `  ${problem}`),
        'Set AMQP_URL to a broker, or run "npm run test:unit", which needs none.',
      ].join('\n'),
    )
  }
  const data = `${folder}rabbitmq`
  rmSync(data, { recursive: true, force: true })
  const node = await startNode(await prepareNode(data))
  return { url: node.url, how: `started a node of its own, port ${node.port}, data in ${data}`, node }
}

/** Debian's package, without starting the machine-wide broker that it contains. */
function install(problems) {
  if (process.platform !== 'linux' || !succeeds('apt-get', ['--version'])) {
    problems.push('there is no rabbitmq-server here, and no apt-get to install it with')
    return
  }
  if (process.getuid() !== 0) {
    problems.push(
      'the package rabbitmq-server is not installed, and installing it takes root ("sudo apt-get install rabbitmq-server")',
    )
    return
  }
  console.log('RabbitMQ: installing the package rabbitmq-server …')
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 }) // "start no service"
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (...args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
    const get = () => apt('install', '--yes', '-qq', '--no-install-recommends', 'rabbitmq-server')
    if (!get() && !(apt('update', '-qq') && get()))
      problems.push('apt-get could not install rabbitmq-server (see above)')
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

/** @returns whether there was anything of ours to end */
async function end(state) {
  if (state.compose === true) return succeeds('docker', [...compose, 'down', '--volumes'], 'inherit')
  if (state.node === undefined) return false
  const { pid, epmdPid, folder: data } = state.node
  await stopNode({ pid: ifOurs(pid, data), epmdPid: ifOurs(epmdPid, data) })
  rmSync(data, { recursive: true, force: true })
  return true
}

/** A process id may be another's by now. */
function ifOurs(pid, data) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(data) ? pid : -1
  } catch {
    return -1
  }
}

function succeeds(program, args, stdio = 'ignore') {
  return spawnSync(program, args, { stdio }).status === 0
}

function readState() {
  if (!existsSync(stateFile)) return undefined
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8'))
  } catch {
    throw new Error(`${stateFile} can't be read as JSON; see what it names, end that, and remove the file`)
  }
}

function writeState(state) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(stateFile, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
}
