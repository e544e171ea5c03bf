import type { Reporter, TestModule } from 'vitest/node'

/** Closes every run with one plain line, `N passed, N failed`, which scripts can read. A file that can't be loaded is a failure. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    for (const module of modules) {
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
    }
    // On exit, because other reporters still write after this.
    process.on('exit', () => {
      if (skipped > 0) console.log(`${skipped} skipped`)
      console.log(`${passed} passed, ${failed} failed`)
    })
  }
}
