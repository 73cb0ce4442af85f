// SPDX-License-Identifier: Apache-2.0
import { createKubeClient } from "@gander/kube";
import { describe, expect, it } from "vitest";
import { RecordingServer } from "../../../kube/test/recording-server.ts";
import { operatorConfiguration } from "../configuration.ts";
import { createCertificatePart } from "./certificate-part.ts";
import { createServingCertificate } from "./serving-certificate.ts";

const logger = { debug() {}, info() {}, warn() {}, error() {}, with: () => logger };

async function partWith(...argv: readonly string[]) {
  const server = new RecordingServer();
  await server.listen();
  try {
    const configuration = operatorConfiguration.load({ argv, env: {} }).value?.values;
    if (configuration === undefined) throw new Error("the flags are wrong");
    const client = createKubeClient(server.source);
    const election = { permit: () => undefined } as Parameters<
      typeof createCertificatePart
    >[0]["election"];
    const onElected = () => ({ [Symbol.dispose]() {} });
    const shared = { client, configuration, election, logger, onElected, namespace: "ns" };
    return createCertificatePart({ ...shared, certificate: createServingCertificate() });
  } finally {
    await server.close();
  }
}

describe("files of a certificate", () => {
  it.each([
    [["--tls-cert-file=a"]],
    [["--tls-key-file=a"]],
    [["--tls-cert-file=a", "--tls-key-file=b"]],
    [["--tls-ca-file=a"]],
  ])("are named all or not at all: %s", async (argv) => {
    await expect(partWith(...argv)).rejects.toMatchObject({ code: "operator-tls" });
  });

  it("are read by the part, and without them it makes its own", async () => {
    const files = ["--tls-cert-file=/none/a", "--tls-key-file=/none/b", "--tls-ca-file=/none/c"];
    const signal = AbortSignal.timeout(10_000);
    await expect((await partWith(...files)).run({ signal })).rejects.toMatchObject({
      code: "operator-tls",
    });
    expect((await partWith()).problem?.()).toBe("there is no certificate yet");
  });
});
