// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct target parse_address(const char *address, const char *port)
{
	struct target target = { .text = "" };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&target.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&target.address;
	char host[INET6_ADDRSTRLEN + 1];
	const char *zone = strchr(address, '%');

	snprintf(host, sizeof(host), "%.*s", zone ? (int)(zone - address) : (int)strlen(address),
		 address);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
		target.size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
		v6->sin6_scope_id = zone ? if_nametoindex(zone + 1) : 0;
		target.size = sizeof(*v6);
	} else {
		fprintf(stderr, "attack: \"%s\" is not an address\n", address);
		exit(EXIT_USAGE);
	}
	return target;
}

struct target parse_target(int argc, char **argv)
{
	struct target target = parse_address(argv[1], argv[2]);

	target.text = argc > 3 ? argv[3] : argv[0];
	return target;
}

int new_socket(const struct target *target, int flags, int protocol)
{
	return (int)must(socket(target->address.ss_family, SOCK_STREAM | flags, protocol),
			 "socket");
}

int delivered(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int error = 0;
	socklen_t size = sizeof(error);
	char byte;

	poll(&wait, 1, 3000);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		errno = error;
		refused("connection");
	}
	must(recv(fd, &byte, 1, MSG_DONTWAIT), "wait for the other side");
	return EXIT_DONE;
}

int deliver(int fd, const struct target *target)
{
	must(send(fd, target->text, strlen(target->text), MSG_NOSIGNAL), "send");
	return delivered(fd);
}
