// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { BlockList, isIPv6 } from "node:net";
import { attack, attackProgram } from "./attack.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * Another machine, as seen from the guest: a network namespace behind a pair of interfaces, with
 * addresses inside and outside of what the seed policy allows, and a program that listens there.
 */
export interface Outside extends AsyncDisposable {
  /** A port unused so far in this run, for forbidden connections. */
  newPort(): number;
  /**
   * What has arrived for a port so far. Packets under way are waited for. For a forbidden port,
   * only arrivals at a forbidden address count, see `isForbidden`.
   */
  seen(port: number): Promise<Seen>;
}

export interface Seen {
  /** TCP packets on the wire. */
  readonly packets: number;
  readonly accepted: number;
  readonly received: readonly string[];
}

export const forbidden = {
  IPv4: "10.99.0.2",
  IPv6: "fd99::2",
  "IPv4-mapped IPv6": "::ffff:10.99.0.2",
} as const;

/** Within 10.42.0.0/16 and 10.43.0.0/16. */
export const allowed = ["10.42.0.5", "10.43.0.5", "::ffff:10.42.0.5"] as const;

/** The guest's own address on that network. */
export const ownAddress = "10.99.0.1";

const firstPort = 20_000;
const portCount = 600;
/** A listener here accepts allowed connections. */
export const allowedPort = firstPort + portCount - 1;
const openPorts: readonly number[] = [firstPort, allowedPort];
const report = "/run/gander-outside";
const ownReport = "/run/gander-own-side";

const inside = new BlockList();
for (const network of ["10.42.0.0", "10.43.0.0"]) inside.addSubnet(network, 16);

/**
 * Whether an arrival at an address, on a port for forbidden connections, is a violation. An attack that
 * changes an address while the kernel copies it gets some bytes of each, such as the forbidden port
 * at an allowed address, which the policy allows.
 * @param listed inside addresses that policies forbid
 */
export function isForbidden(address: string, listed: readonly string[] = []): boolean {
  return listed.includes(address) || !inside.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

const setUp = `
ip netns add outside
ip link add inside0 type veth peer name outside0
ip link set outside0 netns outside
ip address add 10.99.0.1/24 dev inside0
ip address add fd99::1/64 dev inside0 nodad
ip link set inside0 up
ip netns exec outside sh -ec '
  ip link set lo up
  ip address add 10.99.0.2/24 dev outside0
  ip address add 10.42.0.5/32 dev outside0
  ip address add 10.43.0.5/32 dev outside0
  ip address add fd99::2/64 dev outside0 nodad
  ip link set outside0 up
  sysctl -qw net.ipv4.tcp_fastopen=519 net.ipv4.tcp_max_syn_backlog=4096 net.core.somaxconn=4096
'
ip route add 10.42.0.0/16 via 10.99.0.2
ip route add 10.43.0.0/16 via 10.99.0.2
sysctl -qw net.ipv4.tcp_fastopen=519 net.ipv4.tcp_fastopen_blackhole_timeout_sec=0
`;

/** Settings of this machine that the set-up changes and that must be restored. */
const settings = ["tcp_fastopen", "tcp_fastopen_blackhole_timeout_sec"].map(
  (name) => `/proc/sys/net/ipv4/${name}`,
);

export async function createOutside(): Promise<Outside> {
  const found = settings.map((path) => readFileSync(path, "utf8"));
  execFileSync("sh", ["-ec", setUp], { stdio: ["ignore", "inherit", "inherit"] });
  const listeners = [
    await listen(["ip", "netns", "exec", "outside"], report),
    await listen([], ownReport),
  ];
  let port = firstPort + 1;
  return {
    newPort() {
      if (port >= allowedPort) throw new Error("All ports of the listener are used");
      return port++;
    },
    async seen(wanted) {
      await settle();
      return readReport(wanted);
    },
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) listener.kill("SIGKILL");
      execFileSync("ip", ["netns", "delete", "outside"]);
      execFileSync("sh", ["-c", "ip link delete inside0; umount /run/netns; true"], {
        stdio: "ignore",
      });
      settings.forEach((path, at) => void writeFileSync(path, found[at] ?? ""));
    },
  };
}

async function listen(through: readonly string[], file: string) {
  rmSync(file, { force: true });
  const argv = [...through, attackProgram, "listen", `${firstPort}`, `${portCount}`, file];
  const child = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "ignore", "inherit"] });
  await waitUntil(
    "the other side listens",
    () => existsSync(file) && /^ready$/m.test(readFileSync(file, "utf8")),
  );
  return child;
}

/** A connection to an allowed address on the first port: once it arrives, all earlier ones have. */
async function settle(): Promise<void> {
  const count = () => readReport(firstPort).received.length;
  const before = count();
  attack("connect", allowed[0], `${firstPort}`, "settled");
  attack("connect", "127.0.0.1", `${firstPort}`, "settled");
  await waitUntil("the listener has seen everything", () => count() >= before + 2, 10_000);
}

function readReport(port: number): Seen {
  const lines = [report, ownReport]
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .map((line) => line.split(" "))
    .filter((words) => words[1] === `${port}`)
    .filter((words) => openPorts.includes(port) || isForbidden(words[2] ?? ""));
  return {
    packets: lines.filter((words) => words[0] === "packet").length,
    accepted: lines.filter((words) => words[0] === "accepted").length,
    received: lines
      .filter((words) => words[0] === "received")
      .map((words) => words.slice(3).join(" ")),
  };
}
