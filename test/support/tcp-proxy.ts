import { onTestFinished } from 'vitest'
import { openProxy, type TcpProxy } from './open-proxy.ts'

export type { ProxyMode, TcpProxy } from './open-proxy.ts'

/** Listens on loopback, passes on to `target`. Closed at the end of the test. */
export async function tcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const proxy = await openProxy(target)
  onTestFinished(() => proxy.close())
  return proxy
}
