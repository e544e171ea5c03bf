import { readFileSync } from 'node:fs'
import pg from 'pg'

/** `DATABASE_URL`, else the server that `npm run services` found or started. */
export function databaseUrl(): string {
  const { DATABASE_URL: url } = process.env
  if (url !== undefined && url !== '') return url
  try {
    const text = readFileSync(new URL('../.services/postgres.json', import.meta.url), 'utf8')
    return (JSON.parse(text) as { readonly url: string }).url
  } catch (cause) {
    throw new Error('There is no PostgreSQL: run "npm run services", or set DATABASE_URL.', { cause })
  }
}

/** Opens a connection, uses it and closes it. */
export async function withDatabase<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl() })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
