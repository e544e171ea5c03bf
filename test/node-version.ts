/** Fails the whole run on the wrong Node instead of testing something else than what is shipped. */
export default function assertNodeVersion(): void {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 22) throw new Error(`the tests need Node 24 (or 22.19 at least), and this is ${process.version}`)
}
