import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { copyInto, root, temporaryProject, writeCommand, writeInto } from './temporary-project.ts'

/** A fresh clone of a project with one dependency, which lies beside it, and a set-up that finds no commands but those in `bin`. */
function freshClone() {
  const folder = temporaryProject()
  copyInto(folder, 'scripts/setup.mjs', 'scripts/wanted-node.mjs')
  const link = { dep: { version: '1.0.0', dev: true }, 'node_modules/dep': { resolved: 'dep', link: true } }
  const devDependencies = { dep: 'file:dep' }
  const packages = { '': { name: 'clone', version: '1.0.0', devDependencies }, ...link }
  writeInto(folder, {
    'package.json': JSON.stringify({ name: 'clone', version: '1.0.0', devDependencies }),
    'package-lock.json': JSON.stringify({
      name: 'clone',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages,
    }),
    'dep/package.json': JSON.stringify({ name: 'dep', version: '1.0.0' }),
  })
  const bin = join(folder, 'bin')
  return {
    folder,
    bin,
    installed: join(folder, 'node_modules/.bin/node'),
    stamp: join(folder, 'node_modules/.sluice-setup'),
    log: (): string[] => {
      const file = join(folder, 'npm.log')
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    },
    setup: (path = `${bin}:/usr/bin:/bin`) => {
      const script = join(folder, 'scripts/setup.mjs')
      const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
        encoding: 'utf8',
        env: { ...process.env, PATH: path },
      })
      return { status, stdout, stderr }
    },
  }
}

/** The same with commands that answer as told: npm notes how it was called and runs `install`, and the machine's Node is of a version. */
function withCommands({ install = ['mkdir -p node_modules'], machine = '24.1.0' } = {}) {
  const clone = freshClone()
  writeCommand(join(clone.bin, 'npm'), `cd '${clone.folder}'`, 'echo "$*" >> npm.log', ...install)
  writeCommand(join(clone.bin, 'node'), `echo ${machine}`)
  return clone
}

const said = 'Installing the locked dependencies (npm ci) …\n'

describe('set-up', () => {
  it('installs what the lock file says with npm, and nothing when it is done already', () => {
    const { folder, setup } = freshClone()
    const path = process.env.PATH
    expect(existsSync(join(folder, 'node_modules/dep'))).toBe(false)
    const first = setup(path)
    expect(first.stdout).toContain(said)
    expect([first.status, existsSync(join(folder, 'node_modules/dep/package.json'))]).toEqual([0, true])
    expect(setup(path)).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('runs no package’s script, and overrules settings that would leave something out', () => {
    const { setup, log } = withCommands()
    expect(setup()).toEqual({ status: 0, stdout: said, stderr: '' })
    expect(log()).toEqual([
      'ci --ignore-scripts --include=dev --include=optional --engine-strict=false --loglevel=error',
    ])
  })

  it('installs again when the lock file has changed', () => {
    const { folder, setup, log } = withCommands()
    setup()
    expect(setup()).toMatchObject({ status: 0, stdout: '' })
    writeInto(folder, { 'package-lock.json': '{}' })
    expect(setup()).toMatchObject({ status: 0, stdout: said })
    expect(log()).toHaveLength(2)
  })

  it('installs again when the runtime that it installed is gone', () => {
    const { folder, setup, log } = withCommands({
      install: ['mkdir -p node_modules/.bin', 'cp good-node node_modules/.bin/node'],
      machine: '20.20.2',
    })
    writeCommand(join(folder, 'good-node'), 'echo 24.9.0')
    setup()
    expect(setup()).toMatchObject({ status: 0, stdout: '' })
    writeCommand(join(folder, 'node_modules/.bin/node'), 'exit 1')
    expect(setup()).toMatchObject({ status: 0, stdout: said })
    expect(log()).toHaveLength(2)
  })

  it.each<[what: string, node: readonly string[] | undefined, machine: string, found: string]>([
    [
      'no runtime was installed, and the machine’s is too old',
      undefined,
      '22.18.0',
      'v22.18.0, as Node 24 could not be installed.',
    ],
    ['the installed runtime is too old', ['echo 20.0.0'], '24.1.0', 'v20.0.0, as Node 24 could not be installed.'],
    ['the installed runtime does not start', ['exit 127'], '24.1.0', 'one that does not start.'],
  ])('fails when %s, and says what to do, each time', (_, node, machine, found) => {
    const { setup, installed, stamp } = withCommands({ machine })
    if (node !== undefined) writeCommand(installed, ...node)
    for (let attempt = 0; attempt < 2; attempt++) {
      const { status, stderr } = setup()
      expect(status).toBe(1)
      expect(stderr).toContain(`sluice needs Node 22.19 or newer, and this is ${found}`)
      expect(stderr).toContain('install Node 24 yourself')
      expect(existsSync(stamp)).toBe(false)
    }
  })

  it('fails when npm does, and takes nothing for installed', () => {
    const { setup, stamp } = withCommands({ install: ['mkdir -p node_modules', 'echo E404 >&2', 'exit 7'] })
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(setup()).toEqual({ status: 1, stdout: said, stderr: 'E404\nnpm ci failed with exit code 7\n' })
      expect(existsSync(stamp)).toBe(false)
    }
  })

  it('fails when an install breaks off that was to replace a good one', () => {
    const { folder, setup, stamp, bin } = withCommands()
    setup()
    writeInto(folder, { 'package-lock.json': '{}' })
    writeCommand(join(bin, 'npm'), 'exit 1')
    expect(setup()).toMatchObject({ status: 1 })
    expect(existsSync(stamp)).toBe(false)
  })

  it('fails when there is no npm', () => {
    const { setup, bin } = freshClone()
    expect(setup(bin)).toMatchObject({ status: 1, stderr: expect.stringMatching(/^npm ci failed: .*ENOENT/) })
  })
})

it('comes before everything that may be asked of a fresh clone', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const name of ['setup', 'prestart', 'pretest', 'prepack'])
    expect(scripts[name], name).toMatch(/^node scripts\/setup\.mjs( &&|$)/)
})
