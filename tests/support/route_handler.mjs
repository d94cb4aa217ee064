// Serves a route handler as Next.js does: a Request in, whose signal is aborted when the browser leaves, a Response out.
// Arguments: the file of the handler, and the port.
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const [file, port] = process.argv.slice(2)
const handlers = await import(pathToFileURL(file))

createServer(async (incoming, outgoing) => {
  const gone = new AbortController()
  outgoing.on('close', () => gone.abort())
  const { method, headers, url } = incoming
  try {
    const body = method === 'GET' ? null : Readable.toWeb(incoming)
    const asked = { method, headers, body, duplex: 'half', signal: gone.signal }
    const response = await handlers[method](new Request(`http://127.0.0.1:${port}${url}`, asked))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    for await (const piece of response.body ?? []) outgoing.write(piece)
    outgoing.end()
  } catch (error) {
    outgoing.destroy(error) // what was begun is cut, not ended
  }
}).listen(Number(port), '127.0.0.1')
