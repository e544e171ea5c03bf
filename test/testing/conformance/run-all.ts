import { test } from 'vitest'
import type { ConformanceTest } from '../../../src/testing/conformance/conformance-test.ts'

/** Each test of a suite as a test of its own. */
export function runAll(suite: readonly ConformanceTest[]): void {
  for (const { name, run } of suite) test(name, run)
}
