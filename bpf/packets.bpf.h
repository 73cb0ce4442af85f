/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets (struct sk_buff): their headers as the socket value that filters and events know. */
#ifndef GANDER_PACKETS_H
#define GANDER_PACKETS_H

#include "objects.h"
#include "socks.bpf.h"
#include "slots.bpf.h"

enum { EXTENSION_HEADERS = 8 };

inline_fn bool has_ports(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_DCCP ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_UDPLITE;
}

inline_fn bool is_extension(__u32 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH ||
	       protocol == IPPROTO_DSTOPTS;
}

inline_fn long take_ports(struct sock_value *value, __u64 at)
{
	__be16 ports[2];

	if (bpf_probe_read_kernel(ports, sizeof(ports), (void *)at))
		return -1;
	value->sport = __builtin_bswap16(ports[0]);
	value->dport = __builtin_bswap16(ports[1]);
	return 0;
}

/* Passes one of IPv6's extension headers; where the next begins is 0 for a later fragment. */
static long pass_extension(__u32 i, struct scratch **context)
{
	struct scratch *s = *context;
	struct ipv6_extension *header = &s->headers.extension;
	__u32 protocol = s->sock.protocol, size;

	(void)i;
	if (!is_extension(protocol))
		return 1;
	if (bpf_probe_read_kernel(header, sizeof(*header), (void *)s->headers.next)) {
		s->headers.next = 0;
		return 1;
	}
	s->sock.protocol = header->next;
	size = (header->size + 1) * 8;
	if (protocol == IPPROTO_AH)
		size = (header->size + 2) * 4;
	if (protocol == IPPROTO_FRAGMENT) {
		size = sizeof(*header);
		if (header->fragment & __builtin_bswap16(0xfff8)) {
			s->headers.next = 0;
			return 1;
		}
	}
	s->headers.next += size;
	return 0;
}

/* What a packet's IP header says. An error: the header is not in the packet's first part. */
inline_fn long take_ip(struct scratch *s, __u64 at, __u64 end, __u32 version)
{
	struct ipv4_header *ipv4 = &s->headers.ipv4;
	struct ipv6_header *ipv6 = &s->headers.ipv6;
	struct sock_value *value = &s->sock;

	if (version == 4) {
		if (at + sizeof(*ipv4) > end ||
		    bpf_probe_read_kernel(ipv4, sizeof(*ipv4), (void *)at))
			return -1;
		value->family = AF_INET;
		value->protocol = ipv4->protocol;
		__builtin_memcpy(value->saddr, ipv4->saddr, 4);
		__builtin_memcpy(value->daddr, ipv4->daddr, 4);
		at += (ipv4->version_and_size & 15) * 4;
		if (ipv4->fragment & __builtin_bswap16(0x1fff))
			at = 0;
	} else {
		if (at + sizeof(*ipv6) > end ||
		    bpf_probe_read_kernel(ipv6, sizeof(*ipv6), (void *)at))
			return -1;
		value->family = AF_INET6;
		value->protocol = ipv6->next;
		__builtin_memcpy(value->saddr, ipv6->saddr, 16);
		__builtin_memcpy(value->daddr, ipv6->daddr, 16);
		s->headers.next = at + sizeof(*ipv6);
		bpf_loop(EXTENSION_HEADERS, pass_extension, &s, 0);
		at = s->headers.next;
	}
	value->has_addr = 1;
	normalise(value);
	if (is_extension(value->protocol) || (has_ports(value->protocol) && !at)) {
		value->any_peer = PEER_NO_PORTS;
		return 0;
	}
	if (!has_ports(value->protocol))
		return 0;
	return at + 4 > end ? -1 : take_ports(value, at);
}

inline_fn void take_security_path(struct sock_value *value, struct sk_buff *packet)
{
	struct skb_ext *extensions;
	struct sec_path *path;
	__u8 id, at = 0;

	if (!bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_SEC_PATH) ||
	    !bpf_core_field_exists(packet->extensions))
		return;
	id = bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH);
	if (!(BPF_CORE_READ(packet, active_extensions) & 1U << id))
		return;
	extensions = BPF_CORE_READ(packet, extensions);
	bpf_probe_read_kernel(&at, sizeof(at), &extensions->offset[id]);
	path = (struct sec_path *)((__u64)extensions + at * 8);
	value->type = BPF_CORE_READ(path, len);
	value->state = BPF_CORE_READ(path, olen);
}

/* Reads a packet; false if there is none, or it can't be read. */
__noinline int read_packet(struct scratch *s, __u64 from)
{
	struct sk_buff *packet = (struct sk_buff *)from;
	struct sock_value *value;
	__u64 head = 0, at, end;
	__u16 protocol;
	__u8 version = 0;

	if (lacks(FEATURE_PACKETS) || !s)
		return 0;
	value = &s->sock;
	clear_sock(value);
	if (bpf_core_read(&head, sizeof(head), &packet->head))
		return 0;
	value->mark = BPF_CORE_READ(packet, mark);
	value->priority = BPF_CORE_READ(packet, priority);
	value->cookie = BPF_CORE_READ(packet, hash) | (__u64)BPF_CORE_READ(packet, len) << 32;
	take_security_path(value, packet);
	protocol = BPF_CORE_READ(packet, protocol);
	at = BPF_CORE_READ(packet, network_header);
	/* On its way out a packet gets its protocol late, but after its header. */
	if (!at || (protocol && protocol != __builtin_bswap16(ETH_P_IP) &&
		    protocol != __builtin_bswap16(ETH_P_IPV6)))
		return 1;
	at += head;
	end = head + BPF_CORE_READ(packet, tail);
	bpf_probe_read_kernel(&version, sizeof(version), (void *)at);
	version >>= 4;
	if (version != 4 && version != 6)
		return 1;
	if (take_ip(s, at, end, version))
		value->any_peer = PEER_UNREAD;
	return 1;
}

#endif
