// A relay on node:http and fetch. Right: it aborts the upstream's request when the browser has gone.
// With --forget it is wrong: nobody tells the upstream.
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const [port, ...flags] = process.argv.slice(2)
const upstream = `${process.env.OPENAI_BASE_URL}/chat/completions`
const headers = { 'Authorization': `Bearer ${process.env.OPENAI_API_KEY}`, 'Content-Type': 'application/json' }

createServer(async (request, response) => {
  const gone = new AbortController()
  if (!flags.includes('--forget')) response.on('close', () => gone.abort())
  try {
    const body = await text(request)
    const answer = await fetch(upstream, { method: 'POST', headers, body, signal: gone.signal })
    const kept = ['content-type', 'retry-after'].filter((name) => answer.headers.has(name))
    response.writeHead(answer.status, kept.map((name) => [name, answer.headers.get(name)]))
    for await (const piece of answer.body) response.write(piece)
    response.end()
  } catch (error) {
    response.destroy(error) // what was begun is cut, not ended: the browser must see that it is not whole
  }
}).listen(Number(port), '127.0.0.1')
