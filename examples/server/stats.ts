import type { FaultKind } from './faults.ts'

/** What the server was asked, for tests. A live view: it changes with every request. `/clock` isn't counted. */
export interface ServerStats {
  readonly requests: number
  /** Answers begun, by path and status. A connection that is reset in the middle counts with the status it had sent. */
  readonly byPath: Readonly<Record<string, Readonly<Record<number, number>>>>
  /** Requests, by path, that named an end beyond what was there. */
  readonly pastEnd: Readonly<Record<string, number>>
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  /** Requests that are being answered now, and the most there ever were at once. */
  readonly inFlight: number
  readonly maxInFlight: number
}

export class StatsRecorder implements ServerStats {
  requests = 0
  readonly byPath: Record<string, Record<number, number>> = {}
  readonly pastEnd: Record<string, number> = {}
  readonly faults: Partial<Record<FaultKind, number>> = {}
  inFlight = 0
  maxInFlight = 0

  begin(): void {
    this.requests++
    this.inFlight++
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
  }

  end(): void {
    this.inFlight--
  }

  fault(kind: FaultKind): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1
  }

  answered(path: string, status: number, pastEnd: boolean): void {
    this.byPath[path] ??= {}
    this.byPath[path][status] = (this.byPath[path][status] ?? 0) + 1
    if (pastEnd) this.pastEnd[path] = (this.pastEnd[path] ?? 0) + 1
  }
}
