import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Not a project of the root configuration: `npm test` runs those, and this needs Apache Spark.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/interop/*.interop.test.ts'],
    reporters: ['default', './scripts/count-reporter.ts'],
    globalSetup: ['./test/node-version.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
})
