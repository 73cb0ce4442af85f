// SPDX-License-Identifier: Apache-2.0

/** Returns a name, or the number as text if it has none. */
type Names = (number: number) => string;

const named =
  (names: Readonly<Record<number, string>>): Names =>
  (number) =>
    names[number] ?? String(number);

// include/linux/socket.h
export const familyName: Names = named({
  0: "AF_UNSPEC",
  1: "AF_UNIX",
  2: "AF_INET",
  10: "AF_INET6",
  16: "AF_NETLINK",
  17: "AF_PACKET",
  38: "AF_ALG",
  40: "AF_VSOCK",
  43: "AF_SMC",
  44: "AF_XDP",
});

// include/linux/net.h
export const socketTypeName: Names = named({
  1: "SOCK_STREAM",
  2: "SOCK_DGRAM",
  3: "SOCK_RAW",
  4: "SOCK_RDM",
  5: "SOCK_SEQPACKET",
  6: "SOCK_DCCP",
  10: "SOCK_PACKET",
});

// include/uapi/linux/in.h
export const protocolName: Names = named({
  0: "IPPROTO_IP",
  1: "IPPROTO_ICMP",
  2: "IPPROTO_IGMP",
  4: "IPPROTO_IPIP",
  6: "IPPROTO_TCP",
  17: "IPPROTO_UDP",
  33: "IPPROTO_DCCP",
  41: "IPPROTO_IPV6",
  47: "IPPROTO_GRE",
  50: "IPPROTO_ESP",
  51: "IPPROTO_AH",
  58: "IPPROTO_ICMPV6",
  103: "IPPROTO_PIM",
  132: "IPPROTO_SCTP",
  136: "IPPROTO_UDPLITE",
  255: "IPPROTO_RAW",
  256: "IPPROTO_SMC",
  262: "IPPROTO_MPTCP",
});

// include/net/tcp_states.h
export const tcpStateName: Names = named({
  1: "TCP_ESTABLISHED",
  2: "TCP_SYN_SENT",
  3: "TCP_SYN_RECV",
  4: "TCP_FIN_WAIT1",
  5: "TCP_FIN_WAIT2",
  6: "TCP_TIME_WAIT",
  7: "TCP_CLOSE",
  8: "TCP_CLOSE_WAIT",
  9: "TCP_LAST_ACK",
  10: "TCP_LISTEN",
  11: "TCP_CLOSING",
  12: "TCP_NEW_SYN_RECV",
});

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** In the form of RFC 5952: lower case, the longest run of two or more zero groups is `::`. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((bytes[at + 2 * i] as number) << 8) | (bytes[at + 2 * i + 1] as number),
  );
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best.start < 0) return hex(0, 8);
  return `${hex(0, best.start)}::${hex(best.start + best.length, 8)}`;
}
