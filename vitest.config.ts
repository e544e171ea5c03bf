import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// Tests import the package by its public names; they run against the sources, the packed package has a test of its own.
export const alias = {
  'sluice/operators': here('./operators/index.ts'),
  'sluice/testing': here('./src/testing/index.ts'),
  'sluice/metrics': here('./src/metrics/index.ts'),
  'sluice/dashboard': here('./src/dashboard/index.ts'),
  'sluice/rest': here('./src/connectors/rest/index.ts'),
  'sluice/postgres': here('./src/connectors/postgres/index.ts'),
  'sluice/rabbitmq': here('./src/connectors/rabbitmq/index.ts'),
  'sluice/files': here('./src/connectors/files/index.ts'),
  'sluice/delta': here('./src/connectors/delta/index.ts'),
  sluice: here('./src/index.ts'),
}

export default defineConfig({
  test: {
    reporters: ['default', './scripts/count-reporter.ts'],
    globalSetup: ['./test/node-version.ts', './test/support/services.ts'],
    maxWorkers: 2,
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          testTimeout: 120_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{integration,interop}.test.ts'],
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'types',
          include: [],
          typecheck: { enabled: true, only: true, include: ['test/types/*.test-d.ts'], tsconfig: './tsconfig.json' },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'integration',
          include: ['test/**/*.integration.test.ts'],
          globalSetup: ['./test/support/services.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 10_000 } }, // of a server, on a machine that has others to do
        },
      },
    ],
  },
})
