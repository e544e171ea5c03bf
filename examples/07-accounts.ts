/**
 * Pages behind OAuth 2.0: `npx node examples/07-accounts.ts`.
 *
 * The token is asked for at the first request and shared by all. The server takes it back after twenty requests (401), and then another one is asked for,
 * once for all that wait. The first page says how many there are, so that the others are read side by side.
 */
import { memorySink, read, schema } from 'sluice'
import { credentials, explicitFirst, oauth2ClientCredentials, pageNumber, rest } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { exampleClient } from './server/accounts.ts'

const api = await bundledApi('Accounts')
const sink = memorySink<{ id: number; balance: string }>()

const accounts = rest({
  name: 'accounts',
  url: `${api.url}/accounts`,
  schema: schema('id int not null, owner string not null, balance decimal(10,2) not null'),
  pagination: pageNumber({ totalPages: 'pages' }),
  auth: oauth2ClientCredentials({
    tokenUrl: `${api.url}/oauth/token`,
    clientId: exampleClient.id,
    // A file or a vault would come before the environment: { secret: { file: '/run/secrets/client' }, env: … }
    clientSecret: credentials(
      explicitFirst({ env: 'SLUICE_EXAMPLE_CLIENT_SECRET', provider: () => exampleClient.secret }),
    ),
  }),
})

console.log(api.explanation)
await read(accounts).write(sink).start().terminated
const cents = sink.rows.reduce((sum, { balance }) => sum + BigInt(balance.replace('.', '')), 0n)
console.log(`${sink.rows.length} accounts, together ${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`)
await api.close()
