import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A folder of its own, removed at the end of the test. */
export function temporaryProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-scripts-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Copies files of the project to the same places in a folder. */
export function copyInto(folder: string, ...files: readonly string[]): void {
  for (const file of files) cpSync(join(root, file), join(folder, file))
}

/** Writes files, by their paths in the folder. */
export function writeInto(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}

/** Writes a program for the shell, in place of a command. */
export function writeCommand(path: string, ...lines: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  chmodSync(path, 0o755)
}
