import { PortError } from '../errors.ts'

/**
 * The port with something done before some of its calls. Whatever else it has shows through, inherited members and symbols too.
 * Calls that answer with a promise are refused: virtual time has ended when it settles.
 * @param before gets the call's name and arguments; what it throws is what the call fails with.
 */
export function watched<Port extends object, Name extends string & keyof Port>(
  port: Port,
  names: readonly Name[],
  before: (name: Name, args: readonly unknown[]) => void,
): Port {
  const calls = names.flatMap((name) => {
    const call: unknown = port[name]
    if (typeof call !== 'function') return []
    const value = (...args: readonly unknown[]): unknown => {
      before(name, args)
      const answer: unknown = Reflect.apply(call, port, args)
      refusePromise(name, answer)
      return answer
    }
    return [[name, { value, enumerable: true }] as const]
  })
  return withOwn(port, Object.fromEntries(calls))
}

/** An object that has these properties, and for the rest is the other one. */
export function withOwn<T extends object>(inherited: T, own: PropertyDescriptorMap): T {
  return Object.create(inherited, own) as T
}

function refusePromise(name: string, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) return
  if ('then' in answer && typeof answer.then === 'function') {
    answer.then(undefined, () => {}) // its own failure would only hide this one
  } else if (!(Symbol.asyncIterator in answer)) return
  throw new PortError(
    `${name} is asynchronous by itself, and virtual time can't wait for that; in a driven test let it answer with a value, a generator or an Observable`,
  )
}
