import { metricDefinitions } from './definitions.ts'

/** The definitions as a table of Markdown. */
export function metricsTable(): string {
  const rows = metricDefinitions.map(
    ({ name, kind, labels, help }) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  return ['| metric | kind | labels | what it is |', '|---|---|---|---|', ...rows].join('\n')
}

/** A guide whose end, after its mark, is the table. */
export function withTable(guide: string, table: string): string {
  const mark = '<!-- metrics -->'
  return `${guide.slice(0, guide.indexOf(mark) + mark.length)}\n${table}\n`
}
