import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyInto, root, temporaryProject, writeCommand } from './temporary-project.ts'

const steps = [
  'node scripts/setup.mjs',
  'npm run --silent lint',
  'npm run --silent typecheck',
  'npm run --silent build',
  'npm run --silent test:interop',
  'npm test',
]

interface Run {
  /** The step that fails. */
  readonly failing?: string
  /** What `npm test` writes. */
  readonly output?: readonly string[]
  /** Exit code of `npm test`. */
  readonly code?: number
}

/** `.ci/run` in a project whose commands do nothing but note that they were called. */
function ciRun({ failing = '', output = ['Tests 3', '3 passed, 0 failed'], code = 0 }: Run) {
  const folder = temporaryProject()
  copyInto(folder, '.ci/run')
  for (const command of ['node', 'npm']) {
    writeCommand(
      join(folder, 'bin', command),
      `called="${command} $*"`,
      'echo "$called" >> calls',
      `[ "$called" = '${failing}' ] && exit 3`,
      `[ "$called" = 'npm test' ] || { echo '9 passed, 0 failed'; exit 0; }`, // a step with tests of its own
      ...output.map((line) => `echo '${line}'`),
      `exit ${code}`,
    )
  }
  const { status, stdout } = spawnSync('bash', [join(folder, '.ci/run')], {
    cwd: '/', // wherever it is called from
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, TMPDIR: folder },
  })
  const calls = existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : []
  return { status, last: stdout.trimEnd().split('\n').at(-1), stdout, calls, left: readdirSync(folder).sort() }
}

it('passes when every step does, and closes with the count of the tests', () => {
  const { status, last, calls, left } = ciRun({})
  expect([status, last, calls]).toEqual([0, '3 passed, 0 failed', steps])
  expect(left).toEqual(['.ci', 'bin', 'calls'])
})

it.each(steps.slice(0, -1))('fails at once when this step does: %s', (failing) => {
  const { status, last, stdout, calls } = ciRun({ failing })
  expect([status, last]).toEqual([1, '0 passed, 1 failed'])
  expect(stdout).toContain(`failed: ${failing}\n`)
  expect(calls).toEqual(steps.slice(0, steps.indexOf(failing) + 1))
})

it.each<[what: string, run: Run, status: number, last: string]>([
  ['tests fail', { output: ['2 passed, 1 failed'], code: 1 }, 1, '2 passed, 1 failed'],
  ['tests fail and the exit code hides it', { output: ['2 passed, 1 failed'] }, 1, '2 passed, 1 failed'],
  ['they break off after their count', { output: ['3 passed, 0 failed'], code: 5 }, 5, '3 passed, 1 failed'],
  ['they break off before it', { output: ['something else'], code: 2 }, 2, '0 passed, 1 failed'],
  ['they end without a count', { output: ['3 passed, 0 failed, they say'] }, 1, '0 passed, 1 failed'],
])('fails when %s', (_, run, status, last) => {
  expect(ciRun(run)).toMatchObject({ status, last, calls: steps })
})

it('takes steps that the project has', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  const names = steps.filter((step) => step.startsWith('npm')).map((step) => step.split(' ').at(-1))
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(names))
  expect(existsSync(join(root, 'scripts/setup.mjs'))).toBe(true)
})
