// SPDX-License-Identifier: Apache-2.0
/* Ways to open a TCP connection from one thread: one system call interface each. */
#include "attack.h"
#include "net.h"
#include "uring.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int connect_and_deliver(struct target *target, int protocol, socklen_t size)
{
	int fd = new_socket(target, 0, protocol);

	must(connect(fd, sockaddr_of(target), size), "connect");
	return deliver(fd, target);
}

static int plain(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return connect_and_deliver(&target, 0, target.size);
}

/* The least the kernel takes as an IPv6 address has no scope id: 24 bytes (RFC 2133). */
static int short_address(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return connect_and_deliver(&target, 0, target.size == sizeof(struct sockaddr_in) ? 16 : 24);
}

static int long_address(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return connect_and_deliver(&target, 0, sizeof(target.address));
}

static int mptcp(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return connect_and_deliver(&target, IPPROTO_MPTCP, target.size);
}

static int smc_inet(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return connect_and_deliver(&target, IPPROTO_SMC, target.size);
}

static int smc_socket(const struct target *target)
{
	return (int)must(socket(AF_SMC, SOCK_STREAM, target->address.ss_family == AF_INET6),
			 "AF_SMC socket");
}

static int smc(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = smc_socket(&target);

	must(connect(fd, sockaddr_of(&target), target.size), "connect");
	return deliver(fd, &target);
}

static int nonblocking(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, SOCK_NONBLOCK, 0);
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	if (connect(fd, sockaddr_of(&target), target.size) && errno != EINPROGRESS)
		refused("connect");
	poll(&writable, 1, 3000);
	return deliver(fd, &target);
}

static int fastopen_sendto_on(int fd, struct target *target)
{
	must(sendto(fd, target->text, strlen(target->text), MSG_FASTOPEN | MSG_NOSIGNAL,
		    sockaddr_of(target), target->size),
	     "sendto");
	return delivered(fd);
}

static int fastopen_sendto(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_sendto_on(new_socket(&target, 0, 0), &target);
}

static int fastopen_mptcp(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_sendto_on(new_socket(&target, 0, IPPROTO_MPTCP), &target);
}

static int fastopen_smc(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_sendto_on(smc_socket(&target), &target);
}

static int fastopen_smc_inet(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_sendto_on(new_socket(&target, 0, IPPROTO_SMC), &target);
}

static int fastopen_short(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	target.size = target.size == sizeof(struct sockaddr_in) ? 16 : 24;
	return fastopen_sendto_on(new_socket(&target, 0, 0), &target);
}

static struct msghdr message_to(struct target *target, struct iovec *data)
{
	*data = (struct iovec){ .iov_base = (void *)target->text, .iov_len = strlen(target->text) };
	return (struct msghdr){ .msg_name = &target->address,
				.msg_namelen = target->size,
				.msg_iov = data,
				.msg_iovlen = 1 };
}

static int fastopen_sendmsg(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0);
	struct iovec data;
	struct msghdr message = message_to(&target, &data);

	must(sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL), "sendmsg");
	return delivered(fd);
}

static int fastopen_sendmmsg(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0);
	struct iovec data;
	struct mmsghdr messages[2] = { { .msg_hdr = message_to(&target, &data) },
				       { .msg_hdr = message_to(&target, &data) } };

	must(sendmmsg(fd, messages, 2, MSG_FASTOPEN | MSG_NOSIGNAL), "sendmmsg");
	return delivered(fd);
}

static int fastopen_deferred_on(int fd, struct target *target)
{
	must(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)),
	     "TCP_FASTOPEN_CONNECT");
	must(connect(fd, sockaddr_of(target), target->size), "connect");
	must(write(fd, target->text, strlen(target->text)), "write");
	return delivered(fd);
}

static int fastopen_deferred(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_deferred_on(new_socket(&target, 0, 0), &target);
}

static int fastopen_deferred_mptcp(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);

	return fastopen_deferred_on(new_socket(&target, 0, IPPROTO_MPTCP), &target);
}

/* connect_by_uring: `polled`: a kernel thread does it; `sqe_flags` IOSQE_ASYNC: a worker does. */
static int connect_by_uring(int argc, char **argv, bool polled, uint8_t sqe_flags)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0), result;
	struct uring ring;

	uring_open(&ring, polled);
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
							.flags = sqe_flags,
							.fd = fd,
							.addr = (uintptr_t)&target.address,
							.off = target.size });
	errno = -result;
	must(result < 0 ? -1 : 0, "io_uring connect");
	return deliver(fd, &target);
}

static int uring_connect(int argc, char **argv)
{
	return connect_by_uring(argc, argv, false, 0);
}

static int uring_connect_polled(int argc, char **argv)
{
	return connect_by_uring(argc, argv, true, 0);
}

static int uring_connect_worker(int argc, char **argv)
{
	return connect_by_uring(argc, argv, false, IOSQE_ASYNC);
}

