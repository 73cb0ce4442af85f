// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { operatorAccess, readCredentials } from "./operator-access.ts";

const none = {
  ...{ operator: "", operatorCa: "", operatorToken: "", operatorServerName: "" },
  operatorCaConfigmap: "",
  operatorInsecure: false,
};
const whole = { ...none, operator: "op.example:8443", operatorCa: "ca", operatorToken: "token" };

describe("flags of an operator", () => {
  it.each([
    ["none", none, undefined],
    [
      "TLS",
      { ...whole, operatorServerName: "op" },
      {
        address: { target: "dns:op.example:8443", text: "op.example:8443", isLocal: false },
        ...{ caFile: "ca", tokenFile: "token", serverName: "op" },
      },
    ],
    ["without TLS, if that is asked for", { ...whole, operatorCa: "", operatorInsecure: true }, {}],
    ["without TLS on this machine", { ...whole, operatorCa: "", operator: "127.0.0.1:1" }, {}],
    ["without TLS at a socket", { ...whole, operatorCa: "", operator: "unix:///run/op.sock" }, {}],
    [
      "TLS with published authorities",
      { ...whole, operatorCa: "", operatorCaConfigmap: "ns/ca" },
      { caFile: undefined, published: { namespace: "ns", name: "ca" } },
    ],
    ["IPv6", { ...whole, operator: "[::1]:1" }, { address: { target: "dns:[::1]:1" } }],
  ])("%s", (_, flags, access) => {
    const found = operatorAccess({ ...none, ...flags });
    if (access === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(access);
  });

  it.each([
    [{ ...none, operatorToken: "token" }, "not --operator HOST:PORT"],
    [{ ...none, operatorInsecure: true }, "not --operator HOST:PORT"],
    [{ ...whole, operatorToken: "" }, "--operator-token FILE is missing"],
    [{ ...whole, operatorCa: "" }, "--operator-ca FILE is missing"],
    [{ ...whole, operatorInsecure: true }, "contradict"],
    [{ ...whole, operatorCa: "", operatorInsecure: true, operatorServerName: "x" }, "is for TLS"],
    [{ ...whole, operatorCaConfigmap: "gander-operator-ca" }, "is NAMESPACE/NAME"],
    [{ ...whole, operator: ":8443" }, "not an address"],
    [{ ...whole, operator: "op.example" }, "not an address"],
  ])("that don't go together: %o", (flags, message) => {
    expect(() => operatorAccess(flags)).toThrow(message);
  });

  it("tell all that is wrong at once", () => {
    const flags = { ...whole, operatorToken: "", operatorCa: "" };
    expect(() => operatorAccess(flags)).toThrow(/operator-token.*operator-ca/);
  });
});

describe("credentials", () => {
  const folder = mkdtempSync(join(tmpdir(), "gander-access-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (ca: string, token: string) => {
    const [caFile, tokenFile] = [join(folder, "ca"), join(folder, "token")];
    writeFileSync(caFile, ca);
    writeFileSync(tokenFile, token);
    const address = { target: "dns:x:1", text: "x:1", isLocal: false };
    return readCredentials({ address, caFile, tokenFile, serverName: undefined });
  };
  const pem = "-----BEGIN CERTIFICATE-----\n";

  it("are read with what editors leave", async () => {
    expect(await read(pem, " abc.def\n")).toMatchObject({ token: "abc.def" });
  });

  it.each([
    ["no certificate", "nothing", "token", "holds no certificate"],
    ["no token", pem, "\n", "holds no token"],
    ["two lines", pem, "a\nb", "holds no token"],
    ["bytes that are no text", pem, "a\u0000b", "holds no token"],
  ])("%s", async (_, ca, token, message) => {
    await expect(read(ca, token)).rejects.toThrow(message);
  });

  it("that aren't there are named", async () => {
    const address = { target: "dns:x:1", text: "x:1", isLocal: false };
    const tokenFile = join(folder, "nowhere");
    const access = { address, caFile: undefined, tokenFile, serverName: undefined };
    await expect(readCredentials(access)).rejects.toThrow(/nowhere \(--operator-token\).*ENOENT/);
  });
});
