// SPDX-License-Identifier: Apache-2.0
/*
 * Load: processes and writes as fast as the machine can, with a record of what really happened.
 * `storm` writes one line a process into TABLE:
 *
 *   INDEX PID PARENT-PID BEFORE-FORK-NS IN-MAIN-NS STATUS
 *
 * Times are CLOCK_REALTIME; STATUS as of waitpid(2).
 */
#include "attack.h"
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct storm {
	struct entry *entries;
	const char *memory; /* the file behind `entries` */
	const char *program, *how;
	int count, workers;
};

static struct entry *map_entries(const char *path, size_t count)
{
	int fd = (int)must(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path);
	void *at;

	must(ftruncate(fd, (off_t)(count * sizeof(struct entry))), "ftruncate");
	at = mmap(NULL, count * sizeof(struct entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		refused(path);
	close(fd);
	return at;
}

/* What the leaf program does, for a process that does not start it. */
_Noreturn static void be_leaf(struct entry *entry, int index)
{
	int how = end_of(index);

	entry->self.in_main = now_ns(CLOCK_REALTIME);
	entry->self.pid = getpid();
	entry->self.parent = getppid();
	if (how < 0)
		kill(getpid(), -how);
	_exit(how);
}

static void leaf_arguments(struct storm *storm, int index, char **argv, char *number)
{
	sprintf(number, "%d", index);
	argv[0] = "leaf";
	argv[1] = "storm-leaf";
	argv[2] = (char *)storm->memory;
	argv[3] = number;
	argv[4] = NULL;
}

static pid_t start_leaf(struct storm *storm, int index)
{
	char number[16], *argv[5];
	pid_t pid = -1;

	leaf_arguments(storm, index, argv, number);
	storm->entries[index].before_fork = now_ns(CLOCK_REALTIME);
	if (!strcmp(storm->how, "spawn") || !strcmp(storm->how, "threads")) {
		must(posix_spawn(&pid, storm->program, NULL, NULL, argv, environ) ? -1 : 0,
		     "spawn");
		return pid;
	}
	pid = fork();
	if (pid)
		return pid;
	if (!strcmp(storm->how, "fork")) /* no exec at all */
		be_leaf(&storm->entries[index], index);
	if (!strcmp(storm->how, "tree")) { /* a process that only forks lies in between */
		int status;

		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			storm->entries[index].status = status;
			_exit(0);
		}
	}
	execve(storm->program, argv, environ);
	_exit(127);
}

static void finish_leaf(struct storm *storm, int index, pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	if (strcmp(storm->how, "tree"))
		storm->entries[index].status = status;
}

static void run_range(struct storm *storm, int first, int step)
{
	enum { WINDOW = 4 };
	struct {
		int index;
		pid_t pid;
	} running[WINDOW];
	int n = 0;

	for (int index = first; index < storm->count; index += step) {
		if (n >= WINDOW)
			finish_leaf(storm, running[n % WINDOW].index, running[n % WINDOW].pid);
		running[n % WINDOW].index = index;
		running[n % WINDOW].pid = start_leaf(storm, index);
		n++;
	}
	for (int i = n > WINDOW ? n - WINDOW : 0; i < n; i++)
		finish_leaf(storm, running[i % WINDOW].index, running[i % WINDOW].pid);
}

struct worker {
	struct storm *storm;
	int first;
	pthread_t thread;
};

static void *worker_thread(void *argument)
{
	struct worker *worker = argument;

	run_range(worker->storm, worker->first, worker->storm->workers);
	return NULL;
}

static void run_workers(struct storm *storm)
{
	struct worker workers[64];
	int n = storm->workers = storm->workers > 64 ? 64 : storm->workers;
	bool threads = !strcmp(storm->how, "threads");

	for (int i = 0; i < n; i++) {
		workers[i] = (struct worker){ .storm = storm, .first = i };
		if (threads) {
			pthread_create(&workers[i].thread, NULL, worker_thread, &workers[i]);
		} else if (!fork()) {
			run_range(storm, i, n);
			_exit(0);
		}
	}
	for (int i = 0; i < n; i++) {
		if (threads)
			pthread_join(workers[i].thread, NULL);
		else
			wait(NULL);
	}
}

/* The leaf program lies beside this one. */
static void leaf_program(char *path, size_t size)
{
	ssize_t length = must(readlink("/proc/self/exe", path, size - 8), "readlink");

	path[length] = 0;
	strcpy(strrchr(path, '/') + 1, "leaf");
}

static int storm_command(int argc, char **argv)
{
	char memory[4096], program[4096];
	struct storm storm = { .how = argv[1],
			       .count = atoi(argv[2]),
			       .workers = atoi(argv[3]),
			       .memory = memory,
			       .program = program };
	FILE *table = fopen(argv[4], "w");

	(void)argc;
	if (!table)
		refused(argv[4]);
	snprintf(memory, sizeof(memory), "%s.memory", argv[4]);
	leaf_program(program, sizeof(program));
	storm.entries = map_entries(memory, (size_t)storm.count);
	run_workers(&storm);
	for (int i = 0; i < storm.count; i++) {
		struct entry *e = &storm.entries[i];

		fprintf(table, "%d %d %d %" PRIu64 " %" PRIu64 " %d\n", i, e->self.pid,
			e->self.parent, e->before_fork, e->self.in_main, e->status);
	}
	fclose(table);
	unlink(memory);
	return EXIT_DONE;
}

/* A bounded fork bomb: every process forks twice until DEPTH is reached. */
static int fork_tree(int argc, char **argv)
{
	int depth = atoi(argv[1]);

	(void)argc;
	while (depth-- > 0) {
		fork();
		fork();
	}
	while (wait(NULL) > 0)
		;
	return EXIT_DONE;
}

struct writes {
	const char *path;
	uint64_t count, per_second;
	_Atomic uint64_t done;
};

static void *write_thread(void *argument)
{
	struct writes *writes = argument;
	int fd = (int)must(open(writes->path, O_WRONLY | O_CREAT, 0644), writes->path);
	uint64_t begin = now_ns(CLOCK_MONOTONIC);

	for (uint64_t i = 0; i < writes->count; i++) {
		if (pwrite(fd, "x", 1, 0) == 1)
			writes->done++;
		while (writes->per_second &&
		       (now_ns(CLOCK_MONOTONIC) - begin) * writes->per_second < i * 1000000000)
			;
	}
	close(fd);
	return NULL;
}

/* Prints how many writes were done and in how many milliseconds. */
static int write_storm(int argc, char **argv)
{
	int n = argc > 4 ? atoi(argv[4]) : 1;
	struct writes writes = { .path = argv[1],
				 .count = strtoull(argv[2], NULL, 10) / (uint64_t)n,
				 .per_second = strtoull(argv[3], NULL, 10) / (uint64_t)n };
	uint64_t begin = now_ns(CLOCK_MONOTONIC);
	pthread_t threads[64];

	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, write_thread, &writes);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("%" PRIu64 " %" PRIu64 "\n", (uint64_t)writes.done,
	       (now_ns(CLOCK_MONOTONIC) - begin) / 1000000);
	return EXIT_DONE;
}

