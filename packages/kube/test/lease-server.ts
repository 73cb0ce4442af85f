// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { CredentialSource } from "../src/client/credentials.ts";
import { close, listen, sourceOf } from "./loopback.ts";

type LeaseObject = {
  metadata: { resourceVersion?: string };
  spec: { holderIdentity: string; leaseTransitions: number };
};

/** `lost`: it is done, but the answer never arrives. `down`: the connection is reset. */
export type LeaseFault = "lost" | "down" | "error" | "slow";

/** One Lease with optimistic concurrency, and a place that takes writes and remembers their terms. */
export class LeaseServer {
  lease: LeaseObject | undefined;
  /** `from term` of each accepted write to `/writes`, in order. */
  readonly writes: { readonly by: string; readonly term: number }[] = [];
  /** Writes whose term was older than the Lease's at that moment. */
  readonly staleWrites: string[] = [];
  requests = 0;
  /** Decides about each request by its `user-agent`. */
  fault: (client: string) => LeaseFault | undefined = () => undefined;
  #version = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await listen(this.#server);
  }

  get source(): CredentialSource {
    return sourceOf(this.#server);
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    response.on("error", () => {});
    const by = request.headers["user-agent"] ?? "";
    const fault = this.fault(by);
    if (fault === "down") {
      response.destroy();
      return;
    }
    if (fault === "slow") await new Promise((resolve) => setTimeout(resolve, 20));
    let text = "";
    try {
      for await (const chunk of request) text += chunk;
    } catch {
      return;
    }
    if (fault === "error") {
      answer(response, 500);
      return;
    }
    const [status, body] = this.#apply(request, text === "" ? undefined : JSON.parse(text), by);
    if (fault === "lost") response.destroy();
    else answer(response, status, body);
  }

  #apply(request: IncomingMessage, body: unknown, by: string): [status: number, body?: unknown] {
    if (request.url === "/writes") {
      const { term } = body as { term: number };
      this.writes.push({ by, term });
      if (term < (this.lease?.spec.leaseTransitions ?? 0)) this.staleWrites.push(`${by} ${term}`);
      return [200, {}];
    }
    if (request.method === "GET") return this.lease === undefined ? [404] : [200, this.lease];
    const sent = body as LeaseObject;
    if (request.method === "POST" && this.lease !== undefined) return [409];
    if (
      request.method === "PUT" &&
      // To replace a Lease that was deleted is to create it.
      this.lease !== undefined &&
      sent.metadata.resourceVersion !== this.lease.metadata.resourceVersion
    ) {
      return [409];
    }
    const resourceVersion = String(++this.#version);
    this.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion } };
    return [200, this.lease];
  }
}

function answer(response: ServerResponse, status: number, body: unknown = {}): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(status < 400 ? body : { kind: "Status", code: status }));
}
