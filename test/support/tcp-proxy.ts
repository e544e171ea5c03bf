import { onTestFinished } from 'vitest'
import { type FaultyProxy, faultyProxy } from '../../src/testing/faulty-proxy.ts'

export type { FaultyProxy as TcpProxy } from '../../src/testing/faulty-proxy.ts'

/** Listens on loopback, passes on to `target`. Closed at the end of the test. */
export async function tcpProxy(target: { readonly host: string; readonly port: number }): Promise<FaultyProxy> {
  const proxy = await faultyProxy(target)
  onTestFinished(() => proxy.close())
  return proxy
}
