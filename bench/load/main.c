// SPDX-License-Identifier: Apache-2.0
/* Creates load in the guest and measures it outside any runtime: load MODE ARGUMENTS… */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "load.h"

void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* build/nothing, beside this program */
static const char *nothing_path(void)
{
	static char path[4096];
	ssize_t size;

	if (path[0])
		return path;
	size = readlink("/proc/self/exe", path, sizeof(path) - sizeof("nothing"));
	if (size < 0)
		fail("readlink");
	path[size] = 0;
	strcpy(strrchr(path, '/') + 1, "nothing");
	return path;
}

static void start_nothing(void)
{
	const char *path = nothing_path();
	pid_t child = vfork();

	if (child == 0) {
		execl(path, "nothing", NULL);
		_exit(98);
	}
	if (child < 0)
		fail("vfork");
}

void run_nothing(void)
{
	int status;

	start_nothing();
	if (wait(&status) < 0 || status != 0)
		fail("exec");
}

/* execs COUNT WIDTH: COUNT processes that exit at once, WIDTH at a time. */
static void execs(char **argv)
{
	long left = atol(argv[0]);
	int width = atoi(argv[1]), running = 0;

	while (left > 0 || running > 0) {
		if (left > 0 && running < width) {
			start_nothing();
			left--;
			running++;
		} else {
			wait(NULL);
			running--;
		}
	}
}

static void wait_until(long at)
{
	struct timespec when = { at / 1000000000L, at % 1000000000L };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

/* writes FILE COUNT RATE: COUNT writes of a byte, RATE a second (0: no limit); prints the nanoseconds. */
static void writes(char **argv)
{
	int file = open(argv[0], O_WRONLY | O_CREAT, 0644);
	long count = atol(argv[1]), rate = atol(argv[2]), start = clock_ns(CLOCK_MONOTONIC);

	if (file < 0)
		fail(argv[0]);
	for (long i = 0; i < count; i++) {
		/* a burst each millisecond */
		if (rate && i % (rate / 1000) == 0)
			wait_until(start + i / (rate / 1000) * 1000000L);
		if (pwrite(file, "x", 1, 0) != 1)
			fail("write");
	}
	printf("%ld\n", clock_ns(CLOCK_MONOTONIC) - start);
}

static const struct {
	const char *name;
	int arguments;
	void (*run)(char **arguments);
} modes[] = {
	{ "calls", 3, time_calls },
	{ "execs", 2, execs },
	{ "writes", 3, writes },
	{ "latency", 3, measure_latency },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (argc > 1 && !strcmp(argv[1], modes[i].name) && argc >= 2 + modes[i].arguments) {
			modes[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "load: no such mode, or too few arguments\n");
	return 2;
}
