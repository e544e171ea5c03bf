import { type Figure, isKept, summary, type Target } from './figure.ts'

/** Three digits that count. */
export function short(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toLocaleString('en', { minimumFractionDigits: Math.min(digits, 3), maximumFractionDigits: digits })
}

/** '≥ 0.95 of its speed'. */
export function targetText(target: Target | undefined, unit: Figure['unit']): string {
  if (target?.atLeast !== undefined) return `≥ ${target.atLeast} ${unit}`
  return target?.atMost === undefined ? '' : `≤ ${target.atMost} ${unit}`
}

/** 'min / median / max unit'. */
export function valueText({ min, median, max }: { min: number; median: number; max: number }, unit: string): string {
  return `${[min, median, max].map(short).join(' / ')} ${unit}`
}

/** 'rows, bytes, batch size', as far as they say something. */
export function sizeText({ rows, bytes, batchRows }: Pick<Figure, 'rows' | 'bytes' | 'batchRows'>): string {
  const count = (value: number): string => value.toLocaleString('en')
  return [
    rows === undefined ? [] : `${count(rows)} rows`,
    bytes === undefined ? [] : bytes < 1e6 ? `${short(bytes / 1e3)} kB` : `${short(bytes / 1e6)} MB`,
    batchRows === undefined ? [] : `${count(batchRows)} a batch`,
  ]
    .flat()
    .join(', ')
}

/** A figure on two lines, as the bench prints it. */
export function figureText(figure: Figure): string {
  const { name, against, unit, target, values, took, versions, clock = 'wall' } = figure
  const measured = summary(values)
  const kept = isKept(measured.median, target)
  const verdict = kept === undefined ? '' : ` (target ${targetText(target, unit)}: ${kept ? 'kept' : 'MISSED'})`
  const time = (of: readonly number[]): string => `${short(summary(of).median)} ms`
  const taken =
    took === undefined
      ? ''
      : `${clock === 'wall' ? '' : 'processor time '}${time(took.ours)}${took.theirs === undefined ? '' : ` against ${time(took.theirs)}`} a run; `
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const size = sizeText(figure)
  return [
    `${name}${against === undefined ? '' : `, beside ${against}`}: ${valueText(measured, unit)}${verdict}`,
    `    ${taken}${size === '' ? '' : `${size}; `}${values.length} rounds ± ${short(measured.spread * 100)} %; ${packages.join(', ')}`,
  ].join('\n')
}
