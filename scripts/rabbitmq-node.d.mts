/** A node that can be started, and started again. */
export interface PreparedNode {
  readonly folder: string
  readonly port: number
  readonly distPort: number
  readonly epmdPort: number
  /** With the user that every new node has, on loopback only. */
  readonly url: string
}

/** A node that was started. */
export interface RunningNode extends PreparedNode {
  /** Leader of the process group of the broker. */
  readonly pid: number
  readonly epmdPid: number
}

/** What differs from a plain node. */
export interface NodeOptions {
  /** Further lines for rabbitmq.conf. */
  readonly settings?: readonly string[]
  /** Terms for the application rabbit that have no such line: `{channel_tick_interval, 500}`. */
  readonly rabbit?: readonly string[]
  readonly plugins?: readonly string[]
}

export function hasServer(): boolean
export function prepareNode(folder: string, options?: NodeOptions): Promise<PreparedNode>
export function startNode(node: PreparedNode): Promise<RunningNode>
export function controlNode(node: PreparedNode, args: readonly string[]): Promise<string>
export function stopNode(
  node: { readonly pid: number; readonly epmdPid: number },
  signal?: 'SIGTERM' | 'SIGKILL',
): Promise<void>
export function speaksAmqp(host: string, port: number, timeoutMs?: number): Promise<boolean>
export function isAlive(pid: number): boolean
