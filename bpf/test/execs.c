// SPDX-License-Identifier: Apache-2.0
/*
 * Starts programs in unusual ways: execs HOW PATH ARGUMENT…, where the arguments are those of the new program, with
 * its name. The status is that of the new program, or the error of execve. As the new program, `ran` and `show` say
 * that it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RAN = 42, RAN_WITHOUT_ARGUMENTS = 43 };

static const char *path;
static char **arguments;

static int run(char **with)
{
	execv(path, with);
	return errno;
}

static void *run_in_thread(void *unused)
{
	(void)unused;
	_exit(run(arguments));
}

static int by_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run_in_thread, NULL);
	pthread_join(thread, NULL);
	return 99;
}

static int by_vfork(void)
{
	int status;
	pid_t child = vfork();

	if (!child)
		_exit(run(arguments));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int by_descriptor(void)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
	return errno;
}

/* The last argument comes behind so many empty ones, and behind the first two. */
static int behind_many(int count)
{
	char **all = calloc(count + 4, sizeof(*all));

	all[0] = arguments[0];
	all[1] = arguments[1];
	for (int i = 0; i < count; i++)
		all[2 + i] = "";
	all[2 + count] = arguments[2];
	return run(all);
}

/* The third argument becomes so long, with its text at the end, or in the middle if there is a fourth. */
static int in_a_long_one(int size)
{
	char *text = malloc(size + 1);
	int length = strlen(arguments[2]);

	memset(text, 'x', size);
	text[size] = 0;
	memcpy(text + (arguments[3] ? size / 2 : size - length), arguments[2], length);
	arguments[2] = text;
	arguments[3] = NULL;
	return run(arguments);
}

static char changing[8];

static void *change(void *unused)
{
	(void)unused;
	for (;;) {
		memcpy(changing, "evil", 5);
		asm volatile("" ::: "memory");
		memcpy(changing, "good", 5);
		asm volatile("" ::: "memory");
	}
	return NULL;
}

/* A thread changes an argument while the kernel copies it. */
static int while_changing(void)
{
	pthread_t thread;
	char *all[] = { arguments[0], arguments[1], changing, NULL };

	memcpy(changing, "good", 5);
	pthread_create(&thread, NULL, change, NULL);
	return run(all);
}

static int with_variables(char **variables)
{
	char *all[] = { arguments[0], arguments[1], NULL };

	execve(path, all, variables);
	return errno;
}

int main(int argc, char **argv)
{
	char *none[] = { NULL };
	const char *how = argc > 1 ? argv[1] : "";

	if (argc == 1)
		return RAN_WITHOUT_ARGUMENTS;
	if (!strcmp(how, "show"))
		puts(argv[2]);
	if (!strcmp(how, "ran"))
		puts("ran");
	if (!strcmp(how, "show") || !strcmp(how, "ran"))
		return RAN;
	if (argc < 4)
		return 98;
	path = argv[2];
	arguments = argv + 3;
	if (!strcmp(how, "plain"))
		return run(arguments);
	if (!strcmp(how, "empty"))
		return run(none);
	if (!strcmp(how, "thread"))
		return by_thread();
	if (!strcmp(how, "vfork"))
		return by_vfork();
	if (!strcmp(how, "descriptor"))
		return by_descriptor();
	if (!strcmp(how, "changing"))
		return while_changing();
	if (!strcmp(how, "variables"))
		return with_variables(arguments + 2);
	if (!strcmp(how, "bytes")) {
		arguments[2] = "\xff\xfe\x80-e";
		return run(arguments);
	}
	if (!strncmp(how, "many-", 5))
		return behind_many(atoi(how + 5));
	if (!strncmp(how, "long-", 5))
		return in_a_long_one(atoi(how + 5));
	return 97;
}
