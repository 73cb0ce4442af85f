/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets and addresses, normalised so that a peer has one form however it is reached. */
#ifndef GANDER_SOCKS_H
#define GANDER_SOCKS_H

#include "scratch.bpf.h"

inline_fn bool is_mapped(const __u8 *addr)
{
	const __u32 *words = (const __u32 *)addr;

	return !words[0] && !words[1] && words[2] == __builtin_bswap32(0xffff);
}

inline_fn void unmap(__u8 *addr)
{
	__u32 *words = (__u32 *)addr;

	if (!is_mapped(addr))
		return;
	words[0] = words[3];
	words[2] = words[3] = 0;
}

/* ::ffff:a.b.c.d is IPv4. The other end may still be unspecified, or be in IPv4 form already. */
inline_fn void normalise(struct sock_value *value)
{
	if (value->family != AF_INET6 || (!is_mapped(value->saddr) && !is_mapped(value->daddr)))
		return;
	value->family = AF_INET;
	unmap(value->saddr);
	unmap(value->daddr);
}

/* SMC tries RDMA, else uses TCP: a family of its own or (6.11 and later) a protocol of IPv4 and IPv6. */
inline_fn bool is_smc(const struct sock_value *value, __u32 socket_family)
{
	return socket_family == AF_SMC || value->protocol == IPPROTO_SMC;
}

/*
 * connect() and sendto() replace an unspecified address by one that depends on the socket: its own
 * address, or one of the device it is bound to, or else the loopback (ip_route_output_key_hash_rcu,
 * tcp_v6_connect). Another thread can change all of these after the check, so the result is unknown.
 */
inline_fn bool is_unspecified(const struct sock_value *value)
{
	const __u32 *peer = (const __u32 *)value->daddr;

	return !(peer[0] | peer[1] | peer[2] | peer[3]);
}

inline_fn void clear_sock(struct sock_value *value)
{
	__builtin_memset(value, 0, sizeof(*value));
}

inline_fn bool read_sock_from(struct sock_value *value, struct sock *sock)
{
	struct sock_common *common = &sock->__sk_common;

	clear_sock(value);
	if (!sock)
		return false;
	value->family = BPF_CORE_READ(common, skc_family);
	value->type = BPF_CORE_READ(sock, sk_type);
	value->protocol = BPF_CORE_READ(sock, sk_protocol);
	value->state = BPF_CORE_READ(common, skc_state);
	value->mark = BPF_CORE_READ(sock, sk_mark);
	value->priority = BPF_CORE_READ(sock, sk_priority);
	value->cookie = address_of(sock);
	if (value->family != AF_INET && value->family != AF_INET6)
		return true;
	value->has_addr = 1;
	value->sport = BPF_CORE_READ(common, skc_num);
	value->dport = __builtin_bswap16(BPF_CORE_READ(common, skc_dport));
	if (value->family == AF_INET) {
		bpf_core_read(value->saddr, 4, &common->skc_rcv_saddr);
		bpf_core_read(value->daddr, 4, &common->skc_daddr);
		return true;
	}
	bpf_core_read(value->saddr, 16, &common->skc_v6_rcv_saddr);
	bpf_core_read(value->daddr, 16, &common->skc_v6_daddr);
	normalise(value);
	return true;
}

/*
 * Reads the address of `size` bytes at `from` as the peer of `value`. False if it is no IP address, or
 * shorter than its family needs: the kernel refuses it, too, and the bytes behind it are not part of it.
 */
