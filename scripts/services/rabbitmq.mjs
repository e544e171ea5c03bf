import { hasServer, isAlive, prepareNode, speaksAmqp, startNode, stopNode } from '../rabbitmq-node.mjs'

/** RabbitMQ, for services.mjs. */
export const rabbitmq = {
  name: 'RabbitMQ',
  /** The service in compose.yaml, the name of its state file and of its data folder. */
  key: 'rabbitmq',
  variable: 'AMQP_URL',
  example: 'amqp://user:password@host:5672/vhost',
  package: 'rabbitmq-server',
  hasServer,

  /** @throws with advice, unless one answers there */
  async check(url) {
    const { hostname, port, protocol } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    if (protocol === 'amqps:') return host // over TLS the tests themselves find out
    if (await speaksAmqp(host, Number(port || 5672), 10_000)) return host
    throw new Error(
      `AMQP_URL names ${host}:${port || 5672}, and no AMQP broker answers there. Unset it, or start that broker. "npm run test:unit" needs none.`,
    )
  },
  answers(url) {
    const { hostname, port } = new URL(url)
    return speaksAmqp(hostname, Number(port))
  },
  standardPort: 5672,
  /** The URL by which the tests get in on the standard port of this host. */
  async onStandardPort() {
    return (await speaksAmqp('127.0.0.1', 5672)) ? 'amqp://guest:guest@127.0.0.1:5672' : undefined
  },
  composePort: 5672,
  composeUrl: (address) => `amqp://guest:guest@${address}`,

  /** Starts a node of the project's own. */
  async start(folder) {
    return startNode(await prepareNode(folder))
  },
  isAlive: (node) => isAlive(node.pid),
  /** @param ours says of a process id whether it is still that of the node, and answers with -1 where it isn't */
  end: (node, ours) => stopNode({ pid: ours(node.pid), epmdPid: ours(node.epmdPid) }),
}
