import { type Column, lineOf, offsetOf, widthOf } from './diagram-layout.ts'

/** A label and the lines right of it. */
export type Section = readonly [label: string, lines: readonly string[]]

/** Characters a line may take up, without its label. */
export const lineWidth = 100

export function table(sections: readonly Section[]): string {
  const labelWidth = Math.max(...sections.map(([label]) => label.length)) + 2
  return sections
    .flatMap(([label, lines]) =>
      lines.map((line, i) => `  ${(i === 0 ? label : '').padEnd(labelWidth)}${line}`.trimEnd()),
    )
    .join('\n')
}

/**
 * Two diagrams, the received one below the expected one, with an arrow below the frame from which on they differ.
 * Of diagrams too wide for a line, the line with the difference and the next one are shown.
 * @param rows which of the columns' diagrams, and their labels.
 */
export function diagramSections(
  columns: readonly Column[],
  rows: readonly [expected: readonly [string, number], received: readonly [string, number]],
  differsAt: number | undefined,
): readonly Section[] {
  const blocks = blocksOf(columns)
  const found = differsAt === undefined ? 0 : blocks.findLastIndex((block) => (block[0]?.frame ?? 0) <= differsAt)
  const shown = Math.max(found, 0)
  const from = blocks[shown]?.[0]?.frame ?? 0
  const sections: Section[] = shown > 0 ? [['', [`… equal before frame ${from}`]]] : []
  for (const [i, block] of blocks.slice(shown, shown + 2).entries()) {
    sections.push(...rows.map(([label, row]): Section => [label, [lineOf(block, row)]]))
    if (i === 0 && differsAt !== undefined) sections.push(['', [`${' '.repeat(arrowOffset(block, rows, differsAt))}↑`]])
  }
  const rest = blocks[shown + 2]?.[0]
  return rest === undefined
    ? sections
    : [...sections, ['', [`… goes on from frame ${rest.frame} to ${columns.at(-1)?.frame}`]]]
}

/** At the first differing character of the frame, which may lie within a group. */
function arrowOffset(block: readonly Column[], rows: readonly (readonly [string, number])[], frame: number): number {
  const [expected = '', received = ''] = rows.map(([, row]) => block.map(({ texts }) => texts[row] ?? '').join(''))
  const start = offsetOf(block, frame)
  for (let at = start; at < expected.length; at += 1) if (expected[at] !== received[at]) return at
  return start
}

function blocksOf(columns: readonly Column[]): readonly (readonly Column[])[] {
  const blocks: Column[][] = []
  let width = lineWidth
  for (const column of columns) {
    width += widthOf(column)
    if (width > lineWidth) {
      blocks.push([])
      width = widthOf(column)
    }
    blocks.at(-1)?.push(column)
  }
  return blocks
}
