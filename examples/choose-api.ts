import { forwardClock } from './forward-clock.ts'
import { whyUnreachable } from './http.ts'
import { startServer } from './server/server.ts'

export interface ApiChoice {
  /** Base URL of the API on the Internet. */
  readonly live: string
  /** Path and query of a small request that shows whether it answers. */
  readonly probe: string
  /** What the bundled server has in its place, such as `recorded weather`. */
  readonly instead: string
  /** How many times as fast as time the bundled server's clock runs. */
  readonly speed: number
  /** Where that clock is kept, so that it doesn't go back at the next start. */
  readonly clockFile: string
}

/** The API of one run. */
export interface ChosenApi {
  /**
   * `live`: the one on the Internet. `bundled`: the example server. They number and date their rows differently, so a position in one means
   * nothing in the other: each needs a checkpoint of its own.
   */
  readonly kind: 'live' | 'bundled'
  /** Base URL, without a slash at its end. */
  readonly url: string
  /** Which one it is, and why, for the user. */
  readonly explanation: string
  /** Stops a server that was started for it. */
  readonly close: () => Promise<void>
}

/**
 * The example server that `SLUICE_EXAMPLE_API` names, should it be set; else the live API, where it answers; else a bundled server, started here.
 * `SLUICE_EXAMPLE_OFFLINE` leaves the live one out. Chosen once: whoever restarts may get another one.
 */
export async function chooseApi({ live, probe, instead, speed, clockFile }: ApiChoice): Promise<ChosenApi> {
  const { SLUICE_EXAMPLE_API: given, SLUICE_EXAMPLE_OFFLINE: offline } = process.env
  const close = async () => {}
  if (given !== undefined) return { kind: 'bundled', url: given, explanation: `Reading from ${given}.`, close }

  const obstacle = offline === undefined ? await whyUnreachable(`${live}${probe}`) : 'not asked'
  if (obstacle === undefined) return { kind: 'live', url: live, explanation: `Reading from ${live}.`, close }

  const server = await startServer({ now: forwardClock(clockFile, speed) })
  const why = offline === undefined ? `No answer from ${live} (${obstacle})` : 'Asked to stay offline'
  const explanation = `${why}: reading ${instead} from a server on this machine
(${server.url}), where an hour takes ${3_600 / speed} seconds and one request in 25 goes wrong.`
  return { kind: 'bundled', url: server.url, explanation, close: server.close }
}
