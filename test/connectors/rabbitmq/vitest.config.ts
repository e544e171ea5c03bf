import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { alias } from '../../../vitest.config.ts'

// These need a broker: `npm run test:rabbitmq` finds or starts one.
export default defineConfig({
  root: fileURLToPath(new URL('../../../', import.meta.url)),
  resolve: { alias },
  test: {
    reporters: ['default', './scripts/count-reporter.ts'],
    globalSetup: ['./test/node-version.ts', './test/support/services.ts'],
    include: ['test/connectors/rabbitmq/*.integration.test.ts', 'test/examples/rabbitmq.integration.test.ts'],
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
})
