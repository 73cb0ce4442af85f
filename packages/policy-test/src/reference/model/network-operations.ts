// SPDX-License-Identifier: Apache-2.0
import { isIPv4 } from "node:net";
import type { Socket } from "@gander/sensor/reference";
import type { Container } from "./container.ts";
import { inFolder } from "./file-operations.ts";
import { fileTypes } from "./file-types.ts";
import { pathValue } from "./file-values.ts";
import { preparing, type Steps } from "./kernel-call.ts";
import { absent, type KernelValue, number, structure, text, unknown } from "./kernel-value.ts";

// Source: net/socket.c, net/ipv4/tcp_ipv4.c and net/unix/af_unix.c of Linux 6.12.

const families: Readonly<Record<string, number>> = { unix: 1, inet: 2, inet6: 10, packet: 17 };
const types: Readonly<Record<string, number>> = { stream: 1, datagram: 2, raw: 3 };
const protocols = { tcp: 6, udp: 17 } as const;

type Peer = { readonly family: 2 | 10; readonly address: string; readonly port: number };

/** `10.0.0.1:443`, `[fd00::1]:443` @throws RangeError */
function peerOf(written: string): Peer {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(written) ?? [];
  if (four !== undefined && isIPv4(four))
    return { family: 2, address: hexOf(four.split(".").map(Number)), port: Number(port) };
  if (six === undefined) throw new RangeError(`"${written}" is not an address with a port`);
  // A socket of IPv6 that connects to an address of IPv4: policies see the latter.
  const mapped = /^::ffff:([\d.]+)$/i.exec(six)?.[1];
  if (mapped !== undefined && isIPv4(mapped))
    return { family: 10, address: hexOf(mapped.split(".").map(Number)), port: Number(port) };
  return { family: 10, address: hexOfIpv6(six), port: Number(port) };
}

const hexOf = (bytes: readonly number[]) => Buffer.from(bytes).toString("hex");

function hexOfIpv6(written: string): string {
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [head = "", tail] = written.split("::");
  const [first, last] = [groups(head), groups(tail ?? "")];
  const between = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: between }, () => "0"), ...last]
    .map((group) => group.padStart(4, "0"))
    .join("");
}

const socketTo = ({ family, address, port }: Peer, protocol: number): Socket => ({
  ...{ saddr: address, daddr: address, sport: port, dport: port },
  ...{ addressFamily: address.length === 8 ? 4 : 6, protocol, family, state: 0 },
});

/** struct sockaddr */
const addressValue = (peer: Peer): KernelValue => ({
  ...{ type: "sockaddr", value: socketTo(peer, 0) },
});

/** A sockaddr of another family has neither address nor port. */
const localAddress: KernelValue = {
  type: "sockaddr",
  value: { ...socketTo({ family: 2, address: "00000000", port: 0 }, 0), family: 1 },
};

export function* createSocket(container: Container, family: number, type: number): Steps {
  yield container.call("sys_socket", [number(family), unknown, number(0)]);
  const args = [number(family), number(type), number(0), number(0)];
  yield container.call("socket_create", args);
}

function* connectTo(container: Container, written: string, type: "stream" | "datagram"): Steps {
  const peer = peerOf(written);
  yield* createSocket(container, peer.family, types[type] ?? 0);
  yield container.call("sys_connect", [unknown, unknown, unknown]);
  yield container.call("socket_connect", [unknown, addressValue(peer), unknown]);
  if (type === "stream") yield* tcpConnect(container, peer);
}

/** Once the kernel has found a way to the peer. */
function* tcpConnect(container: Container, peer: Peer): Steps {
  yield container.call("tcp_connect", [{ type: "sock", value: socketTo(peer, protocols.tcp) }], {
    perhaps: "it is called where the kernel knows a way to the address",
  });
}

function* sendTo(container: Container, written: string, type: "stream" | "datagram"): Steps {
  const peer = peerOf(written);
  yield* createSocket(container, peer.family, types[type] ?? 0);
  yield container.call("sys_sendto", [unknown, unknown, number(1, "size_t")]);
  const message = structure({ msg_name: addressValue(peer) });
  yield container.call("socket_sendmsg", [unknown, message, number(1)]);
  if (type === "stream") yield* tcpConnect(container, peer);
}

/** A local socket that nobody has. */
export function* askNobody(container: Container): Steps {
  yield* createSocket(container, families.unix ?? 1, types.stream ?? 1);
  yield container.call("sys_connect", [unknown, unknown, unknown]);
  yield container.call("socket_connect", [unknown, localAddress, unknown]);
}

export const networkOperations = {
  *socket(container: Container, family: string, type: string): Steps {
    yield* createSocket(container, families[family] ?? 0, types[type] ?? 0);
  },
  *connect(container: Container, address: string): Steps {
    yield* connectTo(container, address, "stream");
  },
  *connectUdp(container: Container, address: string): Steps {
    yield* connectTo(container, address, "datagram");
  },
  *send(container: Container, address: string): Steps {
    yield* sendTo(container, address, "datagram");
  },
  *fastOpen(container: Container, address: string): Steps {
    yield* sendTo(container, address, "stream");
  },
  /** To a socket that the case makes before. */
  *connectPath(container: Container, path: string): Steps {
    const mode = fileTypes.socket + 0o755;
    const args = [number(mode, "uint16"), number(0, "uint32")];
    yield* preparing(inFolder(container, "path_mknod", path, args));
    container.files.make(path, { mode });
    yield* askNobody(container);
    const name = { "name[0]": structure({ sun_path: text(path) }) };
    const other = structure({ path: pathValue(container.files.at(path)), addr: structure(name) });
    yield container.call("unix_stream_connect", [unknown, other, absent]);
  },
};