/* The socket has no file descriptor at all: it lives in the ring's own table. */
static int uring_direct(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	struct uring ring;
	int result;

	uring_open(&ring, false);
	uring_register_file(&ring, -1);
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = IORING_OP_SOCKET,
							.fd = target.address.ss_family,
							.off = SOCK_STREAM,
							.file_index = 1 });
	errno = -result;
	must(result < 0 ? -1 : 0, "io_uring socket");
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
							.flags = IOSQE_FIXED_FILE,
							.addr = (uintptr_t)&target.address,
							.off = target.size });
	errno = -result;
	must(result < 0 ? -1 : 0, "io_uring connect");
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = IORING_OP_SEND,
							.flags = IOSQE_FIXED_FILE,
							.addr = (uintptr_t)target.text,
							.len = (unsigned)strlen(target.text) });
	errno = -result;
	must(result < 0 ? -1 : 0, "io_uring send");
	usleep(300000);
	return EXIT_DONE;
}

static int sendmsg_by_uring(int argc, char **argv, bool polled, uint8_t opcode)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0), result;
	struct iovec data;
	struct msghdr message = message_to(&target, &data);
	struct uring ring;

	uring_open(&ring, polled);
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = opcode,
							.fd = fd,
							.addr = (uintptr_t)&message,
							.len = 1,
							.msg_flags = MSG_FASTOPEN | MSG_NOSIGNAL });
	errno = result == -EINVAL ? ENOSYS : -result;
	must(result < 0 ? -1 : 0, "io_uring sendmsg");
	return delivered(fd);
}

static int uring_fastopen(int argc, char **argv)
{
	return sendmsg_by_uring(argc, argv, false, IORING_OP_SENDMSG);
}

static int uring_fastopen_polled(int argc, char **argv)
{
	return sendmsg_by_uring(argc, argv, true, IORING_OP_SENDMSG);
}

static int uring_fastopen_zerocopy(int argc, char **argv)
{
	return sendmsg_by_uring(argc, argv, false, IORING_OP_SENDMSG_ZC);
}

/* send with an address of its own: SEND_ZC from 6.0 on */
static int uring_send_fastopen(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0), result;
	struct uring ring;

	uring_open(&ring, false);
	result = uring_do(&ring, (struct io_uring_sqe){ .opcode = IORING_OP_SEND_ZC,
							.fd = fd,
							.addr = (uintptr_t)target.text,
							.len = (unsigned)strlen(target.text),
							.addr2 = (uintptr_t)&target.address,
							.addr_len = (uint16_t)target.size,
							.msg_flags = MSG_FASTOPEN | MSG_NOSIGNAL });
	errno = result == -EINVAL ? ENOSYS : -result;
	must(result < 0 ? -1 : 0, "io_uring send");
	return delivered(fd);
}

/* A 32-bit program's way in: connect through socketcall(2) by interrupt 0x80. */
static int compat_call(int argc, char **argv)
{
#ifdef __x86_64__
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0);
	/* Everything a 32-bit pointer points to lies below 4 GB. */
	char *low = (char *)syscall(SYS_mmap, 0x10000000, 4096, 3, 0x32, -1, 0);
	uint32_t *arguments = (uint32_t *)low;
	long result;

	memcpy(low + 64, &target.address, target.size);
	arguments[0] = (uint32_t)fd;
	arguments[1] = (uint32_t)(uintptr_t)(low + 64);
	arguments[2] = target.size;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(102), "b"(3), "c"((uint32_t)(uintptr_t)arguments)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = -(int)result;
	must((int)result < 0 ? -1 : 0, "32-bit socketcall");
	return deliver(fd, &target);
#else
	(void)argc, (void)argv;
	errno = ENOSYS;
	unsupported("a 32-bit call");
#endif
}

#define TARGET "ADDRESS PORT [TEXT]"
const struct command connect_commands[] = {
	{ "connect", TARGET, plain, 2 },
	{ "connect-nonblocking", TARGET, nonblocking, 2 },
	{ "connect-short-address", TARGET, short_address, 2 },
	{ "connect-long-address", TARGET, long_address, 2 },
	{ "connect-compat", TARGET, compat_call, 2 },
	{ "connect-mptcp", TARGET, mptcp, 2 },
	{ "connect-smc", TARGET, smc, 2 },
	{ "connect-smc-inet", TARGET, smc_inet, 2 },
	{ "fastopen-sendto", TARGET, fastopen_sendto, 2 },
	{ "fastopen-sendmsg", TARGET, fastopen_sendmsg, 2 },
	{ "fastopen-sendmmsg", TARGET, fastopen_sendmmsg, 2 },
	{ "fastopen-short-address", TARGET, fastopen_short, 2 },
	{ "fastopen-deferred", TARGET, fastopen_deferred, 2 },
	{ "fastopen-mptcp", TARGET, fastopen_mptcp, 2 },
	{ "fastopen-deferred-mptcp", TARGET, fastopen_deferred_mptcp, 2 },
	{ "fastopen-smc", TARGET, fastopen_smc, 2 },
	{ "fastopen-smc-inet", TARGET, fastopen_smc_inet, 2 },
	{ "uring-connect", TARGET, uring_connect, 2 },
	{ "uring-connect-polled", TARGET, uring_connect_polled, 2 },
	{ "uring-connect-worker", TARGET, uring_connect_worker, 2 },
	{ "uring-connect-direct", TARGET, uring_direct, 2 },
	{ "uring-fastopen", TARGET, uring_fastopen, 2 },
	{ "uring-fastopen-polled", TARGET, uring_fastopen_polled, 2 },
	{ "uring-fastopen-zerocopy", TARGET, uring_fastopen_zerocopy, 2 },
	{ "uring-send-fastopen", TARGET, uring_send_fastopen, 2 },
	{ NULL, NULL, NULL, 0 },
};
