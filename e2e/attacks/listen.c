// SPDX-License-Identifier: Apache-2.0
/*
 * The other side: listens on a range of TCP ports of all addresses, with fast open, and appends a
 * line to a file for each TCP packet that arrives, each connection accepted, and each piece of data
 * received:
 *
 *   ready
 *   packet PORT ADDRESS
 *   accepted PORT ADDRESS
 *   received PORT ADDRESS TEXT
 *
 * ADDRESS is the one of this side: an IPv4 address is never written as a mapped one.
 */
#include "attack.h"
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum role { WIRE, LISTENER, CONNECTION };

struct range {
	int first, count;
};

static uint64_t tag(enum role role, int port, int fd)
{
	return (uint64_t)role << 48 | (uint64_t)port << 32 | (uint32_t)fd;
}

static void watch(int epoll, enum role role, int port, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag(role, port, fd) };

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void listen_on(int epoll, int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);

	if (fd < 0)
		fd = (int)must(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 64 }, sizeof(int));
	must(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	must(listen(fd, 512), "listen");
	watch(epoll, LISTENER, port, fd);
}

/* @address: where the packet goes to, as text. */
static const struct tcphdr *tcp_header(const unsigned char *packet, ssize_t size,
				       char address[INET6_ADDRSTRLEN])
{
	const struct iphdr *v4 = (const struct iphdr *)packet;
	const struct ip6_hdr *v6 = (const struct ip6_hdr *)packet;
	size_t offset;

	if (size < 20)
		return NULL;
	if (v4->version == 4 && v4->protocol == IPPROTO_TCP)
		offset = v4->ihl * 4u;
	else if (v4->version == 6 && size >= (ssize_t)sizeof(*v6) && v6->ip6_nxt == IPPROTO_TCP)
		offset = sizeof(*v6);
	else
		return NULL;
	if (v4->version == 4)
		inet_ntop(AF_INET, &v4->daddr, address, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &v6->ip6_dst, address, INET6_ADDRSTRLEN);
	return (size_t)size < offset + sizeof(struct tcphdr) ?
		       NULL :
		       (const struct tcphdr *)(packet + offset);
}

static void read_wire(int fd, struct range range)
{
	unsigned char packet[2048];
	char address[INET6_ADDRSTRLEN];
	struct sockaddr_ll from;
	ssize_t size;

	for (;;) {
		socklen_t from_size = sizeof(from);
		const struct tcphdr *tcp;
		int port;

		size = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from,
				&from_size);
		if (size < 0)
			return;
		tcp = tcp_header(packet, size, address);
		if (from.sll_pkttype == PACKET_OUTGOING || !tcp)
			continue;
		port = ntohs(tcp->dest);
		if (port >= range.first && port < range.first + range.count)
			dprintf(STDOUT_FILENO, "packet %d %s\n", port, address);
	}
}

/* The address of this side of a connection, as text. */
static void own_address(int fd, char address[INET6_ADDRSTRLEN])
{
	struct sockaddr_in6 own = { .sin6_family = AF_INET6 };
	socklen_t size = sizeof(own);

	getsockname(fd, (struct sockaddr *)&own, &size);
	if (IN6_IS_ADDR_V4MAPPED(&own.sin6_addr))
		inet_ntop(AF_INET, &own.sin6_addr.s6_addr[12], address, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &own.sin6_addr, address, INET6_ADDRSTRLEN);
}

static void accept_all(int epoll, int listener, int port)
{
	char address[INET6_ADDRSTRLEN];
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		own_address(fd, address);
		dprintf(STDOUT_FILENO, "accepted %d %s\n", port, address);
		watch(epoll, CONNECTION, port, fd);
	}
}

static void receive(int fd, int port)
{
	char text[512], address[INET6_ADDRSTRLEN];
	ssize_t size = read(fd, text, sizeof(text) - 1);

	if (size > 0) {
		text[size] = 0;
		text[strcspn(text, "\n")] = 0;
		own_address(fd, address);
		dprintf(STDOUT_FILENO, "received %d %s %s\n", port, address, text);
	}
	if (size >= 0 || errno != EAGAIN)
		close(fd);
}

static void serve(int epoll, struct range range)
{
	for (;;) {
		struct epoll_event event;
		int fd, port;

		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		fd = (int)(uint32_t)event.data.u64;
		port = (int)(event.data.u64 >> 32 & 0xffff);
		switch ((enum role)(event.data.u64 >> 48)) {
		case WIRE:
			read_wire(fd, range);
			break;
		case LISTENER:
			accept_all(epoll, fd, port);
			break;
		case CONNECTION:
			receive(fd, port);
		}
	}
}

static int listen_command(int argc, char **argv)
{
	struct range range = { .first = atoi(argv[1]), .count = atoi(argv[2]) };
	int wire = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), epoll = epoll_create1(0),
	    report;

	report = (int)must(open(argv[3], O_WRONLY | O_CREAT | O_APPEND, 0644), argv[3]);
	dup2(report, STDOUT_FILENO);
	signal(SIGPIPE, SIG_IGN);
	must(wire, "packet socket");
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 16 << 20 }, sizeof(int));
	watch(epoll, WIRE, 0, wire);
	for (int port = range.first; port < range.first + range.count; port++)
		listen_on(epoll, port);
	dprintf(STDOUT_FILENO, "ready\n");
	(void)argc;
	serve(epoll, range);
	return EXIT_DONE;
}

const struct command listen_commands[] = {
	{ "listen", "FIRST-PORT COUNT REPORT-FILE", listen_command, 3 },
	{ NULL, NULL, NULL, 0 },
};
