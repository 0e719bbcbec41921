// Takes the steps of a session with either TypeScript client; see `__init__.py` for steps and report.

import { createRequire } from "node:module";

// The packages lie in the folder that the program was started in, not beside it.
export const packages = createRequire(process.cwd() + "/");

const MILLISECONDS = 20_000;
const DECISION = "dev.mcp-policy/decision";

// Takes a step; `then` is the step that progress sets off.
async function take(session, [what, tool, args, then]) {
  const options = { timeout: MILLISECONDS };
  if (what === "led") {
    Object.assign(session.pages, { plan: then, visited: [] });
    const seen = await outcome(session, () => session.call({ name: tool, arguments: args }, options));
    return { ...seen, pages: session.pages.visited };
  }
  if (what === "list") {
    const { tools } = await session.client.listTools(undefined, options);
    return { tools: tools.map((one) => one.name) };
  }
  const order = [];
  const giveUp = new AbortController();
  let reaction;
  if (what !== "call") {
    options.signal = giveUp.signal;
    options.onprogress = () => {
      order.push("progress");
      if (what === "abort") giveUp.abort();
      else reaction ??= take(session, then).then(() => order.push("reacted"));
    };
  }
  const seen = await outcome(session, () => session.call({ name: tool, arguments: args }, options));
  if (giveUp.signal.aborted) return { aborted: true };
  order.push("result");
  await reaction;
  return what === "watch" ? { ...seen, order } : seen;
}

// Does what a user does who is led to a page, as far as the plan says; returns the answer.
export async function visit(pages, { mode, url, message }) {
  if (mode !== "url") return { action: "cancel" };
  const decided = pages.plan.decide?.[pages.visited.length];
  pages.visited.push({ url, message });
  if (decided) {
    const { ok } = await fetch(url, { method: "POST", headers: pages.plan.headers, body: JSON.stringify(decided) });
    if (!ok) throw new Error(`nobody decides at ${url}`);
  }
  return { action: pages.plan.action ?? "accept" };
}

// Reports what a call came to, in the form of the report.
async function outcome({ isProtocolError }, call) {
  try {
    const { isError = false, content, _meta } = await call();
    const texts = content.filter((part) => part.type === "text").map((part) => part.text);
    return { result: { is_error: isError, text: texts.join("\n"), decision: _meta?.[DECISION] ?? null } };
  } catch (error) {
    if (!isProtocolError(error)) return { failed: words(error) };
    return { error: { code: error.code, message: error.message, data: error.data ?? null } };
  }
}

const words = (error) => `${error.name}: ${error.message}`;

async function run(connect, { url, mode, steps }) {
  const report = { saw: [] };
  try {
    const pages = steps.some(([what]) => what === "led") ? {} : undefined;
    const session = { ...(await connect(new URL(url), mode, pages)), pages };
    report.protocol = session.protocol();
    for (const step of steps) {
      report.saw.push(await take(session, step).catch((error) => ({ failed: words(error) })));
    }
    await session.transport.terminateSession?.();
    await session.client.close();
    report.closed = true;
  } catch (error) {
    report.ended = words(error);
  }
  return report;
}

// Runs the sessions that the first argument asks for; prints their reports.
export async function main(connect) {
  const reports = [];
  for (const asked of JSON.parse(process.argv[2])) reports.push(await run(connect, asked));
  console.log(JSON.stringify(reports));
}
