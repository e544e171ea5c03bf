import { hostname } from 'node:os'
import { nodeFs } from '../builtins.ts'

/** Who holds a lease. Where the system doesn't tell something, it is missing. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** Differs after every start of the machine. */
  readonly bootId?: string
  /** Process ids mean something only within their namespace (a container). */
  readonly pidNamespace?: string
  /** Clock ticks since the machine started. Tells apart two processes that had the same id. */
  readonly startTime?: string
}

/** `unknown`: another machine or container, whose processes can't be seen from here. */
export type Liveness = 'alive' | 'dead' | 'unknown'

export interface Processes {
  readonly self: () => ProcessIdentity
  readonly liveness: (holder: ProcessIdentity) => Liveness
}

export const nodeProcesses: Processes = {
  self: () => {
    const bootId = attempt(() => nodeFs().readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
    const pidNamespace = attempt(() => nodeFs().readlinkSync('/proc/self/ns/pid'))
    const startTime = statOf(process.pid)?.startTime
    return {
      host: hostname(),
      pid: process.pid,
      ...(bootId === undefined ? {} : { bootId }),
      ...(pidNamespace === undefined ? {} : { pidNamespace }),
      ...(startTime === undefined ? {} : { startTime }),
    }
  },
  liveness: (holder) => judge(holder, nodeProcesses.self(), isRunning),
}

/** What can be said of a holder, seen from another process. */
export function judge(
  holder: ProcessIdentity,
  observer: ProcessIdentity,
  running: (holder: ProcessIdentity) => boolean,
): Liveness {
  const sameBoot = holder.bootId === observer.bootId
  if (!sameBoot || holder.bootId === undefined) {
    if (holder.host !== observer.host) return 'unknown'
    if (!sameBoot) return 'dead' // this machine was started anew since
  }
  if (holder.pidNamespace !== observer.pidNamespace) return 'unknown'
  return running(holder) ? 'alive' : 'dead'
}

function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: there, but another user's.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const stat = statOf(pid)
  if (stat === undefined) return true
  return stat.state !== 'Z' && stat.state !== 'X' && (startTime === undefined || stat.startTime === startTime)
}

/** Fields 3 and 22 of proc(5) stat. The second one, the name in brackets, may hold anything. */
function statOf(pid: number): { state: string | undefined; startTime: string | undefined } | undefined {
  const text = attempt(() => nodeFs().readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0], startTime: fields[19] }
}

// Not every system has /proc, and not every user may look into it.
function attempt(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
