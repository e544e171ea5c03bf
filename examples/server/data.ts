import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** A file of the development dependency `vega-datasets`. */
export function readDataset(name: string): string {
  // The package exports its entry point only, and the files lie beside it.
  const entry = pathToFileURL(createRequire(import.meta.url).resolve('vega-datasets'))
  return readFileSync(new URL(`../data/${name}`, entry), 'utf8')
}

/** Computes a value when it is first asked for, and keeps it. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

export type CsvRecord = Readonly<Record<string, string>>

/**
 * Records of a comma-separated text by the names in its first line. Fields may be quoted (`"a, ""b"""`, also across lines).
 * @throws Error naming the line of a record that has more or fewer fields than there are names.
 */
export function parseCsv(text: string): CsvRecord[] {
  const lines: string[][] = [[]]
  // A field, quoted or not, and what ends it; the end of the text is an end too.
  for (const [, field = '', end] of text.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/g)) {
    lines.at(-1)!.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field)
    if (end === '') break
    if (end !== ',') lines.push([])
  }
  if (lines.at(-1)!.join('') === '') lines.pop()
  const [names = [], ...records] = lines
  return records.map((fields, index) => {
    if (fields.length !== names.length) {
      throw new Error(`record ${index + 1} has ${fields.length} fields, and there are ${names.length} names`)
    }
    return Object.fromEntries(names.map((name, column) => [name, fields[column]!]))
  })
}
