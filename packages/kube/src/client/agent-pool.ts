// SPDX-License-Identifier: Apache-2.0
import http, { type Agent } from "node:http";
import https from "node:https";
import type { Credentials } from "./credentials.ts";

type AgentPool = {
  for(credentials: Credentials): Agent;
  /** Closes all connections, even those in use. */
  close(): void;
};

/** One agent while the TLS material is unchanged; replaced when certificates are rotated. */
export function createAgentPool(): AgentPool {
  let current: { readonly key: string; readonly agent: Agent } | undefined;
  const retired = new Set<Agent>();
  return {
    for({ server, tls, proxyAgent }: Credentials): Agent {
      if (proxyAgent !== undefined) return proxyAgent;
      const key = JSON.stringify([server.protocol, tls]);
      if (current?.key === key) return current.agent;
      if (current !== undefined) retire(current.agent);
      // Keep-alive probes detect a vanished peer behind watches, which may legitimately be silent.
      const common = { keepAlive: true, keepAliveMsecs: 30_000, scheduling: "lifo" } as const;
      const agent =
        server.protocol === "https:"
          ? new https.Agent({ ...common, ...tls })
          : new http.Agent(common);
      current = { key, agent };
      return agent;
    },
    close() {
      current?.agent.destroy();
      for (const agent of retired) agent.destroy();
    },
  };

  function retire(agent: Agent): void {
    for (const idle of Object.values(agent.freeSockets).flat()) idle?.destroy();
    retired.add(agent);
    // Watches on the old certificate end by their own time limit; at most a few agents are kept.
    for (const old of retired) {
      if (retired.size <= 4) break;
      old.destroy();
      retired.delete(old);
    }
  }
}
