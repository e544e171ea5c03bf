import type { ConformanceTest } from '../../../src/testing/conformance/conformance-test.ts'

/** The tests of a suite that fail, and with what. */
export async function failuresOf<Name extends string>(
  suite: readonly ConformanceTest<Name>[],
): Promise<Map<Name, unknown>> {
  const failed = new Map<Name, unknown>()
  for (const { name, run } of suite) {
    try {
      await run()
    } catch (error) {
      failed.set(name, error)
    }
  }
  return failed
}
