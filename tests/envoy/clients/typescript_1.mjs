// A session with the client of `@modelcontextprotocol/sdk` 1, which knows nothing of 2026-07-28.

import { main, packages, visit } from "./steps.mjs";

const { Client } = packages("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = packages("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { SSEClientTransport } = packages("@modelcontextprotocol/sdk/client/sse.js");
const { ElicitRequestSchema, McpError } = packages("@modelcontextprotocol/sdk/types.js");

await main(async (url, mode, pages) => {
  const capabilities = pages ? { elicitation: { url: {} } } : {};
  const client = new Client({ name: "test", version: "1" }, { capabilities });
  if (pages) client.setRequestHandler(ElicitRequestSchema, ({ params }) => visit(pages, params));
  const transport = mode === "old" ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url);
  await client.connect(transport);
  return {
    client,
    transport,
    protocol: () => transport.protocolVersion,
    call: (params, options) => client.callTool(params, undefined, options),
    isProtocolError: (error) => error instanceof McpError,
  };
});
