// Which declarations an application can come to see: those of the entry points, and all that these import.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** @param {readonly string[]} entries paths of `.d.ts` files. @returns {Set<string>} theirs and those of everything that they reach. */
export function reachableTypes(entries) {
  const reached = new Set(entries.map((path) => resolve(path)))
  for (const path of reached)
    for (const [, specifier] of readFileSync(path, 'utf8').matchAll(
      /(?:from|import)\s*\(?\s*['"](\.[^'"]+)\.[jt]s['"]/g,
    ))
      reached.add(resolve(dirname(path), `${specifier}.d.ts`))
  return reached
}
