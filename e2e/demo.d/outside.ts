// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export const OUTSIDE_ADDRESS = "203.0.113.66";
export const OUTSIDE_PORT = 443;

/** The internet of the machine: a host in a network namespace, with somebody who listens on it. */
export type Outside = Disposable & {
  /** Connections it accepted since the start; what it was sent. */
  received(): { readonly connections: number; readonly text: string };
  forget(): void;
};

const LOOT = "/run/demo-outside.loot";
const LOG = "/run/demo-outside.log";

/** Makes the other host and waits until somebody listens there. */
export async function createOutside(): Promise<Outside> {
  const ip = (line: string) => execFileSync("ip", line.split(" "));
  ip("netns add outside");
  ip("link add demo0 type veth peer name eth0 netns outside");
  ip("addr add 203.0.113.1/24 dev demo0");
  ip("link set demo0 up");
  ip(`-n outside addr add ${OUTSIDE_ADDRESS}/24 dev eth0`);
  ip("-n outside link set eth0 up");
  ip("-n outside link set lo up");
  const clear = () => {
    writeFileSync(LOOT, "");
    writeFileSync(LOG, "");
  };
  clear();
  const listener = spawn(
    "sh",
    [
      "-c",
      `exec ip netns exec outside socat -d -d -u TCP-LISTEN:${OUTSIDE_PORT},fork,reuseaddr OPEN:${LOOT},append 2>> ${LOG}`,
    ],
    { stdio: "ignore" },
  );
  await until(() => readFileSync(LOG, "utf8").includes("listening on"), "the listener to be there");
  return {
    received: () => ({
      connections: readFileSync(LOG, "utf8").split("accepting connection").length - 1,
      text: existsSync(LOOT) ? readFileSync(LOOT, "utf8") : "",
    }),
    forget: clear,
    [Symbol.dispose]: () => void listener.kill("SIGKILL"),
  };
}

/** Waits until `holds`, looking often; throws after ten seconds. */
export async function until(holds: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(20);
  }
}
