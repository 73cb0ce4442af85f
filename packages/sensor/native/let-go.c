// SPDX-License-Identifier: Apache-2.0
/*
 * Lets held processes go when the sensor can't. Usage: let-go LONGEST, in milliseconds. Standard input: a
 * pipe from the sensor, which writes nothing to it. Descriptor 3: the map `held` (bpf/hold.bpf.h).
 * A process that has been held for LONGEST gets SIGCONT and loses its entry, which goes to the standard
 * output: PID START CGROUP SINCE. At the end of the input, which is that of the sensor, all get it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../../bpf/abi.h"

enum { MAP = 3, LOOK_MS = 250 };

static long map_call(int command, const uint32_t *key, void *value)
{
	union bpf_attr attr = { .map_fd = MAP };

	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value; /* a union with next_key */
	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

/* A hanging sensor does not read: its pipe becomes full, and the rest is lost. */
static void report(const struct held *held)
{
	if (dprintf(STDOUT_FILENO, "%" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		    held->process.pid, (uint64_t)held->process.start, (uint64_t)held->cgroup,
		    (uint64_t)held->since) < 0)
		return;
}

/* Those that have been held for `longest`, in ns. If entries vanish meanwhile, some are seen only the next time. */
static void let_go(uint64_t longest)
{
	struct held held;
	uint32_t pid, next;
	bool more = !map_call(BPF_MAP_GET_NEXT_KEY, NULL, &pid);

	for (int seen = 0; more && seen < MAX_HELD; seen++, pid = next) {
		more = !map_call(BPF_MAP_GET_NEXT_KEY, &pid, &next);
		if (map_call(BPF_MAP_LOOKUP_ELEM, &pid, &held) || now() - held.since < longest)
			continue;
		kill((pid_t)pid, SIGCONT);
		/* The sensor may have been as fast. */
		if (!map_call(BPF_MAP_DELETE_ELEM, &pid, NULL))
			report(&held);
	}
}

static bool any_left(void)
{
	uint32_t pid;

	return !map_call(BPF_MAP_GET_NEXT_KEY, NULL, &pid);
}

int main(int argc, char **argv)
{
	uint64_t longest = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000000 : 0;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int ready;

	if (!longest)
		return 2;
	/* What ends the sensor from outside must not end this first. */
	for (size_t i = 0; i < 4; i++)
		signal((int[]){ SIGINT, SIGTERM, SIGHUP, SIGPIPE }[i], SIG_IGN);
	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	while (!(ready = poll(&input, 1, LOOK_MS)) || (ready < 0 && errno == EINTR))
		let_go(longest);
	/* From now on programs hold nothing, and a process that lists itself meanwhile finds out by itself. */
	for (int i = 0; i < 8 && any_left(); i++)
		let_go(0);
	return 0;
}
