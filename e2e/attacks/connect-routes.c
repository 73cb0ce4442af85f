// SPDX-License-Identifier: Apache-2.0
/* Ways round a check of who connects where: threads, other processes, addresses that change. */
#include "attack.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

/* Be connected with an allowed address first, let go of it, then connect where it is forbidden. */
static int reconnect(int argc, char **argv)
{
	struct target target = parse_target(argc - 2, argv + 2);
	struct target allowed = parse_address(argv[1], argv[2]);
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	int fd = new_socket(&allowed, 0, 0);

	must(connect(fd, sockaddr_of(&allowed), allowed.size), "connect with the allowed address");
	must(connect(fd, &nowhere, sizeof(nowhere)), "disconnect");
	must(connect(fd, sockaddr_of(&target), target.size), "connect again");
	return deliver(fd, &target);
}

/* A socket bound to one of the machine's own addresses and sent to 0.0.0.0 reaches that address. */
static int any_bound_socket(struct target *target, const char *address)
{
	struct target own = parse_address(address, "0");
	int fd = new_socket(target, 0, 0);

	must(bind(fd, sockaddr_of(&own), own.size), "bind");
	if (target->address.ss_family == AF_INET)
		((struct sockaddr_in *)&target->address)->sin_addr.s_addr = INADDR_ANY;
	else
		memset(&((struct sockaddr_in6 *)&target->address)->sin6_addr.s6_addr[12], 0, 4);
	return fd;
}

static int any_bound(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = any_bound_socket(&target, argv[1]);

	must(connect(fd, sockaddr_of(&target), target.size), "connect");
	return deliver(fd, &target);
}

static int any_bound_fastopen(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = any_bound_socket(&target, argv[1]);

	must(sendto(fd, target.text, strlen(target.text), MSG_FASTOPEN | MSG_NOSIGNAL,
		    sockaddr_of(&target), target.size),
	     "sendto");
	return delivered(fd);
}

/* TCP_REPAIR: a connected socket without a handshake. The other side refuses what it sends, but has it. */
static int repair(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0);

	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)), "TCP_REPAIR");
	must(connect(fd, sockaddr_of(&target), target.size), "connect");
	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ 0 }, sizeof(int)), "end TCP_REPAIR");
	send(fd, target.text, strlen(target.text), MSG_NOSIGNAL);
	usleep(100000);
	return EXIT_DONE;
}

static int send_file(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = new_socket(&target, 0, 0), ends[2];
	FILE *data = tmpfile();

	if (!data || pipe(ends))
		refused("temporary file");
	fputs(target.text, data);
	fflush(data);
	must(connect(fd, sockaddr_of(&target), target.size), "connect");
	must(sendfile(fd, fileno(data), &(off_t){ 0 }, strlen(target.text)), "sendfile");
	must(write(ends[1], target.text, strlen(target.text)), "write");
	must(splice(ends[0], NULL, fd, NULL, strlen(target.text), 0), "splice");
	return delivered(fd);
}

/* The socket is made here and connected by another process, which gets it over a unix socket. */
static int by_other_process(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int pair[2], fd;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	fd = new_socket(&target, 0, 0);
	if (!fork()) {
		int received = receive_fd(pair[1]);

		must(connect(received, sockaddr_of(&target), target.size), "connect");
		_exit(EXIT_DONE);
	}
	send_fd(pair[0], fd);
	/* The other process may be killed; this one has the socket all the same. */
	wait(NULL);
	return deliver(fd, &target);
}

struct shared {
	struct target target;
	int fd;
};

static int connect_only(void *argument)
{
	struct shared *shared = argument;

	return connect(shared->fd, sockaddr_of(&shared->target), shared->target.size) ? 1 : 0;
}

/* A process that shares memory and files with this one connects, and dies alone. */
static int by_shared_process(int argc, char **argv)
{
	struct shared shared = { .target = parse_target(argc, argv) };
	static char stack[1 << 16] __attribute__((aligned(16)));
	int pid;

	shared.fd = new_socket(&shared.target, 0, 0);
	pid = clone(connect_only, stack + sizeof(stack),
		    CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, &shared);
	waitpid(pid, NULL, 0);
	return deliver(shared.fd, &shared.target);
}

static void *connect_thread(void *argument)
{
	connect_only(argument);
	return NULL;
}

static void *send_thread(void *argument)
{
	struct shared *shared = argument;

	pin_to_cpu(1);
	for (int i = 0; i < 100000; i++)
		if (send(shared->fd, shared->target.text, strlen(shared->target.text),
			 MSG_NOSIGNAL) > 0)
			break;
	return NULL;
}

