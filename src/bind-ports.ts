/**
 * Some parts of a port, bound to it: a reader may be an instance of a class, whose methods neither survive a spread nor a destructuring.
 * Parts that it doesn't have are left out.
 */
export function bindPorts<Port extends object, Name extends keyof Port>(
  port: Port,
  names: readonly Name[],
): Pick<Port, Name> {
  const parts: Partial<Pick<Port, Name>> = {}
  for (const name of names) {
    const part = port[name]
    if (part !== undefined) parts[name] = typeof part === 'function' ? part.bind(port) : part
  }
  return parts as Pick<Port, Name>
}
