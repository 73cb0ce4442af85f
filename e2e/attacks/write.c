// SPDX-License-Identifier: Apache-2.0
/* `write METHOD ROUTE PATH TEXT`: a way to change a file times a way to get hold of it. */
#include "write.h"

#include "attack.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *split_path(const char *path, char *directory)
{
	const char *name = strrchr(path, '/') + 1;
	size_t size = (size_t)(name - path);

	memcpy(directory, path, size);
	directory[size > 1 ? size - 1 : size] = 0;
	return name;
}

static const struct method *find_method(const char *name)
{
	for (const struct method *m = methods; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	for (const struct method *m = kernel_methods; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	fprintf(stderr, "attack: no method \"%s\"\n", name);
	exit(EXIT_USAGE);
}

static const struct route *find_route(const char *name)
{
	for (const struct route *r = routes; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	for (const struct route *r = mount_routes; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	fprintf(stderr, "attack: no route \"%s\"\n", name);
	exit(EXIT_USAGE);
}

static int open_for(const struct method *method, const struct route *route, const char *path)
{
	int flags = method->flags;

	if ((flags & O_ACCMODE) == O_RDONLY)
		flags |= O_WRONLY;
	return route->open(path, flags);
}

static int write_command(int argc, char **argv)
{
	const struct method *method = find_method(argv[1]);
	const struct route *route = find_route(argv[2]);
	int fd;

	if (!strncmp(method->name, "core-dump", 9))
		allow_core_dumps();
	fd = open_for(method, route, argv[3]);
	method->write(fd, argv[4], strlen(argv[4]));
	if (route->finish)
		route->finish(fd, argv[3]);
	(void)argc;
	return EXIT_DONE;
}

/* As write, but says "opened" and waits for a line on standard input before it writes. */
static int late_write(int argc, char **argv)
{
	const struct method *method = find_method(argv[1]);
	int fd = open_for(method, find_route(argv[2]), argv[3]);
	char byte;

	puts("opened");
	fflush(stdout);
	must(read(STDIN_FILENO, &byte, 1), "wait");
	method->write(fd, argv[4], strlen(argv[4]));
	(void)argc;
	return EXIT_DONE;
}

struct crowd {
	pthread_barrier_t ready;
	const char *path, *text;
};

static void *write_at_once(void *argument)
{
	struct crowd *crowd = argument;
	int fd = open(crowd->path, O_WRONLY | O_APPEND);

	pthread_barrier_wait(&crowd->ready);
	for (int i = 0; i < 100; i++)
		write(fd, crowd->text, strlen(crowd->text));
	return NULL;
}

/* All threads of one process write in the same moment, while the first is being killed. */
static int write_threads(int argc, char **argv)
{
	int count = atoi(argv[1]);
	struct crowd crowd = { .path = argv[2], .text = argv[3] };
	pthread_t thread;

	(void)argc;
	pthread_barrier_init(&crowd.ready, NULL, (unsigned)count);
	for (int i = 1; i < count; i++)
		must(pthread_create(&thread, NULL, write_at_once, &crowd) ? -1 : 0, "thread");
	write_at_once(&crowd);
	pause();
	return EXIT_DONE;
}

/* Thousands of living processes, each with its own entry wherever processes are remembered; the
 * last one writes. */
static int write_from_crowd(int argc, char **argv)
{
	int count = atoi(argv[1]), status;
	pid_t last;

	(void)argc;
	setpgid(0, 0);
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		if (pid < 0)
			break;
	}
	last = fork();
	if (!last) {
		int fd = open(argv[2], O_WRONLY | O_APPEND);

		_exit(write(fd, argv[3], strlen(argv[3])) > 0 ? EXIT_DONE : EXIT_REFUSED);
	}
	waitpid(last, &status, 0);
	printf("%s\n", WIFSIGNALED(status) ? "killed" : WEXITSTATUS(status) ? "refused" : "done");
	fflush(stdout);
	kill(0, SIGKILL);
	return EXIT_DONE;
}

static int list_ways(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (const struct method *m = methods; m->name; m++)
		printf("method %s\n", m->name);
	for (const struct method *m = kernel_methods; m->name; m++)
		printf("method %s\n", m->name);
	for (const struct route *r = routes; r->name; r++)
		printf("route %s\n", r->name);
	for (const struct route *r = mount_routes; r->name; r++)
		printf("route %s\n", r->name);
	return EXIT_DONE;
}

const struct command write_commands[] = {
	{ "write", "METHOD ROUTE PATH TEXT", write_command, 4 },
	{ "late-write", "METHOD ROUTE PATH TEXT", late_write, 4 },
	{ "write-threads", "COUNT PATH TEXT", write_threads, 3 },
	{ "write-from-crowd", "COUNT PATH TEXT", write_from_crowd, 3 },
	{ "write-ways", "", list_ways, 0 },
	{ NULL, NULL, NULL, 0 },
};