__noinline int read_peer(struct sock_value *value, __u64 from, __u32 size)
{
	struct sockaddr_any addr = {};
	__u32 family;

	if (!value || !from || size < 8 || bpf_probe_read_kernel(&addr, 8, (void *)from))
		return false;
	family = addr.family;
	/* sendto() on an IPv4 datagram socket treats AF_UNSPEC as AF_INET */
	if (family == AF_UNSPEC && value->family == AF_INET && value->type != SOCK_STREAM)
		family = AF_INET;
	if (family != AF_INET && family != AF_INET6)
		return false;
	if (family == AF_INET6 && (size < 24 || bpf_probe_read_kernel(&addr, 24, (void *)from)))
		return false;
	value->family = family;
	value->dport = __builtin_bswap16(addr.port);
	__builtin_memset(value->daddr, 0, 16);
	if (family == AF_INET)
		__builtin_memcpy(value->daddr, addr.ipv4, 4);
	else
		__builtin_memcpy(value->daddr, addr.ipv6, 16);
	value->has_addr = 1;
	normalise(value);
	return true;
}

/* Does a socket speak TCP underneath? */
inline_fn bool is_tcp(const struct sock_value *value, __u32 socket_family)
{
	if (value->type != SOCK_STREAM)
		return false;
	return value->protocol == IPPROTO_TCP || value->protocol == IPPROTO_MPTCP ||
	       is_smc(value, socket_family);
}

/*
 * Does a call with this struct socket connect by TCP, so that it concerns tcp_connect's companions? A
 * message (struct msghdr; 0: the call is connect) does so only by fast open: else a stream socket ignores
 * its address.
 */
__noinline int connects_by_tcp(__u64 socket_at, __u64 message_at)
{
	struct socket *socket = (struct socket *)socket_at;
	struct msghdr *message = (struct msghdr *)message_at;
	struct sock_value value;
	struct sock *sock;

	if (message && !(BPF_CORE_READ(message, msg_flags) & MSG_FASTOPEN))
		return 0;
	sock = BPF_CORE_READ(socket, sk);
	value.type = BPF_CORE_READ(sock, sk_type);
	value.protocol = BPF_CORE_READ(sock, sk_protocol);
	return is_tcp(&value, BPF_CORE_READ(sock, __sk_common.skc_family));
}

/* Reads the address that a socket is about to connect or send to, from the arguments of LSM hooks. */
inline_fn bool read_address(struct sock_value *value, struct sock *sock, __u64 addr, __u32 size,
			    bool message)
{
	struct msghdr *msg = (struct msghdr *)addr;

	if (message) {
		addr = address_of(BPF_CORE_READ(msg, msg_name));
		size = BPF_CORE_READ(msg, msg_namelen);
		/* A stream socket ignores the address unless the message connects. */
		if (is_tcp(value, BPF_CORE_READ(sock, __sk_common.skc_family)) &&
		    !(BPF_CORE_READ(msg, msg_flags) & MSG_FASTOPEN))
			return false;
	}
	if (!read_peer(value, addr, size))
		return false;
	/* MPTCP and SMC connect by TCP, and the policy's tcp_connect sees TCP. */
	if (is_tcp(value, BPF_CORE_READ(sock, __sk_common.skc_family)))
		value->protocol = IPPROTO_TCP;
	value->any_peer = is_unspecified(value) ? PEER_ANY : PEER_KNOWN;
	return true;
}

/*
 * Reads an address alone as both ends, because it is unknown which end it is. bind() treats AF_UNSPEC as
 * AF_INET; connect() ends an association with it.
 */
inline_fn bool read_sockaddr(struct sock_value *value, __u64 from, bool to_bind)
{
	clear_sock(value);
	if (bpf_probe_read_kernel(&value->family, 2, (void *)from))
		return false;
	if (to_bind && value->family == AF_UNSPEC)
		value->family = AF_INET; /* no type: read_peer treats AF_UNSPEC as AF_INET, too */
	if (!read_peer(value, from, value->family == AF_INET6 ? 24 : 16))
		return value->family != AF_INET &&
		       value->family != AF_INET6; /* at least its family is known */
	value->sport = value->dport;
	__builtin_memcpy(value->saddr, value->daddr, 16);
	if (!to_bind && is_unspecified(value))
		value->any_peer = PEER_ANY_ALONE;
	return true;
}

#endif
