import { madeOfText } from './made-of-text.ts'

/** A column of a compiled test. */
export interface TestedColumn {
  readonly name: string
  readonly nullable: boolean
  /** Looks at a value that isn't null; `undefined`: anything fits. */
  readonly fits: ((value: unknown) => boolean) | undefined
}

/** Whether an object certainly fits. `false` means that somebody has to look closer, and say why if it doesn't. */
export type QuickTest = (row: object) => boolean

/**
 * One function for all rows, with what is the same in each of them written out: a fifth of the time of a loop over the columns (30 ns in place of 190 for a row of four).
 * It knows the objects that have all columns, in the schema's order, and no others. A name gets into the code as a JSON text only.
 * @returns `undefined` where the process may not make code from texts (`--disallow-code-generation-from-strings`).
 */
export function compiledCheck(columns: readonly TestedColumn[]): QuickTest | undefined {
  const names = columns.map(({ name }, at) => `case ${at}: if (name !== ${JSON.stringify(name)}) return false; break`)
  const values = columns.map(({ name, nullable, fits }, at) => {
    const value = `(value = row[${JSON.stringify(name)}]) === null || value === undefined`
    return `(${value} ? ${nullable} : ${fits === undefined ? 'true' : `fits${at}(value)`})`
  })
  const code = `return (row) => {
    let at = 0
    for (const name in row) switch (at++) { ${[...names, 'default: return false'].join('; ')} }
    let value
    return ${[`at === ${columns.length}`, ...values].join(' && ')}
  }`
  return madeOfText(code, new Map(columns.map(({ fits }, at) => [`fits${at}`, fits])))
}
