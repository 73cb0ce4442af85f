// SPDX-License-Identifier: Apache-2.0
/*
 * `hog KIND SECONDS COUNT`: takes something away from everybody else, by the means of an ordinary
 * user. Ends after SECONDS, or when standard input is closed.
 */
#include "attack.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_idle(void)
{
	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
}

static void spin(int count)
{
	(void)count;
	be_idle();
	for (;;)
		;
}

/* Writes at the end of a path of many directories: whoever reads its path is busy for long. */
static void write_deep(int count)
{
	char directory[] = "/tmp/hog-XXXXXX";
	int fd;

	(void)count;
	be_idle();
	must(mkdtemp(directory) ? 0 : -1, directory);
	must(chdir(directory), directory);
	for (int i = 0; i < 1500; i++) {
		mkdir("d", 0755);
		must(chdir("d"), "chdir");
	}
	fd = (int)must(open("file", O_CREAT | O_WRONLY, 0644), "file");
	for (;;)
		pwrite(fd, "x", 1, 0);
}

static void eat_memory(int count)
{
	size_t size = (size_t)count << 20;
	char *at = malloc(size);

	for (;;) {
		for (size_t i = 0; at && i < size; i += 4096)
			at[i]++;
		usleep(100000);
	}
}

static void eat_descriptors(int count)
{
	(void)count;
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	pause();
}

/* Each has its own entry wherever processes are remembered. */
static void live(int count)
{
	(void)count;
	for (;;)
		pause();
}

static void *wait_at(void *barrier)
{
	pthread_barrier_wait(barrier);
	return NULL;
}

/* Many threads begin and end in the same moment, again and again. */
static void end_threads(int count)
{
	for (;;) {
		pthread_barrier_t barrier;
		pthread_t threads[64];
		int n = count > 64 ? 64 : count;

		if (!fork()) {
			pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
			for (int i = 0; i < n; i++)
				if (pthread_create(&threads[i], NULL, wait_at, &barrier))
					_exit(1);
			pthread_barrier_wait(&barrier);
			pthread_exit(NULL);
		}
		wait(NULL);
	}
}

static const struct {
	const char *name;
	void (*run)(int count);
	int single; /* COUNT is for the one process and not a number of processes */
} kinds[] = {
	{ "cpu", spin, 0 },
	{ "deep-paths", write_deep, 0 },
	{ "memory", eat_memory, 1 },
	{ "descriptors", eat_descriptors, 0 },
	{ "thread-exits", end_threads, 1 },
	{ "processes", live, 0 },
};

static void start(size_t kind, int count)
{
	for (int i = 0; i < (kinds[kind].single ? 1 : count); i++)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			kinds[kind].run(count);
			_exit(0);
		}
}

static int hog(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO };
	size_t kind = 0;

	(void)argc;
	while (kind < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[kind].name, argv[1]))
		kind++;
	if (kind == sizeof(kinds) / sizeof(*kinds)) {
		fprintf(stderr, "attack: no kind \"%s\"\n", argv[1]);
		return EXIT_USAGE;
	}
	setpgid(0, 0);
	start(kind, atoi(argv[3]));
	puts("started");
	fflush(stdout);
	poll(&input, 1, atoi(argv[2]) * 1000);
	kill(0, SIGKILL);
	return EXIT_DONE;
}

const struct command hog_commands[] = {
	{ "hog", "cpu|deep-paths|memory|descriptors|thread-exits|processes SECONDS COUNT", hog, 3 },
	{ NULL, NULL, NULL, 0 },
};
