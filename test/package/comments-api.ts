// Preloaded into the README's program: its API, without the Internet.
const count = 25
const comments = Array.from({ length: count }, (_, index) => ({
  postId: 1,
  id: index + 1,
  name: `comment ${index + 1}`,
  email: null,
  body: 'text',
}))

globalThis.fetch = async (input) => {
  const url = new URL(String(input))
  if (url.host !== 'jsonplaceholder.typicode.com') throw new Error(`the README's program asked for ${url}`)
  const first = Number(url.searchParams.get('_start'))
  const page = comments.slice(first, first + Number(url.searchParams.get('_limit')))
  return Response.json(page, { headers: { 'x-total-count': String(count) } })
}
