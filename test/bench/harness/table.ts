import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Kept } from './baseline.ts'
import { isKept } from './figure.ts'
import { sizeText, targetText, valueText } from './text.ts'

const path = fileURLToPath(new URL('../../../README.md', import.meta.url))
const [begin, end] = ['<!-- bench: written by `npm run bench -- --save` -->', '<!-- /bench -->']

/** The figures that have a target or a rival, as a table of Markdown. */
export function table(figures: readonly Kept[]): string {
  const rows = figures.map((figure) => {
    const { name, against = '', unit, target, median } = figure
    const kept = isKept(median, target)
    const verdict = kept === undefined ? '' : kept ? ' ✓' : ' ✗'
    const size = sizeText(figure)
    return `| ${name}${size === '' ? '' : ` (${size})`} | ${against} | ${targetText(target, unit)} | ${valueText(figure, unit)}${verdict} |`
  })
  return ['| case | beside | target | min / median / max |', '|---|---|---|---|', ...rows].join('\n')
}

/** Every package that the figures name, with its version. */
export function versionsText(figures: readonly Kept[]): string {
  const versions = Object.assign({}, ...figures.map((figure) => figure.versions)) as Record<string, string>
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}

const inReadme = (text: string): RegExpExecArray => {
  const found = new RegExp(`${begin}\n([^]*?)${end}`).exec(text)
  if (found === null) throw new Error(`README.md has no ${begin} … ${end}`)
  return found
}

/** What stands between the markers. */
export function readTable(): string {
  return inReadme(readFileSync(path, 'utf8'))[1] as string
}

export function tableText(figures: readonly Kept[]): string {
  return `${table(figures)}\n\nWith ${versionsText(figures)}.\n`
}

export function writeTable(figures: readonly Kept[]): void {
  const text = readFileSync(path, 'utf8')
  const [old] = inReadme(text)
  writeFileSync(
    path,
    text.replace(old, () => `${begin}\n${tableText(figures)}${end}`),
  )
}
