import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isTooOld } from '../../scripts/wanted-node.mjs'
import assertRuntime, { assertNodeVersion } from '../node-version.ts'
import { root, temporaryProject } from './temporary-project.ts'

const versions: readonly (readonly [version: string, tooOld: boolean])[] = [
  ['18.20.8', true],
  ['20.20.2', true],
  ['22.0.0', true],
  ['22.9.0', true],
  ['22.18.9', true],
  ['22.19.0', false],
  ['22.20.1', false],
  ['23.0.0', false],
  ['24.0.0', false],
  ['100.0.0', false],
]

it.each(versions)('Node %s: too old is %s', (version, tooOld) => {
  expect(isTooOld(version)).toBe(tooOld)
})

it('the oldest Node is the one that package.json names', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } }
  const [, oldest = '', major, minor] = /^>=((\d+)\.(\d+)\.0)$/.exec(engines.node) ?? []
  expect(isTooOld(oldest)).toBe(false)
  expect(isTooOld(`${major}.${Number(minor) - 1}.99`)).toBe(true)
})

describe('the tests', () => {
  it('are not run on a Node that is too old, and say what to do', () => {
    expect(() => assertNodeVersion('22.18.0', '/usr/bin/node')).toThrow(
      /^sluice needs Node 22\.19 or newer, and this is v22\.18\.0 \(\/usr\/bin\/node\)\.\n.*npm run setup/s,
    )
    expect(() => assertNodeVersion('22.19.0', '/usr/bin/node')).not.toThrow()
    expect(assertRuntime).not.toThrow()
  })

  it('are looked after by every configuration', () => {
    for (const file of ['vitest.config.ts', 'test/interop/vitest.config.ts'])
      expect(readFileSync(join(root, file), 'utf8'), file).toMatch(/globalSetup: \[.*node-version\.ts/)
  })
})

describe('node-version.mjs', () => {
  function runWanting(oldest: string) {
    const folder = temporaryProject()
    copyFileSync(join(root, 'scripts/node-version.mjs'), join(folder, 'node-version.mjs'))
    const wanted = readFileSync(join(root, 'scripts/wanted-node.mjs'), 'utf8')
    const changed = wanted.replace('const wanted = [22, 19]', `const wanted = ${oldest}`)
    expect(changed).toContain(`const wanted = ${oldest}`)
    writeFileSync(join(folder, 'wanted-node.mjs'), changed)
    return spawnSync(process.execPath, [join(folder, 'node-version.mjs')], { encoding: 'utf8' })
  }

  it('ends a script on a Node that is too old, and says where that is', () => {
    const { status, stderr } = runWanting('[99, 1]')
    expect(status).toBe(1)
    expect(stderr).toContain(`sluice needs Node 99.1 or newer, and this is ${process.version} (${process.execPath}).`)
  })

  it('says nothing on one that is new enough', () => {
    expect(runWanting('[22, 19]')).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })
})
