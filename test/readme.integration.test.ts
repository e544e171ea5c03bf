import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { committedRows, startNode } from './examples/child.ts'
import { guides } from './guides.ts'
import { type Block, readme } from './readme-blocks.ts'
import { serviceEnvironment } from './support/service-urls.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const blocks = guides.flatMap((guide) => guide.blocks)
/** Within the package, so that the programs import it by its own name. */
let folder = ''

const fileOf = (block: Block) => join(folder, `block-${blocks.indexOf(block) + 1}.ts`)

beforeAll(() => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  folder = mkdtempSync(join(root, '.cache/readme-'))
  for (const block of blocks) writeFileSync(fileOf(block), block.code)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('all programs of the guides type-check', () => {
  const config = join(folder, 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['*.ts'] }))
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', config],
    {
      encoding: 'utf8',
    },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

const [comments] = blocks as [Block, ...Block[]]

const runnable = guides.flatMap(({ file, blocks: those }) =>
  those.filter((block) => block !== comments).map((block) => ({ file, name: block.name, block })),
)

test.for(runnable)('$file, $name runs as it stands, and prints what it says', async ({ block }) => {
  if (!existsSync(join(root, 'dist/src/index.js'))) throw new Error('"npm run build" first')
  const cwd = workFolder()
  const program = startNode(fileOf(block), { cwd, env: serviceEnvironment() })
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null })
  if (block.output !== undefined) expect(program.output()).toBe(block.output)
  else expect(program.output()).toMatch(/^(#|ℹ) pass 1$/m)
})

test('the first pipeline runs against an API in the manner of JSONPlaceholder, stops at Ctrl-C and goes on', async () => {
  const all = Array.from({ length: 25 }, (_, index) => ({
    postId: 1 + Math.floor(index / 5),
    id: index + 1,
    name: `name ${index + 1}`,
    email: `${index + 1}@example.org`,
    body: 'text',
  }))
  let count = 12
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const query = new URL(request.url ?? '', 'http://localhost').searchParams
    const start = Number(query.get('_start'))
    response.writeHead(200, { 'x-total-count': String(count) })
    response.end(JSON.stringify(all.slice(start, Math.min(count, start + Number(query.get('_limit'))))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const cwd = workFolder()
  const redirect = join(cwd, 'redirect.mjs')
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  writeFileSync(
    redirect,
    `const real = fetch
globalThis.fetch = (url, options) => real(url.replace('https://jsonplaceholder.typicode.com', '${here}'), options)`,
  )
  const start = () => startNode(fileOf(comments), { cwd, nodeOptions: ['--import', pathToFileURL(redirect).href] })
  const ids = async () => (await committedRows<{ id: number }>(join(cwd, 'data/my-comments'))).map(({ id }) => id)

  const first = start()
  await first.said('batch 0: 10 rows')
  first.kill('SIGINT')
  expect(await first.ended, first.output()).toEqual({ code: 0, signal: null })
  const early = await ids()
  expect(early.length).toBeLessThanOrEqual(12)

  count = 25
  const second = start()
  await expect.poll(ids, { timeout: 60_000 }).toHaveLength(25)
  second.kill('SIGINT')
  expect(await second.ended, second.output()).toEqual({ code: 0, signal: null })
  expect(await ids()).toEqual(all.map(({ id }) => id))
  expect(asked.every((url) => url.startsWith('/comments?'))).toBe(true)
})

test('npx takes the Node of the project, whatever the machine has first in its path', () => {
  const own = join(root, 'node_modules/.bin/node')
  if (!existsSync(own)) return // a platform that it brings none for
  const [command] = /`(npx node) examples\//.exec(readme)?.slice(1) ?? []
  const path = process.env.PATH?.split(delimiter).filter((entry) => !entry.includes('node_modules')) ?? []
  const { stdout, stderr } = spawnSync(`${command} -p process.execPath`, {
    cwd: root,
    encoding: 'utf8',
    shell: true,
    // Whatever a package manager that runs the tests would add again.
    env: { HOME: process.env.HOME, PATH: path.join(delimiter), SystemRoot: process.env.SystemRoot },
  })
  expect(realpathSync(stdout.trim()), stderr).toBe(realpathSync(own))
})

function workFolder(): string {
  const cwd = mkdtempSync(join(folder, 'run-'))
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }))
  return cwd
}
