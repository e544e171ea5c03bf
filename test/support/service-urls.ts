import { existsSync, readFileSync } from 'node:fs'

/** The variables that name a service, and the file in which `npm run services` says where it is. */
const services = { AMQP_URL: 'rabbitmq', DATABASE_URL: 'postgres' } as const

/** Where a service is that all tests share; `undefined` where there is none. */
export function serviceUrl(variable: keyof typeof services): string | undefined {
  const url = process.env[variable]
  if (url !== undefined && url !== '') return url
  const stateFile = new URL(`../../.services/${services[variable]}.json`, import.meta.url)
  if (!existsSync(stateFile)) return undefined
  return (JSON.parse(readFileSync(stateFile, 'utf8')) as { readonly url: string }).url
}

/** For a program that is run by a test, as a user would set them. */
export function serviceEnvironment(): Readonly<Record<string, string>> {
  const variables = Object.keys(services) as (keyof typeof services)[]
  return Object.fromEntries(
    variables.flatMap((variable) => {
      const url = serviceUrl(variable)
      return url === undefined ? [] : [[variable, url]]
    }),
  )
}
