import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.ts'

const longest = 15 * 60_000

/** Runs a file of the bench in a process of its own, and gives what it reports: figures, or the names of its cases. */
function run<Message>(file: string, args: readonly string[]): Promise<readonly Message[]> {
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(`../${file}.ts`, import.meta.url))
    const child = fork(path, args, { execArgv: ['--expose-gc'], timeout: longest })
    const messages: Message[] = []
    child.on('message', (message) => messages.push(message as Message))
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(messages)
      else reject(new Error(`${file} ${args.join(' ')} ended with ${signal ?? code}`))
    })
  })
}

export async function namesOf(file: string): Promise<readonly string[]> {
  const [names = []] = await run<readonly string[]>(file, ['--list'])
  return names
}

export function runProgram(file: string, args: readonly string[]): Promise<readonly Figure[]> {
  return run<Figure>(file, args)
}

/** The rounds of several processes, one after the other: how a process happened to compile its code belongs to the spread. */
export async function runCase(
  file: string,
  name: string,
  processes: number,
  rounds: number,
): Promise<readonly Figure[]> {
  const merged = new Map<string, Figure>()
  for (let count = 0; count < processes; count++) {
    for (const figure of await run<Figure>(file, ['--case', name, '--rounds', String(rounds)])) {
      const key = `${figure.name} ${figure.unit}`
      const { values, took } = merged.get(key) ?? figure
      if (!merged.has(key)) merged.set(key, figure)
      else merged.set(key, { ...figure, values: [...values, ...figure.values], ...joined(took, figure.took) })
    }
  }
  return [...merged.values()]
}

function joined(first: Figure['took'], second: Figure['took']): Pick<Figure, 'took'> {
  if (first === undefined || second === undefined) return {}
  const ours = [...first.ours, ...second.ours]
  return { took: { ours, ...(first.theirs && second.theirs && { theirs: [...first.theirs, ...second.theirs] }) } }
}
