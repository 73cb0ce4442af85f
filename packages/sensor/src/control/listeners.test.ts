// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificate } from "../../test/test-certificate.ts";
import { sensorConfiguration } from "../configuration/configuration.ts";
import { listenersOf } from "./listeners.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-tls-"));
  const { certificate, key } = testCertificate("sensor");
  writeFileSync(join(folder, "cert"), certificate);
  writeFileSync(join(folder, "key"), key);
  writeFileSync(join(folder, "other-key"), testCertificate("other").key);
  writeFileSync(join(folder, "text"), "no certificate");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `@x` is the file x of the folder. */
function listeners(flags: string) {
  const argv = flags.split(" ").map((flag) => flag.replace(/^@/, `${folder}/`));
  const values = sensorConfiguration.load({ argv, env: {} }).value?.values;
  if (values === undefined) throw new Error("flags are wrong");
  return listenersOf(values);
}

const pair = "--server-tls-cert-file @cert --server-tls-key-file @key";
const root = { unix: "/var/run/gander/gander.sock", access: "all" };

describe("listenersOf", () => {
  it("is a socket where everything can be done", async () => {
    expect(await listeners("--server-address unix:///run/x.sock")).toEqual([
      { unix: "/run/x.sock", access: "all" },
    ]);
  });

  it.each([
    ["localhost:1", { tcp: "localhost:1", access: "read" }],
    ["127.0.0.1:1 --server-allow-anonymous", { tcp: "127.0.0.1:1", access: "all" }],
    ["0.0.0.0:1 --server-allow-anonymous", { tcp: "0.0.0.0:1", access: "all" }],
    [`0.0.0.0:1 ${pair}`, { tcp: "0.0.0.0:1", access: "read" }],
    [`[::]:1 ${pair} --server-tls-client-ca-files @cert`, { tcp: "[::]:1", access: "all" }],
  ])("has the socket beside %s", async (flags, expected) => {
    const [first, second, ...others] = await listeners(`--server-address ${flags}`);
    expect(first).toEqual(root);
    expect(second).toMatchObject(expected);
    expect(second !== undefined && "tls" in second).toBe(flags.includes("cert-file"));
    expect(others).toEqual([]);
  });

  it.each([
    ["0.0.0.0:1", /0\.0\.0\.0:1 can be reached from the network: give --server-tls-cert-file/],
    ["node.example:1", /can be reached/],
    ["localhost:1 --server-tls-cert-file @cert", /go together/],
    ["localhost:1 --server-tls-client-ca-files @cert", /go together/],
    [`localhost:1 ${pair} --server-tls-require-client-cert`, /needs --server-tls-client-ca-files/],
    [
      `localhost:1 ${pair} --server-tls-client-ca-files @none,@text`,
      /none cannot be read.*text is not PEM/s,
    ],
    [
      "localhost:1 --server-tls-cert-file @cert --server-tls-key-file @other-key",
      /certificate and key do not serve: .*mismatch/,
    ],
    [`unix:///run/x.sock ${pair}`, /TLS is for host:port/],
  ])("refuses %s", async (flags, problem) => {
    await expect(
      listeners(`--server-address ${flags.replace(",@", `,${folder}/`)}`),
    ).rejects.toThrow(problem);
  });
});
