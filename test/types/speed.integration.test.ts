import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
mkdirSync(join(root, '.cache'), { recursive: true })
const place = mkdtempSync(join(root, '.cache', 'type-speed-'))
afterAll(() => rmSync(place, { recursive: true, force: true }))

const types = ['int not null', 'string', 'double', 'timestamp not null', 'array<struct<a: int, b: map<string, int>>>']
const columns = Array.from({ length: 100 }, (_, index) => `c${index} ${types[index % types.length]}`)

/** With a schema that the compiler must have understood: the row has its last column, and no more. */
const wide = `
import { type RowOf, schema } from '../../src/schema.ts'
const table = schema('${columns.join(', ')}')
type Row = RowOf<typeof table>
export const last: keyof Row extends \`c\${number}\` ? (Row['c97'] extends number | null ? true : false) : false = true
export const id: Row['c0'] extends number ? true : false = true
// @ts-expect-error there are a hundred
export type None = Row['c100']
`
const empty = `
import { schema } from '../../src/schema.ts'
export const table = schema('c0 int')
`

/** Milliseconds that the compiler says it spent on checking. */
function check(name: string, program: string): number {
  const file = join(place, `${name}.ts`)
  writeFileSync(file, program)
  const config = join(place, `${name}.json`)
  writeFileSync(config, JSON.stringify({ extends: '../../tsconfig.json', include: [], files: [`./${name}.ts`] }))
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', config, '--noEmit', '--extendedDiagnostics'],
    { encoding: 'utf8' },
  )
  expect(stdout).not.toContain('error TS')
  expect(status).toBe(0)
  const checking = /^Check time:\s+([\d.]+)s$/m.exec(stdout)?.[1]
  if (checking === undefined) throw new Error(`no check time in ${stdout}`)
  return Number(checking) * 1_000
}

it('a schema of 100 columns is type-checked in less than a second', () => {
  check('warm-up', empty)
  // Beside a schema of one column each time, and the best of three: what else the machine has to do is no concern of the type's.
  const more = [1, 2, 3].map(() => check('wide', wide) - check('empty', empty))
  expect(Math.min(...more)).toBeLessThan(1_000)
})
