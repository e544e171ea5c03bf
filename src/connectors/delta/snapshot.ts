import type { Action, MetaData, Protocol, Txn } from './actions.ts'

/** What a writer must know of a table at one version. Its files aren't here: there may be millions. */
export interface TableState {
  readonly version: number
  readonly protocol: Protocol
  readonly metaData: MetaData
  readonly txns: ReadonlyMap<string, Txn>
}

/** A state that is being made of what the log says. */
export class StateBuilder {
  version = -1
  protocol: Protocol | undefined
  metaData: MetaData | undefined
  readonly txns = new Map<string, Txn>()

  constructor(from?: TableState) {
    if (from === undefined) return
    this.version = from.version
    this.protocol = from.protocol
    this.metaData = from.metaData
    this.txns = new Map(from.txns)
  }

  apply(action: Action): void {
    if (action.protocol !== undefined) this.protocol = action.protocol
    if (action.metaData !== undefined) this.metaData = action.metaData
    if (action.txn !== undefined) this.txns.set(action.txn.appId, action.txn)
  }

  /** `undefined` as long as nobody said what the table is. */
  build(): TableState | undefined {
    const { version, protocol, metaData, txns } = this
    return protocol === undefined || metaData === undefined ? undefined : { version, protocol, metaData, txns }
  }
}
