// MCP's TypeScript SDK, version 1: @modelcontextprotocol/sdk, with sessions, and events that can be replayed.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { withTools } from './tools.mjs'

const sessions = new Map()

class Events {
  kept = []

  async storeEvent(streamId, message) {
    return String(this.kept.push({ streamId, message }))
  }

  async replayEventsAfter(lastId, { send }) {
    const { streamId } = this.kept[Number(lastId) - 1]
    for (const [index, one] of this.kept.entries()) {
      if (index >= Number(lastId) && one.streamId === streamId) await send(String(index + 1), one.message)
    }
    return streamId
  }
}

async function begun() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new Events(),
    onsessioninitialized: (id) => sessions.set(id, transport),
  })
  const server = new McpServer({ name: 'slow', version: '1.0.0' })
  await withTools(server, (shape) => shape, (extra) => extra.signal).connect(transport)
  return transport
}

createServer(async (request, response) => {
  const transport = sessions.get(request.headers['mcp-session-id']) ?? (await begun())
  await transport.handleRequest(request, response)
}).listen(Number(process.env.PORT), '127.0.0.1')
