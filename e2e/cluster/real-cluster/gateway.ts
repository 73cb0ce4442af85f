// SPDX-License-Identifier: Apache-2.0
// gateway.ts OPTIONS: a program that runs in the network namespace of a cluster, which lives as long as it does.
// It makes the network, answers DNS queries, and leads from a Unix socket to the API server. OPTIONS are JSON.
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createKubeClient, kubeconfigCredentials } from "@gander/kube";
import { gatewayAddress, nodeAddress, nodeTap, podRange } from "./addresses.ts";
import { dnsAnswer } from "./dns-answer.ts";
import { createForwarder } from "./forward.ts";

export type GatewayOptions = {
  readonly nodes: number;
  readonly apiPort: number;
  /** An administrator's; names of services are read with it once the API server is ready. */
  readonly kubeconfig: string;
  /** Path of the socket that leads to the API server. It exists when the network does. */
  readonly socket: string;
};

type Service = {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly clusterIP?: string };
};

const refreshMs = 1_000;
const dnsPort = 53;

const options: GatewayOptions = JSON.parse(process.argv[2] ?? "{}");
const addresses = new Map<string, string>();
const addressOf = (name: string) => addresses.get(name);

makeNetwork(options.nodes);
await answerDatagrams();
await answerStreams();
createForwarder({ host: "127.0.0.1", port: options.apiPort }).listen(options.socket);
await followServices();

function makeNetwork(nodes: number): void {
  const ip = (words: string) => execFileSync("ip", words.split(" "), { stdio: "inherit" });
  ip("link set lo up");
  ip("link add cluster type bridge");
  ip(`address add ${gatewayAddress}/24 dev cluster`);
  ip("link set cluster up");
  for (let index = 0; index < nodes; index++) {
    ip(`tuntap add dev ${nodeTap(index)} mode tap`);
    ip(`link set ${nodeTap(index)} master cluster up`);
    ip(`route add ${podRange(index)} via ${nodeAddress(index)}`);
  }
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
}

async function answerDatagrams(): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const answer = answerOf(query);
    if (answer !== undefined) socket.send(answer, port, address);
  });
  socket.bind(dnsPort, gatewayAddress);
  await once(socket, "listening");
}

/** RFC 1035 section 4.2.2: each message after its length. A query arrives in one piece here. */
async function answerStreams(): Promise<void> {
  const server = createServer((connection) => {
    connection.on("error", () => undefined);
    connection.on("data", (data) => {
      const answer = answerOf(data.subarray(2));
      if (answer === undefined) return void connection.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      connection.end(Buffer.concat([length, answer]));
    });
  });
  server.listen(dnsPort, gatewayAddress);
  await once(server, "listening");
}

function answerOf(query: Buffer): Buffer | undefined {
  try {
    return dnsAnswer(query, addressOf);
  } catch (error) {
    console.error(`A query is cut short: ${error}`);
    return undefined;
  }
}

async function followServices(): Promise<never> {
  const client = createKubeClient(await kubeconfigCredentials({ path: options.kubeconfig }));
  for (;;) {
    try {
      const { items } = await client.get<{ readonly items: readonly Service[] }>({
        task: "list services",
        path: "/api/v1/services",
      });
      addresses.clear();
      for (const { metadata, spec } of items)
        if (spec.clusterIP !== undefined && spec.clusterIP !== "None")
          addresses.set(`${metadata.name}.${metadata.namespace}.svc.cluster.local`, spec.clusterIP);
    } catch (error) {
      // The API server is not up yet, or is restarted by a test.
      console.error(String(error));
    }
    await sleep(refreshMs);
  }
}
