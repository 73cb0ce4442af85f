// SPDX-License-Identifier: Apache-2.0
import { Resolver } from "node:dns/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { RequestAction } from "@gander/policy";

/** Resolves when a server has answered. */
export type Send = (request: RequestAction, signal: AbortSignal) => Promise<void>;

type SendOptions = {
  /** `ADDRESS:PORT` of name servers; by default those of the machine. */
  readonly nameServers?: readonly string[];
};

/**
 * Asks the network: for a name, or for the page at a URL. Only what a policy says is asked for: no redirect
 * is followed, and a response is not read beyond its headers. Names are resolved without threads, which
 * other work needs.
 */
export function createSender({ nameServers }: SendOptions = {}): Send {
  const resolverOf = (signal: AbortSignal): Resolver => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (nameServers !== undefined) resolver.setServers(nameServers);
    signal.addEventListener("abort", () => resolver.cancel(), { once: true });
    return resolver;
  };
  return async (request, signal) => {
    signal.throwIfAborted();
    const resolver = resolverOf(signal);
    if (request.action === "dns-lookup") await lookUp(request.name, resolver);
    else await get(new URL(request.url), resolver, signal);
  };
}

/** That there is no such name is an answer, too. */
async function lookUp(name: string, resolver: Resolver): Promise<void> {
  try {
    await resolver.resolve4(name);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOTFOUND" && code !== "ENODATA") throw error;
  }
}

/** Longer headers end the request. */
const maxHeaderSize = 16 * 1024;

function get(url: URL, resolver: Resolver, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const headers = { "user-agent": "gander", connection: "close" };
    const lookup = lookupBy(resolver);
    const request = send(url, { agent: false, headers, lookup, maxHeaderSize, signal });
    request.on("response", (response) => {
      resolve();
      response.on("error", () => undefined);
      response.destroy();
    });
    request.on("error", reject);
    request.on("close", () => reject(new Error("the connection was closed")));
    request.end();
  });
}

/** IPv4 first, as a name has that most often. */
function lookupBy(resolver: Resolver): LookupFunction {
  return (host, options, done) => {
    const resolve = async () => {
      if (isIP(host) !== 0) return [host];
      const found = await resolver.resolve4(host).catch(() => []);
      return found.length > 0 ? found : resolver.resolve6(host);
    };
    resolve().then(
      (found) => {
        const all = found.map((address) => ({ address, family: isIP(address) }));
        const [first = { address: "", family: 4 }] = all;
        if (options.all === true) done(null, all);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, "", 4),
    );
  };
}
