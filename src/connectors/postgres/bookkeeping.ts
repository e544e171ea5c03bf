import { CheckpointCorruptError } from '../../errors.ts'
import type { PostgresClient } from './client.ts'
import { quoted } from './names.ts'

const layoutVersion = 1

/** The tables in which sinks and checkpoints note what is done, all in one schema. */
export interface Bookkeeping {
  readonly schema: string
  readonly sinks: string
  readonly ledger: string
  readonly queries: string
  readonly plans: string
  readonly journals: string
}

export function bookkeepingIn(schema: string): Bookkeeping {
  const table = (name: string) => `${quoted(schema)}.${name}`
  return {
    schema,
    sinks: table('sinks'),
    ledger: table('ledger'),
    queries: table('queries'),
    plans: table('plans'),
    journals: table('journals'),
  }
}

/**
 * Makes the tables where they are missing; several processes may do so at once. Where they are there, no right to create is needed.
 * @throws CheckpointCorruptError when a newer release made them.
 */
export async function ensureBookkeeping(client: PostgresClient, tables: Bookkeeping): Promise<void> {
  const layout = `${quoted(tables.schema)}.layout`
  const find = async (): Promise<boolean> => {
    const { rows } = await client.ask<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [layout])
    return rows[0]?.found !== null && rows[0] !== undefined
  }
  if (!(await find())) await create(client, tables, layout)
  const { rows } = await client.ask<{ version: number }>(`SELECT version FROM ${layout}`)
  if (rows[0]?.version === layoutVersion) return
  throw new CheckpointCorruptError(
    `schema ${JSON.stringify(tables.schema)}: expected version ${layoutVersion} of the tables of sluice, found ${rows[0]?.version ?? 'none'}; a newer release made them`,
  )
}

async function create(client: PostgresClient, tables: Bookkeeping, layout: string): Promise<void> {
  // CREATE … IF NOT EXISTS of two sessions at once fails in one of them; the lock makes them take turns.
  await client.run(`
    BEGIN;
    SELECT pg_advisory_xact_lock(hashtextextended('sluice bookkeeping', 0));
    CREATE SCHEMA IF NOT EXISTS ${quoted(tables.schema)};
    CREATE TABLE IF NOT EXISTS ${tables.sinks} (
      query_id text NOT NULL, sink_id text NOT NULL, epoch bigint NOT NULL, process_id integer NOT NULL, process_start timestamptz NOT NULL,
      PRIMARY KEY (query_id, sink_id));
    CREATE TABLE IF NOT EXISTS ${tables.ledger} (
      query_id text NOT NULL, sink_id text NOT NULL, batch_id bigint NOT NULL, digest text NOT NULL, epoch bigint NOT NULL, rows bigint NOT NULL,
      committed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (query_id, sink_id, batch_id));
    CREATE TABLE IF NOT EXISTS ${tables.queries} (
      name text PRIMARY KEY, query_id text NOT NULL, epoch bigint NOT NULL, sources text, initial text);
    CREATE TABLE IF NOT EXISTS ${tables.plans} (
      name text NOT NULL, batch_id bigint NOT NULL, plan text NOT NULL, outcome text CHECK (outcome IN ('committed', 'abandoned')),
      PRIMARY KEY (name, batch_id));
    CREATE TABLE IF NOT EXISTS ${tables.journals} (
      name text NOT NULL, batch_id bigint NOT NULL, chunk bigint NOT NULL, rows bytea NOT NULL, PRIMARY KEY (name, batch_id, chunk));
    CREATE TABLE IF NOT EXISTS ${layout} (version integer NOT NULL);
    INSERT INTO ${layout} SELECT ${layoutVersion} WHERE NOT EXISTS (SELECT FROM ${layout});
    COMMIT`)
}
