import type { Msg, MsgHdrs } from "@nats-io/transport-node";

/** Private fields of the library's messages (nats-core 3). Decoding all headers of a live event takes longer than delivering it. */
interface Internals {
  readonly _msg?: { readonly hdr: number };
  readonly _rdata?: Uint8Array;
}

/** The header block of a message as text; empty where there is none. */
export function headerText(msg: Msg): string {
  const { _msg, _rdata } = msg as unknown as Internals;
  if (_msg !== undefined && _rdata !== undefined) {
    return _msg.hdr > 0 ? Buffer.from(_rdata.buffer, _rdata.byteOffset, _msg.hdr).toString("latin1") : "";
  }
  // A version of the library with other private fields: its public API gives the same, more slowly.
  const headers = msg.headers;
  if (!headers) return "";
  return `NATS/1.0 ${headers.code || ""}\r\n${headers
    .keys()
    .map((key) => `${key}: ${headers.last(key)}\r\n`)
    .join("")}`;
}

/** The value of a header, `undefined` where there is none. `name` is spelled as its publisher spells it. */
export function headerValue(text: string, name: string): string | undefined {
  const start = text.indexOf(`\n${name}: `);
  if (start < 0) return undefined;
  const from = start + name.length + 3;
  return text.slice(from, text.indexOf("\r", from));
}

/** The number in a header, `undefined` where there is none. */
export function headerNumber(text: string, name: string): number | undefined {
  const value = Number(headerValue(text, name));
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The status of a header block (`NATS/1.0 503 …`), 0 where it has none. */
export function headerStatus(text: string): number {
  return Number(/^NATS\/1\.0 (\d{3})/.exec(text)?.[1] ?? 0);
}

/** A header block. Values must not contain CR or LF: all are hashes or counters of ours. */
export function headersOf(fields: Readonly<Record<string, string>>): MsgHdrs {
  let block = "NATS/1.0\r\n";
  for (const name in fields) block += `${name}: ${fields[name]}\r\n`;
  return { encode: () => Buffer.from(`${block}\r\n`, "latin1") } as unknown as MsgHdrs;
}
