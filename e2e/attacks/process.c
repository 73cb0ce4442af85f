// SPDX-License-Identifier: Apache-2.0
/* What all attacks share: how they end, clocks, passing file descriptors. */
#include "attack.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Noreturn void refused(const char *what)
{
	fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
	_exit(EXIT_REFUSED);
}

_Noreturn void unsupported(const char *what)
{
	fprintf(stderr, "attack: %s is not possible here: %s\n", what, strerror(errno));
	_exit(EXIT_UNSUPPORTED);
}

long must(long result, const char *what)
{
	if (result >= 0)
		return result;
	switch (errno) {
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ENOPROTOOPT:
		unsupported(what);
	default:
		refused(what);
	}
}

uint64_t now_ns(int clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

void send_fd(int socket, int fd)
{
	union control control = { .bytes = { 0 } };
	char byte = 'x';
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	must(sendmsg(socket, &message, 0), "send a file descriptor");
}

int receive_fd(int socket)
{
	union control control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header;
	int fd = -1;

	must(recvmsg(socket, &message, 0), "receive a file descriptor");
	header = CMSG_FIRSTHDR(&message);
	if (header)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

void make_directories(const char *path)
{
	char part[4096];

	for (size_t i = 1; i < sizeof(part); i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0755) && errno != EEXIST)
			refused(part);
		if (!path[i])
			return;
	}
}
