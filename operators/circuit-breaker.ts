import type { Observable } from 'rxjs'
import { Circuit, type CircuitOptions, type CircuitState } from '../src/circuit.ts'
import { deterministic } from '../src/deterministic.ts'

/** Options of {@link circuitBreaker}. */
export type CircuitBreakerOptions = CircuitOptions

/** An operator for calls of any kind. All Observables that it is applied to share one circuit. */
export interface CircuitBreaker {
  <T>(source: Observable<T>): Observable<T>
  /** The present state, then each change. Without end. */
  readonly state$: Observable<CircuitState>
}

/**
 * Stops calling something that keeps failing, and tries with a single call whether it is back.
 *
 * A subscription is a call; it counts when it ends, or is left after a value (`take(1)`, `firstValueFrom`). After `failures` failures in a row the circuit
 * opens: for `openFor` nothing is subscribed to. Then one call probes (half-open): if it ends well the circuit closes, if it fails the circuit opens again,
 * and if it is left without a value the next call probes.
 *
 * ```
 * const breaker = circuitBreaker({ failures: 2, openFor: 4 })
 * calls    # # a b c d      each through `breaker`, a to d when the other side is back
 * result   # # ! ! c d      !: CircuitOpenError
 * state    closed, open after the second failure, half-open at c, closed with its end
 * ```
 *
 * With `whenOpen: 'wait'` calls queue instead of failing, and go on in their order once the probe, the first of them, has ended well.
 * **Hazard**: a probe that never ends keeps the others away for ever; give calls a time-out. Those that waited begin all at once.
 *
 * @param options `openFor` in milliseconds or as text; the rest see {@link CircuitBreakerOptions}.
 * @returns an operator that passes on what a call emits and its own errors. Make one for each thing that is called, outside of the chain that uses it.
 * @throws OptionError
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const circuit = new Circuit('circuitBreaker', options)
  const breaker = <T>(source: Observable<T>): Observable<T> => circuit.guard(source)
  deterministic(breaker)
  return Object.assign(breaker, { state$: circuit.state$ })
}
