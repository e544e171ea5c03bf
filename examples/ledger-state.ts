import { json } from 'node:stream/consumers'
import { httpClient } from 'sluice/rest'
import type { LedgerState } from './server/ledger.ts'

/** What the receiver has by now. This request may go wrong, too, and is tried again. */
export async function ledgerState(url: string): Promise<LedgerState> {
  const client = httpClient()
  try {
    return await client.send({ url: `${url}/ledger` }, ({ body }) => json(body) as Promise<LedgerState>)
  } finally {
    await client.close()
  }
}
