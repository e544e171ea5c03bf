/** The path of a program of a Debian package; installed when it is missing and this is root. @throws an Error that says what to do */
export function program(name: 'prometheus' | 'promtool' | 'chromium'): string
