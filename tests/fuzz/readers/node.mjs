// Reads JSON texts as JavaScript does, one in hexadecimal on each line, and writes what they mean as `normal.rs` does.

import { createInterface } from "node:readline";

const hex = (text) => `"${Buffer.from(text, "utf8").toString("hex")}"`;

function normal(value) {
  if (value === null) return "n";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "string") return hex(value);
  if (Array.isArray(value)) return `[${value.map(normal).join(",")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value).map(([key, member]) => `${hex(key)}:${normal(member)}`);
    return `{${members.sort().join(",")}}`;
  }
  const double = Buffer.alloc(8);
  double.writeDoubleBE(value || 0);
  return `#${double.toString("hex")}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  let read;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(line, "hex"));
    read = normal(JSON.parse(text));
  } catch (error) {
    read = `refused: ${error.message}`.replaceAll("\n", " ");
  }
  process.stdout.write(`${read}\n`);
}