/* Rename files and directories to and fro without a pause: all who remember paths must notice. */
static int rename_storm(int argc, char **argv)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + strtoull(argv[1], NULL, 10) * 1000000000;
	char from[4096], to[4200];

	(void)argc;
	for (int i = 0; i < 100; i++) {
		snprintf(from, sizeof(from), "%s/directory-%d", argv[2], i);
		make_directories(from);
		snprintf(from, sizeof(from), "%s/file-%d", argv[2], i);
		close((int)must(open(from, O_CREAT | O_WRONLY, 0644), from));
	}
	while (now_ns(CLOCK_MONOTONIC) < end)
		for (int i = 0; i < 200; i++) {
			snprintf(from, sizeof(from), "%s/%s-%d", argv[2],
				 i & 1 ? "directory" : "file", i / 2);
			snprintf(to, sizeof(to), "%s.moved", from);
			must(rename(from, to), "rename");
			must(rename(to, from), "rename back");
		}
	return EXIT_DONE;
}

const struct command storm_commands[] = {
	{ "storm", "exec|spawn|threads|fork|tree COUNT WORKERS TABLE", storm_command, 4 },
	{ "fork-tree", "DEPTH", fork_tree, 1 },
	{ "rename-storm", "SECONDS DIRECTORY", rename_storm, 2 },
	{ "write-storm", "PATH COUNT PER-SECOND [THREADS]", write_storm, 3 },
	{ NULL, NULL, NULL, 0 },
};
