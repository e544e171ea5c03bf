import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Block, blocksOf } from './readme-blocks.ts'

/** The README, or the guide of a connector or a feature that lies beside its code. */
export interface Guide {
  /** Relative to the project, with slashes. */
  readonly file: string
  readonly text: string
  readonly blocks: readonly Block[]
}

const root = fileURLToPath(new URL('../', import.meta.url))

/** All of them, the README first. */
export const guides: readonly Guide[] = ['README.md', ...globSync('src/**/README.md', { cwd: root }).sort()].map(
  (path) => {
    const file = path.replaceAll('\\', '/')
    const text = readFileSync(`${root}${file}`, 'utf8')
    return { file, text, blocks: blocksOf(text) }
  },
)

/** The text of one. @param name the folder it lies in, as in `rest` */
export function guideOf(name: string): string {
  const found = guides.find(({ file }) => file.endsWith(`/${name}/README.md`))
  if (found === undefined) throw new Error(`there is no guide in a folder ${name}`)
  return found.text
}
