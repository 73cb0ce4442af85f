// SPDX-License-Identifier: Apache-2.0
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { createLogger } from "@gander/base";
import { Client, credentials, logVerbosity, Server, setLogVerbosity, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { listen } from "./listen.ts";

function occupy(): Promise<{ server: TcpServer; port: number }> {
  return new Promise((resolve) => {
    const server = createTcpServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({ server, port: typeof address === "object" ? (address?.port ?? 0) : 0 });
    });
  });
}

/** The status of a call that no server knows: UNIMPLEMENTED where there is one. */
function ask(address: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 5_000 };
    client.makeUnaryRequest("/x/Y", same, same, Buffer.alloc(0), options, (error) => {
      client.close();
      resolve(error?.code ?? 0);
    });
  });
}

function logged() {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(JSON.parse(line).message) });
  return { logger, lines };
}

setLogVerbosity(logVerbosity.NONE);

describe("listen", () => {
  it("waits for an address that another has, and says so once", async () => {
    const { server, port } = await occupy();
    const { logger, lines } = logged();
    const tcp = `127.0.0.1:${port}`;
    const listener = { tcp, access: "read" } as const;
    {
      using _ = await listen(() => new Server(), listener, { logger, retryMs: 20 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(lines).toEqual(["Cannot listen, will try again"]);
      await new Promise((resolve) => server.close(resolve));
      await expect.poll(() => lines).toHaveLength(2);
      expect(lines[1]).toBe("Anyone who reaches the address may read events");
      expect(await ask(tcp)).toBe(status.UNIMPLEMENTED);
    }
    expect(await ask(tcp)).toBe(status.UNAVAILABLE);
  });
});
