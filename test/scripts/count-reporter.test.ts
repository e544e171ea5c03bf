import { spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { copyInto, root, temporaryProject, writeInto } from './temporary-project.ts'

const from = (...names: readonly string[]): string => `import { ${names.join(', ')} } from 'vitest'`

/** Runs Vitest with the reporter on a project of these files. */
function runTests(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = temporaryProject()
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  copyInto(folder, 'scripts/count-reporter.ts')
  writeInto(folder, { 'package.json': '{ "type": "module" }', ...files })
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=./scripts/count-reporter.ts']
  const { status, stdout } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', VITEST: '' },
  })
  expect(stdout).toMatch(/\n$/)
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), before: lines.at(-2), lines }
}

const passing = [from('it'), "it('passes', () => {})"].join('\n')

describe('the last line of a run', () => {
  it('counts passed and failed tests, and those that were skipped before it', () => {
    const tests = [
      from('expect', 'it'),
      "it('passes', () => {})",
      "it('passes as well', () => {})",
      "it('fails', () => expect(1).toBe(2))",
      "it.fails('is expected to fail', () => expect(1).toBe(2))",
      "it.skip('is skipped', () => {})",
      "it.todo('is to do')",
      "it('skips itself', ({ skip }) => skip())",
      'let attempts = 0',
      "it('passes at last', { retry: 2 }, () => expect(++attempts).toBe(2))",
    ]
    const { status, last, before, lines } = runTests({ 'a.test.js': tests.join('\n'), 'b.test.js': passing })
    expect([status, before, last]).toEqual([1, '3 skipped', '5 passed, 1 failed'])
    expect(lines.filter((line) => / passed, /.test(line))).toEqual([last])
  })

  it('is all there is to say of a run in which everything passed', () => {
    const { status, last, before } = runTests({ 'a.test.js': passing })
    expect([status, before, last]).toEqual([0, '', '1 passed, 0 failed'])
  })

  it('counts what fails outside of the tests: files, hooks, errors that nobody caught', () => {
    const { status, last, before } = runTests({
      'file.test.js': "throw new Error('it cannot be loaded')",
      'empty.test.js': '',
      'hook.test.js': [
        from('beforeAll', 'it'),
        "beforeAll(() => { throw new Error('before all') })",
        "it('is not run', () => {})",
      ].join('\n'),
      'suite.test.js': [
        from('afterAll', 'beforeAll', 'describe', 'it'),
        "describe('a', () => { beforeAll(() => { throw new Error('before') }); it('is not run', () => {}) })",
        "describe('b', () => describe('c', () => { afterAll(() => { throw new Error('after') }); it('passes', () => {}) }))",
      ].join('\n'),
      'uncaught.test.js': [
        from('it'),
        "it('passes', async () => { void Promise.reject(new Error('uncaught')); await new Promise(setImmediate) })",
      ].join('\n'),
    })
    expect([status, before, last]).toEqual([1, '2 skipped', '2 passed, 6 failed'])
  })

  it.each([
    ['no file, where that is allowed', ['nothing-has-this-name', '--passWithNoTests']],
    ['no test', ['-t', 'nothing has this name']],
  ])('says that the run failed when it tested nothing: %s', (_, args) => {
    const { status, last, before } = runTests({ 'a.test.js': passing }, ...args)
    expect([status, before, last]).toEqual([1, 'Nothing was tested.', '0 passed, 1 failed'])
  })

  it('says that the run failed when it did so for another reason', () => {
    const { status, last, before } = runTests({
      'a.test.js': passing,
      'teardown.js': 'export default () => () => { throw new Error("tear-down") }',
      'vitest.config.js': "export default { test: { globalSetup: ['./teardown.js'] } }",
    })
    expect([status, before, last]).toEqual([1, 'The run broke off with exit code 1.', '1 passed, 1 failed'])
  })
})
