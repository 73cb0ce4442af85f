// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { CredentialSource } from "../src/client/credentials.ts";
import { close, listen, portOf, sourceOf } from "./loopback.ts";

/** What goes wrong with the next request; after `afterBytes` of its body where that is said. */
export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: string }
  /** The connection is reset: at once, or in the middle of a line. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** The body ends properly, but in the middle of a line. */
  | { readonly kind: "end"; readonly afterBytes: number }
  /** Nothing more is sent, and nothing is closed. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** A few bytes at a time, so that characters and lines are cut everywhere. */
  | { readonly kind: "drip" }
  /** A 200 that is something else. */
  | { readonly kind: "text"; readonly body: string }
  /** The version is gone: as an ERROR event of a watch, as 410 of a list. */
  | { readonly kind: "gone" };

type Stored = {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly data: string;
};
type Event = { readonly version: number; readonly type: string; readonly object: Stored };
type Watch = { readonly send: (line: string) => void; readonly from: number };
type Listing = { readonly version: number; readonly items: Stored[] };

/**
 * One resource behind a real HTTP server that fails on demand. It keeps just enough of the API
 * server's rules (versions, pages, compaction, bookmarks) for faults to matter; that the rules are
 * the real ones is tested against a real API server.
 */
export class FaultServer {
  readonly requests: string[] = [];
  readonly faults: Fault[] = [];
  /** The token that is accepted; empty for any. */
  token = "";
  /** The token that clients find when they read their credentials. */
  clientToken = "first";
  bookmarks = true;
  readonly #server: Server;
  readonly #objects = new Map<string, Stored>();
  readonly #pages = new Map<string, Listing>();
  readonly #watches = new Map<ServerResponse, Watch>();
  #history: Event[] = [];
  #compacted = 0;
  #version = 1;
  #uids = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      response.on("error", () => {});
      this.#answer(request, response);
    });
    const timer = setInterval(() => this.#bookmark(), 25);
    this.#server.on("close", () => clearInterval(timer));
  }

  async listen(port = 0): Promise<void> {
    await listen(this.#server, port);
  }

  get port(): number {
    return portOf(this.#server);
  }

  get source(): CredentialSource {
    return sourceOf(this.#server, () => ({ authorization: `Bearer ${this.clientToken}` }));
  }

  /** Name → data, as it is now. */
  get state(): Record<string, string> {
    return Object.fromEntries([...this.#objects].map(([key, { data }]) => [key, data]));
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  put(name: string, data: string): void {
    const key = `ns/${name}`;
    const known = this.#objects.get(key);
    const uid = known?.metadata.uid ?? `uid-${++this.#uids}`;
    const object = {
      metadata: { name, namespace: "ns", uid, resourceVersion: String(++this.#version) },
      data,
    };
    this.#objects.set(key, object);
    this.#record(known === undefined ? "ADDED" : "MODIFIED", object);
  }

  remove(name: string): void {
    const known = this.#objects.get(`ns/${name}`);
    if (known === undefined) return;
    this.#objects.delete(`ns/${name}`);
    const metadata = { ...known.metadata, resourceVersion: String(++this.#version) };
    this.#record("DELETED", { ...known, metadata });
  }

  /** Forgets all history, as etcd does: older versions are gone from now on. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
  }

  /** Ends all watches: by a reset, properly, or with an ERROR event that says 410. */
  endWatches(how: "reset" | "end" | "gone"): void {
    for (const [response, { send }] of this.#watches) {
      this.#watches.delete(response);
      if (how === "gone") send(goneEvent);
      if (how === "reset") response.destroy();
      else response.end();
    }
  }

  /** Watches go on, but hear of nothing any more. */
  stallWatches(): void {
    this.#watches.clear();
  }

  /** Writes a line of any form to all watches. */
  sendLine(line: string): void {
    for (const { send } of this.#watches.values()) send(line);
  }

  /** As after a backup of etcd was played back: versions that clients have seen lie in the future. */
  restore(objects: Readonly<Record<string, string>>): void {
    this.#version = 1;
    this.compact();
    this.#objects.clear();
    for (const [name, data] of Object.entries(objects)) this.put(name, data);
  }

  /** Stops answering and drops everybody, like a server that is restarted. */
  async close(): Promise<void> {
    this.#watches.clear();
    await close(this.#server);
  }

  #record(type: string, object: Stored): void {
    const event = { version: this.#version, type, object };
    this.#history.push(event);
    this.#tell(eventLine(event));
  }

  /** A watch gets the changes after the version that it asked for. */
  #tell(line: string): void {
    for (const { send, from } of this.#watches.values()) if (this.#version > from) send(line);
  }

  #bookmark(): void {
    if (!this.bookmarks) return;
    const metadata = { resourceVersion: String(this.#version) };
    const line = `${JSON.stringify({ type: "BOOKMARK", object: { metadata } })}\n`;
    for (const { send, from } of this.#watches.values()) if (this.#version >= from) send(line);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://x");
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const fault = this.faults.shift();
    if (this.token !== "" && request.headers.authorization !== `Bearer ${this.token}`) {
      refuse(response, 401);
      return;
    }
    if (fault?.kind === "status") {
      refuse(response, fault.status, fault.retryAfter);
      return;
    }
    if (fault?.kind === "text") {
      response.end(fault.body);
      return;
    }
    const send = faultyWriter(response, fault);
    if (url.searchParams.get("watch") === "true") this.#watch(url, response, send, fault);
    else this.#list(url, response, send, fault);
  }

  #watch(url: URL, response: ServerResponse, send: (text: string) => void, fault?: Fault): void {
    const from = Number(url.searchParams.get("resourceVersion"));
    if (fault?.kind === "gone" || from < this.#compacted) {
      if (fault?.kind === "gone") response.end(goneEvent);
      else refuse(response, 410);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const event of this.#history) if (event.version > from) send(eventLine(event));
    this.#watches.set(response, { send, from });
    response.on("close", () => this.#watches.delete(response));
  }

  #list(url: URL, response: ServerResponse, send: (text: string) => void, fault?: Fault): void {
    const token = url.searchParams.get("continue");
    const rest = token === null ? undefined : this.#pages.get(token);
    const expired = token !== null && (rest === undefined || rest.version < this.#compacted);
    if (fault?.kind === "gone" || expired) {
      refuse(response, 410);
      return;
    }
    const { version, items } = rest ?? {
      version: this.#version,
      items: [...this.#objects.values()],
    };
    const limit = Number(url.searchParams.get("limit") ?? 0) || items.length;
    const next = `page-${this.#pages.size}`;
    const more = items.length > limit;
    if (more) this.#pages.set(next, { version, items: items.slice(limit) });
    const metadata = { resourceVersion: String(version), ...(more ? { continue: next } : {}) };
    send(JSON.stringify({ kind: "ThingList", metadata, items: items.slice(0, limit) }));
    if (fault?.kind !== "stall" && fault?.kind !== "drip") response.end();
    if (fault?.kind === "drip") send("");
  }
}

const goneEvent = `${JSON.stringify({
  type: "ERROR",
  object: { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" },
})}\n`;

function eventLine({ type, object }: Event): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function refuse(response: ServerResponse, status: number, retryAfter?: string): void {
  response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
  response.end(JSON.stringify({ kind: "Status", code: status, message: `status ${status}` }));
}

/** Writes until the fault's limit and then does what the fault says. */
function faultyWriter(response: ServerResponse, fault?: Fault): (text: string) => void {
  if (fault?.kind === "drip") return drippingWriter(response);
  const limit = fault !== undefined && "afterBytes" in fault ? fault.afterBytes : Infinity;
  let written = 0;
  return (text) => {
    const bytes = Buffer.from(text);
    const room = limit - written;
    written += bytes.length;
    if (room < 0) return;
    if (bytes.length <= room) {
      response.write(bytes);
      return;
    }
    response.write(bytes.subarray(0, room), () => {
      if (fault?.kind === "reset") response.destroy();
      if (fault?.kind === "end") response.end();
    });
  };
}

function drippingWriter(response: ServerResponse): (text: string) => void {
  let bytes = Buffer.alloc(0);
  let closing = false;
  let running = false;
  const step = () => {
    const part = bytes.subarray(0, 7);
    bytes = bytes.subarray(7);
    if (part.length > 0) {
      response.write(part, () => setImmediate(step));
      return;
    }
    running = false;
    if (closing) response.end();
  };
  return (text) => {
    closing ||= text === "";
    bytes = Buffer.concat([bytes, Buffer.from(text)]);
    if (running) return;
    running = true;
    step();
  };
}

export async function startFaultServer(): Promise<FaultServer> {
  const server = new FaultServer();
  await server.listen();
  return server;
}
