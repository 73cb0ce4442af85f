// SPDX-License-Identifier: Apache-2.0
/*
 * Lets held processes go when the sensor can't. Usage: let-go PATIENCE, in milliseconds. Standard input: a
 * byte now and then while the sensor is well. Descriptor 3: the map `held` (bpf/hold.bpf.h). After the end
 * of the input, or PATIENCE without a byte, each process in the map gets SIGCONT and loses its entry; the
 * number of them goes to the standard output, as a line. Ends with the input.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAP = 3, MOST = 1 << 16 };

static long map_call(int command, const uint32_t *key, uint32_t *next)
{
	union bpf_attr attr = { .map_fd = MAP };

	attr.key = (uintptr_t)key;
	attr.next_key = (uintptr_t)next;
	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

/* Always takes the first entry: others may come and go meanwhile. */
static int let_all_go(void)
{
	int count = 0;

	for (uint32_t pid; count < MOST && !map_call(BPF_MAP_GET_NEXT_KEY, NULL, &pid); count++) {
		kill((pid_t)pid, SIGCONT);
		if (map_call(BPF_MAP_DELETE_ELEM, &pid, NULL) && errno != ENOENT)
			break;
	}
	return count;
}

static void report(int count)
{
	if (count > 0 && dprintf(STDOUT_FILENO, "%d\n", count) < 0)
		return; /* the sensor has gone */
}

int main(int argc, char **argv)
{
	int patience = argc > 1 ? atoi(argv[1]) : 0;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[64];
	int ready;
	ssize_t size;

	if (patience <= 0)
		return 2;
	/* What ends the sensor from outside must not end this first. */
	for (size_t i = 0; i < 4; i++)
		signal((int[]){ SIGINT, SIGTERM, SIGHUP, SIGPIPE }[i], SIG_IGN);
	for (;;) {
		ready = poll(&input, 1, patience);
		size = ready > 0 ? read(STDIN_FILENO, bytes, sizeof(bytes)) : 0;
		if (ready < 0 || size < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (ready > 0 && size > 0)
			continue;
		report(let_all_go());
		if (ready > 0)
			return 0;
	}
	let_all_go();
	return 1;
}
