// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { createFileCertificate } from "./file-certificate.ts";
import { renewCertificates } from "./renew-certificates.ts";
import {
  createServingCertificate,
  showCertificate,
  type TlsMaterial,
} from "./serving-certificate.ts";

const logger = { debug() {}, info() {}, warn() {}, error() {}, with: () => logger };

async function material(): Promise<TlsMaterial> {
  const { server, authority } = await renewCertificates(undefined, Date.now(), {
    names: ["localhost"],
  });
  return { ...server, ca: authority.cert };
}

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;

describe("a server", () => {
  it("shows the newest certificate, to those who come after it is there", async () => {
    const [first, second] = [await material(), await material()];
    const certificate = createServingCertificate();
    const server = createServer((socket) => socket.end());
    using _ = showCertificate(server, certificate);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const shown = async (ca: string) => {
      const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    await expect(shown(first.ca)).rejects.toThrow();
    certificate.set(first);
    expect(await shown(first.ca)).toBe(fingerprint(first.cert));
    certificate.set(second);
    expect(await shown(second.ca)).toBe(fingerprint(second.cert));
    await expect(shown(first.ca)).rejects.toThrow();
    server.close();
  });

  it("is told of a change once, and waits for the first", async () => {
    const certificate = createServingCertificate();
    const stop = new AbortController();
    const waiting = certificate.whenReady({ signal: stop.signal });
    const stopped = new AbortController();
    const inVain = certificate.whenReady({ signal: stopped.signal });
    stopped.abort();
    expect(await inVain).toBe(false);
    let changes = 0;
    const listening = certificate.onChange(() => changes++);
    const first = await material();
    certificate.set(first);
    certificate.set({ ...first });
    expect([await waiting, changes]).toEqual([true, 1]);
    listening[Symbol.dispose]();
    certificate.set(await material());
    expect(changes).toBe(1);
  });
});

describe("certificates in files", () => {
  it("are read again when they change, and only when they belong together", async () => {
    const directory = mkdtempSync(join(tmpdir(), "gander-tls-"));
    const stop = new AbortController();
    try {
      const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
      const [first, second] = [await material(), await material()];
      const put = ({ cert, key, ca }: TlsMaterial) => {
        write("tls.crt", cert);
        write("tls.key", key);
        write("ca.crt", ca);
      };
      const certificate = createServingCertificate();
      const part = createFileCertificate(
        { logger, certificate },
        {
          certFile: join(directory, "tls.crt"),
          keyFile: join(directory, "tls.key"),
          caFile: join(directory, "ca.crt"),
          pollMs: 5,
        },
      );
      await expect(part.run({ signal: stop.signal })).rejects.toMatchObject({
        code: "operator-tls",
      });
      put(first);
      const running = part.run({ signal: stop.signal });
      await certificate.whenReady({ signal: stop.signal });
      expect(certificate.current()).toEqual(first);
      // Half of a pair: the last one goes on.
      write("tls.crt", second.cert);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(certificate.current()).toEqual(first);
      put(second);
      await expect.poll(() => certificate.current(), { timeout: 15_000 }).toEqual(second);
      stop.abort();
      await running;
    } finally {
      stop.abort();
      rmSync(directory, { recursive: true });
    }
  });
});
