import type { Reporter, TestModule } from 'vitest/node'

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Closes every run with one plain line, `N passed, N failed`, which scripts can read. What fails outside of the tests is a failure, too: a file that can't
 * be loaded, a hook, an error that nobody caught. So is a run that broke off or tested nothing, and the exit code says the same.
 */
export default class CountReporter implements Reporter {
  #counts: Counts | undefined

  onTestRunStart(): void {
    // On exit, because other reporters still write after the end of the run.
    if (this.#counts === undefined) process.on('exit', (code) => this.#close(code))
    this.#counts = { passed: 0, failed: 0, skipped: 0 }
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#counts = count(modules, unhandledErrors)
  }

  #close(code: number): void {
    const { passed = 0, failed = 0, skipped = 0 } = this.#counts ?? {}
    if (skipped > 0) console.log(`${skipped} skipped`)
    if (passed + failed === 0) console.log('Nothing was tested.')
    else if (failed === 0 && code !== 0) console.log(`The run broke off with exit code ${code}.`)
    const failures = failed === 0 && (code !== 0 || passed === 0) ? 1 : failed
    if (failures > 0 && code === 0) process.exitCode = 1
    console.log(`${passed} passed, ${failures} failed`)
  }
}

function count(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): Counts {
  const states = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
  for (const module of modules) {
    states.failed += module.errors().length
    for (const suite of module.children.allSuites()) states.failed += suite.errors().length
    for (const test of module.children.allTests()) states[test.result().state]++
  }
  return { ...states, skipped: states.skipped + states.pending }
}
