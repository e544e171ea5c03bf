import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deltaRsPython } from '../../scripts/delta-rs-env.mjs'

export interface DeltaRsRows {
  readonly version: number
  readonly rows: readonly Record<string, unknown>[]
}

export interface DeltaRsState {
  readonly version: number
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: unknown; readonly nullable: boolean }[]
  }
  readonly txns: Readonly<Record<string, number | null>>
  readonly files: number
  readonly adds: readonly Record<string, unknown>[]
}

/** delta-rs in a process of its own: a reader and writer of tables that nobody here wrote. */
export interface DeltaRs {
  readonly read: (path: string, options?: object) => Promise<DeltaRsRows>
  readonly where: (path: string, filter: string) => Promise<DeltaRsRows>
  readonly state: (path: string, options?: object) => Promise<DeltaRsState>
  readonly run: (
    op: 'append' | 'checkpoint' | 'optimize',
    path: string,
    options?: object,
  ) => Promise<{ readonly version: number }>
  readonly stop: () => Promise<void>
}

export function startDeltaRs(): DeltaRs {
  const program = fileURLToPath(new URL('./delta_rs.py', import.meta.url))
  const child = spawn(deltaRsPython, [program], { stdio: ['pipe', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-5_000)
  })
  child.stdin.on('error', () => {}) // it is gone, and the lines' end tells
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let last: Promise<unknown> = Promise.resolve()
  const ask = <Answer>(command: object): Promise<Answer> => {
    const answered = last.then(async () => {
      child.stdin.write(`${JSON.stringify(command)}\n`)
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`delta-rs ended:\n${log}`)
      const { error, ...answer } = JSON.parse(value) as { readonly error?: string }
      if (error !== undefined) throw new Error(`delta-rs: ${error}`)
      return answer as Answer
    })
    last = answered.catch(() => {})
    return answered
  }
  return {
    read: (path, options = {}) => ask({ op: 'read', path, ...options }),
    where: (path, filter) => ask({ op: 'where', path, filter }),
    state: (path, options = {}) => ask({ op: 'state', path, ...options }),
    run: (op, path, options = {}) => ask({ op, path, ...options }),
    stop: async () => {
      child.stdin.end()
      await ended
    },
  }
}
