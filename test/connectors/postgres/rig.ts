import { randomUUID } from 'node:crypto'
import { type PostgresTableOptions, postgresTable } from 'sluice/postgres'
import { onTestFinished } from 'vitest'
import { type Schema, schema } from '../../../src/schema.ts'
import type { StartContext } from '../../../src/sink.ts'
import { settle, startOf } from '../drive.ts'

export const numbered = schema('id bigint not null, name string')

/** A writer that was started. Stopped at the end of the test. */
export async function startedWriter(
  options: PostgresTableOptions,
  context: Partial<StartContext> & { readonly schema: Schema } = { schema: numbered },
) {
  const writer = postgresTable(options).streamWriter()
  onTestFinished(() => settle(() => writer.stop?.()).then(() => undefined))
  await settle(() => writer.start?.(startOf({ queryId: randomUUID(), ...context })))
  return writer
}

/** Rows with these ids. */
export function rowsOf(ids: readonly number[], name = 'x'): { readonly id: bigint; readonly name: string }[] {
  return ids.map((id) => ({ id: BigInt(id), name: `${name}${id}` }))
}

export function idsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}
