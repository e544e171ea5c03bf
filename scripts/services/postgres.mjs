import { answers, hasServer, isAlive, prepareNode, startNode, stopNode } from '../postgres-node.mjs'

/** PostgreSQL, for services.mjs. */
export const postgres = {
  name: 'PostgreSQL',
  /** The service in compose.yaml, the name of its state file and of its data folder. */
  key: 'postgres',
  variable: 'DATABASE_URL',
  example: 'postgres://user:password@host:5432/database',
  package: 'postgresql',
  hasServer,

  /** @throws with advice, unless one lets us in there */
  async check(url) {
    const { hostname, port } = new URL(url)
    if (await answers(url, 10_000)) return hostname
    throw new Error(
      `DATABASE_URL names ${hostname}:${port || 5432}, and no PostgreSQL lets us in there with it. Unset it, or start that server. "npm run test:unit" needs none.`,
    )
  },
  answers: (url) => answers(url),
  standardPort: 5432,
  /** The URL by which the tests get in on the standard port of this host: many have a server there that lets nobody in without a password. */
  async onStandardPort() {
    for (const user of ['postgres', 'postgres:postgres']) {
      const url = `postgres://${user}@127.0.0.1:5432/postgres`
      if (await answers(url)) return url
    }
    return undefined
  },
  composePort: 5432,
  composeUrl: (address) => `postgres://postgres:sluice@${address}/postgres`,

  /** Starts a server of the project's own. */
  async start(folder) {
    return startNode(await prepareNode(folder))
  },
  isAlive: (node) => isAlive(node.pid),
  /** @param ours says of a process id whether it is still that of the server, and answers with -1 where it isn't */
  end: (node, ours) => stopNode({ pid: ours(node.pid) }),
}