/* One thread connects while others hammer the same socket with data that is ready to go. */
static int prequeued(int argc, char **argv)
{
	struct shared shared = { .target = parse_target(argc, argv) };
	pthread_t connecting, sending[3];

	shared.fd = new_socket(&shared.target, 0, 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&sending[i], NULL, send_thread, &shared);
	usleep(5000);
	pin_to_cpu(0);
	pthread_create(&connecting, NULL, connect_thread, &shared);
	pthread_join(connecting, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(sending[i], NULL);
	return delivered(shared.fd);
}

struct flip {
	struct target current, allowed, forbidden;
	volatile int stop;
	bool fastopen;
};

static void *flip_address(void *argument)
{
	struct flip *flip = argument;

	pin_to_cpu(1);
	/* An emulator that runs all CPUs in one thread goes to the next one at a pause. */
	while (!flip->stop) {
		flip->current.address = flip->forbidden.address;
		__asm__ volatile("pause" ::: "memory");
		flip->current.address = flip->allowed.address;
		__asm__ volatile("pause" ::: "memory");
	}
	return NULL;
}

static void *connect_flipping(void *argument)
{
	struct flip *flip = argument;

	for (int i = 0; i < 200; i++) {
		int fd = socket(flip->current.address.ss_family, SOCK_STREAM, 0);

		if (flip->fastopen)
			sendto(fd, flip->forbidden.text, strlen(flip->forbidden.text),
			       MSG_FASTOPEN | MSG_NOSIGNAL, sockaddr_of(&flip->current),
			       flip->current.size);
		else if (!connect(fd, sockaddr_of(&flip->current), flip->current.size))
			send(fd, flip->forbidden.text, strlen(flip->forbidden.text), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* The address changes in memory while many threads connect: what was checked is not what is used. */
static int flipping_with(int argc, char **argv, bool fastopen)
{
	struct flip flip = { .forbidden = parse_target(argc - 2, argv + 2),
			     .allowed = parse_address(argv[1], argv[2]),
			     .fastopen = fastopen };
	pthread_t flipper, connecting[4];

	flip.current = flip.allowed;
	pthread_create(&flipper, NULL, flip_address, &flip);
	for (int i = 0; i < 4; i++)
		pthread_create(&connecting[i], NULL, connect_flipping, &flip);
	for (int i = 0; i < 4; i++)
		pthread_join(connecting[i], NULL);
	flip.stop = 1;
	pthread_join(flipper, NULL);
	return EXIT_DONE;
}

static int flipping(int argc, char **argv)
{
	return flipping_with(argc, argv, false);
}

static int flipping_fastopen(int argc, char **argv)
{
	return flipping_with(argc, argv, true);
}

/* Kill signals can't be blocked, but a process can be in the middle of dying: many threads at once. */
static int many_threads(int argc, char **argv)
{
	enum { THREADS = 32 };
	struct shared shared[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		shared[i].target = parse_target(argc, argv);
		shared[i].fd = new_socket(&shared[i].target, 0, 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, connect_thread, &shared[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return deliver(shared[0].fd, &shared[0].target);
}

/* Not forbidden by a policy on TCP connections: UDP. */
static int udp(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	int fd = (int)must(socket(target.address.ss_family, SOCK_DGRAM, 0), "socket");

	must(sendto(fd, target.text, strlen(target.text), 0, sockaddr_of(&target), target.size),
	     "sendto");
	must(sendto(fd, target.text, strlen(target.text), MSG_FASTOPEN, sockaddr_of(&target),
		    target.size),
	     "sendto with a flag that means nothing here");
	must(connect(fd, sockaddr_of(&target), target.size), "connect");
	must(send(fd, target.text, strlen(target.text), 0), "send");
	return EXIT_DONE;
}

/* bind() takes AF_UNSPEC for AF_INET if the address is unspecified, too. It then says where it is bound to. */
static int bind_unspecified(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_UNSPEC,
				       .sin_port = htons((uint16_t)atoi(argv[1])) };
	int type = argc > 2 && !strcmp(argv[2], "udp") ? SOCK_DGRAM : SOCK_STREAM;
	int protocol = argc > 2 && !strcmp(argv[2], "mptcp") ? IPPROTO_MPTCP : 0;
	int fd = (int)must(socket(AF_INET, type, protocol), "socket");
	socklen_t size = sizeof(address);

	must(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	must(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	printf("bound %d\n", ntohs(address.sin_port));
	return EXIT_DONE;
}

/* Not forbidden either: to end an association one connects with no address. */
static int disconnect(int argc, char **argv)
{
	struct target target = parse_target(argc, argv);
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	int fd = new_socket(&target, 0, 0);

	must(connect(fd, &nowhere, sizeof(nowhere)), "disconnect a socket never connected");
	must(connect(fd, &nowhere, sizeof(nowhere.sa_family)), "disconnect with the family alone");
	must(connect(fd, sockaddr_of(&target), target.size), "connect with the allowed address");
	must(connect(fd, &nowhere, sizeof(nowhere)), "disconnect");
	return EXIT_DONE;
}

#define TARGET "ADDRESS PORT [TEXT]"
#define VIA "ALLOWED-ADDRESS PORT ADDRESS PORT [TEXT]"
const struct command connect_route_commands[] = {
	{ "reconnect", VIA, reconnect, 4 },
	{ "connect-any-bound", TARGET, any_bound, 2 },
	{ "fastopen-any-bound", TARGET, any_bound_fastopen, 2 },
	{ "connect-repair", TARGET, repair, 2 },
	{ "connect-sendfile", TARGET, send_file, 2 },
	{ "connect-by-other-process", TARGET, by_other_process, 2 },
	{ "connect-by-shared-process", TARGET, by_shared_process, 2 },
	{ "connect-prequeued", TARGET, prequeued, 2 },
	{ "connect-many-threads", TARGET, many_threads, 2 },
	{ "connect-flipping", VIA, flipping, 4 },
	{ "fastopen-flipping", VIA, flipping_fastopen, 4 },
	{ "bind-unspecified", "PORT [udp|mptcp]", bind_unspecified, 1 },
	{ "udp", TARGET, udp, 2 },
	{ "disconnect", TARGET, disconnect, 2 },
	{ NULL, NULL, NULL, 0 },
};
