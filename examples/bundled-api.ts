import type { ChosenApi } from './choose-api.ts'
import { type ServerOptions, startServer } from './server/server.ts'

/**
 * The example server that `SLUICE_EXAMPLE_API` names, should it be set; else one that is started here.
 * @param what what is read there, such as `Orders`, for the user.
 */
export async function bundledApi(
  what: string,
  options: ServerOptions = {},
): Promise<Pick<ChosenApi, 'url' | 'explanation' | 'close'>> {
  const { SLUICE_EXAMPLE_API: given } = process.env
  if (given !== undefined) return { url: given, explanation: `Reading from ${given}.`, close: async () => {} }
  const { url, close } = await startServer(options)
  const rate = options.faults === false ? 0 : (options.faults?.rate ?? 0.04)
  const faults = rate === 0 ? '' : `, where one request in ${Math.round(1 / rate)} goes wrong`
  return { url, explanation: `${what} of a server on this machine (${url})${faults}.`, close }
}
