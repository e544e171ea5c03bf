import { OptionError } from '../../errors.ts'
import type { PostgresClient } from './client.ts'

/** What keeps rows from being read too early. */
export interface SettledOptions {
  readonly lagMs: number
  readonly waitsForTransactions: boolean
}

/**
 * No transaction that began before can still bring a row: the time, as an expression of SQL.
 * @param now the time of asking, as one.
 */
export function settledTime({ lagMs, waitsForTransactions }: SettledOptions, now = 'now()'): string {
  const lagged = `${now} - interval '${lagMs} milliseconds'`
  if (!waitsForTransactions) return lagged
  return `least(${lagged},
    (SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'),
    (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()))`
}

/** @throws OptionError when transactions of others can't be seen: they would be taken for none. */
export async function assertSeesTransactions(client: PostgresClient): Promise<void> {
  const { rows } = await client.ask<{ sees: boolean }>(
    "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees",
  )
  if (rows[0]?.sees === true) return
  throw new OptionError(
    `postgresRows: openTransactions "wait" needs the right to see other sessions; GRANT pg_read_all_stats to the role, or leave it out`,
  )
}
