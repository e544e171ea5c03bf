/** A server that can be started, and started again. */
export interface PreparedNode {
  readonly folder: string
  readonly port: number
  /** With its superuser and password, on loopback only. */
  readonly url: string
}

/** A server that was started. */
export interface RunningNode extends PreparedNode {
  /** Of the postmaster. */
  readonly pid: number
}

export function hasServer(): boolean
export function programFolder(): string | undefined
export function prepareNode(folder: string, options?: { readonly settings?: readonly string[] }): Promise<PreparedNode>
export function startNode(node: PreparedNode): Promise<RunningNode>
export function stopNode(node: { readonly pid: number }, signal?: 'SIGINT' | 'SIGKILL'): Promise<void>
export function answers(url: string, timeoutMs?: number): Promise<boolean>
export function isAlive(pid: number): boolean
