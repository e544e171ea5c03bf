import { setTimeout as sleep } from 'node:timers/promises'
import { withDatabase } from './database.ts'

/** The table that {@link clerks} fill. */
export const ordersTable = { schema: 'sluice_example', name: 'orders' } as const

const table = `${ordersTable.schema}.${ordersTable.name}`
const items = ['tea', 'bread', null, 'soap'] as const

/** Makes the table where there is none. */
export function createOrders(): Promise<unknown> {
  return withDatabase((client) =>
    client.query(`CREATE SCHEMA IF NOT EXISTS ${ordersTable.schema};
      CREATE TABLE IF NOT EXISTS ${table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, clerk text NOT NULL, item text,
        amount numeric(10, 2) NOT NULL, ordered_at timestamptz NOT NULL DEFAULT now())`),
  )
}

/**
 * Clerks who take orders, each in transactions of its own. The slow one holds a transaction open for so long that the quick one's later ids are
 * there before his: whoever reads "all above the last id" misses those.
 */
export async function clerks(everyMs: number, signal: AbortSignal): Promise<void> {
  await Promise.all([clerk('quick', everyMs, 0, signal), clerk('slow', everyMs, everyMs * 5, signal)])
}

async function clerk(name: string, everyMs: number, holdMs: number, signal: AbortSignal): Promise<void> {
  await withDatabase(async (client) => {
    for (let order = 0; !signal.aborted; order++) {
      await client.query('BEGIN')
      for (let line = 0; line < 10; line++) {
        const values = [name, items[(order + line) % items.length], `${order % 100}.${line}5`]
        await client.query(`INSERT INTO ${table} (clerk, item, amount) VALUES ($1, $2, $3)`, values)
      }
      await sleep(holdMs)
      await client.query('COMMIT')
      await sleep(everyMs, undefined, { signal }).catch(() => undefined) // only an abort ends it early
    }
  })
}
