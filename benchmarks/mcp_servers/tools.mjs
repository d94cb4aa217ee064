// Two slow tools for MCP's TypeScript SDKs: one stops at the signal that the SDK hands over, one does not look at it.
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const BEAT = 100 // milliseconds

async function beats({ url, seconds }, signal) {
  for (let left = (seconds * 1000) / BEAT; left > 0 && !signal?.aborted; left -= 1) {
    await fetch(url)
    await sleep(BEAT)
  }
  return { content: [{ type: 'text', text: 'done' }] }
}

/** Gives a server its tools. `signalOf`: the signal in the second argument of a tool, whose place each SDK has its own. */
export function withTools(server, shape, signalOf) {
  const inputSchema = shape({ url: z.string(), seconds: z.number() })
  server.registerTool('slow_signal', { inputSchema }, (given, context) => beats(given, signalOf(context)))
  server.registerTool('slow_deaf', { inputSchema }, (given) => beats(given))
  return server
}
