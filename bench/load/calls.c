// SPDX-License-Identifier: Apache-2.0
/*
 * calls KIND BATCHES SIZE [FILE]: the median over BATCHES of the time of one of SIZE calls, in
 * nanoseconds with two decimals. The median leaves out batches with an interrupt; the clock is
 * read twice per batch.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load.h"

enum { MAX_SIZE = 512, MAX_BATCHES = 4096, PORT = 7070 };

static const char *file_name;
static int file, files[MAX_SIZE], listener, sender, receiver;
static struct sockaddr_in address = { .sin_family = AF_INET };
static char byte;

static void open_file(int size)
{
	(void)size;
	file = open(file_name, O_RDWR);
	if (file < 0)
		fail(file_name);
}

static void close_file(int size)
{
	(void)size;
	close(file);
}

static void read_once(int i)
{
	(void)i;
	syscall(SYS_pread64, file, &byte, 1, 0);
}

static void open_files(int size)
{
	for (int i = 0; i < size; i++)
		if ((files[i] = open(file_name, O_RDONLY)) < 0)
			fail(file_name);
}

static void close_files(int size)
{
	for (int i = 0; i < size; i++)
		close(files[i]);
}

static void read_fresh(int i)
{
	syscall(SYS_pread64, files[i], &byte, 1, 0);
}

static void none(int size)
{
	(void)size;
}

static void open_to_read(int i)
{
	files[i] = open(file_name, O_RDONLY);
}

static void open_to_write(int i)
{
	files[i] = open(file_name, O_WRONLY);
}

static void get_pid(int i)
{
	(void)i;
	syscall(SYS_getpid);
}

static void open_datagram(int size)
{
	(void)size;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(PORT);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
}

static void close_sender(int size)
{
	(void)size;
	close(sender);
}

static void connect_datagram(int i)
{
	(void)i;
	if (connect(sender, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
}

static void open_listener(int size)
{
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(PORT);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, size))
		fail("listen");
	for (int i = 0; i < size; i++)
		files[i] = socket(AF_INET, SOCK_STREAM, 0);
}

/* Resets close both ends of a connection, so that none lingers. */
static void close_connections(int size)
{
	struct linger now = { .l_onoff = 1 };

	for (int i = 0; i < size; i++) {
		setsockopt(files[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(files[i]);
	}
	close(listener);
}

static void connect_stream(int i)
{
	if (connect(files[i], (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
}

static void open_pair(int size)
{
	int pair[2];

	(void)size;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair))
		fail("socketpair");
	sender = pair[0];
	receiver = pair[1];
}

static void close_pair(int size)
{
	close_sender(size);
	close(receiver);
}

static void send_and_receive(int i)
{
	(void)i;
	if (send(sender, &byte, 1, 0) != 1 || recv(receiver, &byte, 1, 0) != 1)
		fail("send");
}

static void exec_and_exit(int i)
{
	(void)i;
	run_nothing();
}

static const struct kind {
	const char *name;
	void (*begin)(int size); /* before each batch, not measured; so is end */
	void (*call)(int i);
	void (*end)(int size);
} kinds[] = {
	{ "pread", open_file, read_once, close_file },
	{ "pread-fresh", open_files, read_fresh, close_files },
	{ "open", none, open_to_read, close_files },
	{ "open-write", none, open_to_write, close_files },
	{ "getpid", none, get_pid, none },
	{ "connect-udp", open_datagram, connect_datagram, close_sender },
	{ "connect-tcp", open_listener, connect_stream, close_connections },
	{ "send", open_pair, send_and_receive, close_pair },
	{ "exec", none, exec_and_exit, none },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(name, kinds[i].name))
			return &kinds[i];
	fprintf(stderr, "load: no kind of call %s\n", name);
	exit(2);
}

static long time_batch(const struct kind *kind, int size)
{
	long start;

	kind->begin(size);
	/* The first two calls on an open file or socket do more than later ones. */
	if (kind->call == read_once || kind->call == connect_datagram)
		kind->call(0), kind->call(0);
	start = clock_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < size; i++)
		kind->call(i);
	start = clock_ns(CLOCK_MONOTONIC) - start;
	kind->end(size);
	return start;
}

void time_calls(char **argv)
{
	const struct kind *kind = find_kind(argv[0]);
	int batches = atoi(argv[1]), size = atoi(argv[2]);
	static long times[MAX_BATCHES];

	if (batches < 1 || batches > MAX_BATCHES || size < 1 || size > MAX_SIZE) {
		fprintf(stderr, "load: at most %d batches of at most %d calls\n", MAX_BATCHES,
			MAX_SIZE);
		exit(2);
	}
	file_name = argv[3];
	time_batch(kind, size); /* warm */
	for (int i = 0; i < batches; i++)
		times[i] = time_batch(kind, size);
	qsort(times, batches, sizeof(*times), compare_longs);
	printf("%.2f\n", (double)times[batches / 2] / size);
}
