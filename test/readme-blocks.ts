import { readFileSync } from 'node:fs'

export const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** A TypeScript block of the README: a program of its own. */
export interface Block {
  /** Its heading and its number under it: names the test. */
  readonly name: string
  readonly code: string
  /** The `text` block that follows directly: what it prints. */
  readonly output: string | undefined
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  let heading = ''
  let number = 0
  const parts = markdown.matchAll(
    /^#+ (?<heading>.*)$|^```ts\n(?<code>[\s\S]*?)^```\n(?:\n```text\n(?<output>[\s\S]*?)^```)?/gm,
  )
  for (const { groups } of parts) {
    if (groups?.heading !== undefined) {
      heading = groups.heading
      number = 0
    } else blocks.push({ name: `${heading} ${++number}`, code: groups?.code ?? '', output: groups?.output })
  }
  return blocks
}

/** The cells of the rows of a table, by the texts of its header, without backquotes. */
export function tableWith(markdown: string, firstHeader: string): Record<string, string>[] {
  const cells = (line: string) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''))
  const lines = markdown.split('\n')
  const start = lines.findIndex((line, index) => lines[index + 1]?.startsWith('|--') && cells(line)[0] === firstHeader)
  if (start < 0) throw new Error(`the README has no table that begins with ${firstHeader}`)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  const [header = [], , ...rows] = lines.slice(start, end).map(cells)
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ''])))
}
