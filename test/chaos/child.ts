import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { GuaranteeLevel } from '../../src/guarantee.ts'
import type { WorkerLine, WorkerPlan } from './pairs.ts'

const program = fileURLToPath(new URL('./worker.ts', import.meta.url))

/** The process of a pair, begun again whenever it ends, as a supervisor would. */
export class Child {
  /** What the query itself promises, and why. */
  guarantee: GuaranteeLevel | undefined
  reason = ''
  /** Batches with rows that it told of, since the last fault. */
  progress = 0
  /** Rows that it told of so far: batches that are written again count again. */
  rows = 0
  /** Starts in all. */
  starts = 0
  /** What it failed with by itself, at last: a disk that is full may end a query for good, and the next process goes on. */
  readonly failures: string[] = []
  readonly #plan: WorkerPlan
  readonly #cache: string
  #process: ChildProcess | undefined
  #ending = false
  #stopped = false
  #over: Promise<void> = Promise.resolve()

  constructor(plan: WorkerPlan, cache: string) {
    this.#plan = plan
    this.#cache = cache
  }

  start(): void {
    this.#over = this.#supervise()
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#stopped = signal === 'SIGSTOP'
    this.#process?.kill(signal)
  }

  /** A second process on the same checkpoint. @returns whether it was sent away. */
  async second(forMs: number): Promise<boolean> {
    const other = this.#spawn()
    let refused = false
    const lines = createInterface({ input: other.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      if (/"error":.*(?:in use|locked)/i.test(line)) refused = true
    })
    const gone = once(other, 'close')
    await Promise.race([gone, sleep(forMs)])
    other.kill('SIGKILL')
    await gone
    return refused
  }

  /** Lets the batch in flight finish. @returns whether it ended by itself. */
  async drain(withinMs: number): Promise<boolean> {
    this.#ending = true
    const process = this.#process
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) {
      await this.#over
      return true
    }
    if (this.#stopped) process.kill('SIGCONT')
    process.kill('SIGTERM')
    const timer = setTimeout(() => process.kill('SIGKILL'), withinMs)
    await this.#over
    clearTimeout(timer)
    return process.signalCode !== 'SIGKILL'
  }

  async kill(): Promise<void> {
    this.#ending = true
    this.#process?.kill('SIGKILL')
    await this.#over
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, [program, JSON.stringify(this.#plan)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: this.#cache, NODE_NO_WARNINGS: '1' },
    })
  }

  async #supervise(): Promise<void> {
    while (!this.#ending) {
      const child = this.#spawn()
      this.#process = child
      this.starts++
      let last = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        last = (last + text).slice(-2_000)
      })
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#hear(line))
      const [code] = (await once(child, 'close')) as [number | null]
      if (code === null || code === 0) continue
      if (last !== '') this.failures.push(last.trim())
      await sleep(100)
    }
  }

  #hear(text: string): void {
    const line = JSON.parse(text) as WorkerLine
    if ('guarantee' in line) {
      this.guarantee = line.guarantee
      this.reason = line.reason
    } else if ('error' in line) this.failures.push(line.error)
    else if (line.rows > 0) {
      this.progress++
      this.rows += line.rows
    }
  }
}
