// A session with `@modelcontextprotocol/client` 2, which speaks 2026-07-28 and everything before it.

import { main, packages, visit } from "./steps.mjs";

const { Client, ProtocolError, SSEClientTransport, StreamableHTTPClientTransport } =
  packages("@modelcontextprotocol/client");

await main(async (url, mode, pages) => {
  const old = mode === "old";
  if (old) mode = "legacy";
  const versionNegotiation = { mode: ["legacy", "auto"].includes(mode) ? mode : { pin: mode } };
  const capabilities = pages ? { elicitation: { url: {} } } : {};
  const client = new Client({ name: "test", version: "1" }, { capabilities, versionNegotiation });
  if (pages) client.setRequestHandler("elicitation/create", ({ params }) => visit(pages, params));
  const transport = old ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url);
  await client.connect(transport);
  return {
    client,
    transport,
    protocol: () => client.getNegotiatedProtocolVersion(),
    call: (params, options) => client.callTool(params, options),
    isProtocolError: ProtocolError.isInstance.bind(ProtocolError),
  };
});
