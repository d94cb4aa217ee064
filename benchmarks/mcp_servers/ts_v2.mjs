// MCP's TypeScript SDK, version 2: @modelcontextprotocol/server, which speaks the revision of 2026-07-28.
import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { withTools } from './tools.mjs'

const made = () =>
  withTools(new McpServer({ name: 'slow', version: '1.0.0' }), (shape) => z.object(shape), (context) => context.mcpReq.signal)

createServer(toNodeHandler(createMcpHandler(made))).listen(Number(process.env.PORT), '127.0.0.1')
