// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from "node:http";
import type { CredentialSource } from "../src/client/credentials.ts";
import { close, listen, sourceOf } from "./loopback.ts";

export type RecordedRequest = {
  readonly method: string;
  readonly url: string;
  readonly contentType: string;
  readonly body: unknown;
};

/** `lost`: the answer never arrives. */
export type Reply = { readonly status: number; readonly body?: unknown } | "lost";

/** Records requests and gives prepared answers. */
export class RecordingServer {
  readonly requests: RecordedRequest[] = [];
  reply: (request: RecordedRequest) => Reply = ({ body }) => ({ status: 200, body });
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const recorded = {
        method: request.method ?? "",
        url: request.url ?? "",
        contentType: request.headers["content-type"] ?? "",
        body: text === "" ? undefined : JSON.parse(text),
      };
      this.requests.push(recorded);
      const reply = this.reply(recorded);
      if (reply === "lost") {
        response.destroy();
        return;
      }
      response.writeHead(reply.status).end(JSON.stringify(reply.body ?? {}));
    });
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
}
