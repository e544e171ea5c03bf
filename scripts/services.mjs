// The services that the integration tests talk to: finds or starts them, and says which.
//   node scripts/services.mjs [up]           stays up until "down"
//   node scripts/services.mjs up --for-test  what this starts, the end of the test run ends
//   node scripts/services.mjs down           ends what was started, and nothing else
// A name of a service after that (rabbitmq, postgres) means that one alone.
// Each is, in this order: the one that its variable names (AMQP_URL, DATABASE_URL); the one that an earlier call started; one on the standard port of this host
// that lets the tests in; Docker Compose where an engine answers; Debian's package (installed when root), as a server of the project's own.
// With SLUICE_SERVICES=skip nothing is installed, started or ended.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import './node-version.mjs'
import { installPackage } from './services/debian-package.mjs'
import { postgres } from './services/postgres.mjs'
import { rabbitmq } from './services/rabbitmq.mjs'

const services = [rabbitmq, postgres]
const folder = fileURLToPath(new URL('../.services/', import.meta.url))
const compose = ['compose', '-f', fileURLToPath(new URL('compose.yaml', import.meta.url))]
const skip = process.env.SLUICE_SERVICES === 'skip'

const [command = 'up', ...rest] = process.argv.slice(2)
const forTest = rest.includes('--for-test')
const names = rest.filter((word) => word !== '--for-test')
const known = services.map(({ key }) => key)
if (
  !['up', 'down'].includes(command) ||
  (command === 'down' && forTest) ||
  !names.every((name) => known.includes(name))
) {
  const wanted = `"up", "up --for-test" or "down", perhaps with names (${known.join(', ')})`
  console.error(`expected ${wanted}, and got ${JSON.stringify(process.argv.slice(2).join(' '))}`)
  process.exit(1)
}
for (const service of services) {
  if (names.length > 0 && !names.includes(service.key)) continue
  try {
    await (command === 'up' ? up(service) : down(service))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
// A test run that can't begin has no end at which the others would be ended.
if (process.exitCode === 1 && forTest && !skip)
  for (const service of services) {
    const state = readState(service)
    if (state?.forTest === true && state.run === process.ppid) await down(service)
  }

async function up(service) {
  const say = (how) => console.log(`${service.name}: ${how}`)
  const given = await fromEnvironment(service)
  if (given !== undefined) return say(given.how) // what was started before stays known, to be ended
  const state = readState(service)
  const before = await startedBefore(service, state)
  const found = before ?? (await onStandardPort(service))
  if (found !== undefined) {
    if (state !== undefined && before === undefined && !skip) await end(service, state)
    writeState(service, found)
    return say(found.how)
  }
  if (skip) {
    rmSync(stateFile(service), { force: true })
    const none = 'none found, and SLUICE_SERVICES=skip says to start none. "npm run test:unit" needs none.'
    if (forTest) throw new Error(`${service.name}: ${none}`)
    return say(none)
  }
  if (state !== undefined) await end(service, state) // what is left of one that broke down
  const started = await start(service)
  writeState(service, { ...started, forTest, run: process.ppid })
  say(started.how)
}

async function down(service) {
  const state = readState(service)
  if (state === undefined) return
  if (skip) return console.log(`${service.name}: left as it is (SLUICE_SERVICES=skip)`)
  const ended = await end(service, state)
  rmSync(stateFile(service), { force: true })
  console.log(`${service.name}: ${ended ? 'ended' : 'was not started here, left as it is'}`)
}

async function fromEnvironment({ variable, example, check }) {
  const url = process.env[variable]
  if (url === undefined || url === '') return undefined
  if (!URL.canParse(url)) throw new Error(`${variable} is no URL; expected something like ${example}`)
  return { url, how: `the one of ${variable}, ${await check(url)}` }
}

async function startedBefore(service, state) {
  if (state?.node === undefined && state?.compose !== true) return undefined
  if (state.node !== undefined && !service.isAlive(state.node)) return undefined
  if (!(await service.answers(state.url))) return undefined
  // "npm run services" keeps what a test run would have ended.
  const how = `the one that was started before, port ${new URL(state.url).port}`
  const run = isRunning(state.run) ? state.run : process.ppid
  return { ...state, how, forTest: state.forTest === true && forTest, run }
}

/** A test run is known by the shell of its npm script: another run must not end what this one uses. */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function onStandardPort(service) {
  const url = await service.onStandardPort()
  return url && { url, how: `the one on the standard port of this host (${service.standardPort})` }
}

async function start(service) {
  const problems = []
  if (succeeds('docker', ['info'])) {
    console.log(`${service.name}: starting it with Docker Compose …`)
    if (succeeds('docker', [...compose, 'up', '--detach', '--wait', service.key], 'inherit')) {
      const port = [...compose, 'port', service.key, String(service.composePort)]
      const address = spawnSync('docker', port, { encoding: 'utf8' }).stdout.trim()
      return { url: service.composeUrl(address), how: `started with Docker Compose, ${address}`, compose: true }
    }
    problems.push('Docker Compose failed (see above)')
  } else {
    problems.push('no Docker engine answers')
  }
  if (!service.hasServer()) {
    const problem = installPackage(service.package)
    if (problem !== undefined) problems.push(problem)
  }
  if (!service.hasServer()) {
    throw new Error(
      [
        `No ${service.name}: the integration tests need one, and none could be found or started.`,
        `  ${service.variable} is not set; nothing lets us in on 127.0.0.1:${service.standardPort}`,
        ...problems.map((problem) => `  ${problem}`),
        `Set ${service.variable}, or run "npm run test:unit", which needs none.`,
      ].join('\n'),
    )
  }
  mkdirSync(folder, { recursive: true }) // others than its maker go through it: a server may be another user's
  const data = `${folder}${service.key}`
  rmSync(data, { recursive: true, force: true })
  const node = await service.start(data)
  return { url: node.url, how: `started a server of its own, port ${node.port}, data in ${data}`, node }
}

/** @returns whether there was anything of ours to end */
async function end(service, state) {
  if (state.compose === true)
    return succeeds('docker', [...compose, 'rm', '--stop', '--force', '--volumes', service.key], 'inherit')
  if (state.node === undefined) return false
  const { folder: data } = state.node
  await service.end(state.node, (pid) => ifOurs(pid, data))
  rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
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

function stateFile({ key }) {
  return `${folder}${key}.json`
}

function readState(service) {
  const file = stateFile(service)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    throw new Error(`${file} can't be read as JSON; see what it names, end that, and remove the file`)
  }
}

function writeState(service, state) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(stateFile(service), `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
}
