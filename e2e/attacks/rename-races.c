// SPDX-License-Identifier: Apache-2.0
/*
 * Somebody renames while a policy looks at a path: the parent of one moment and the grandparent of the
 * next make a path that the file never had, as do the length of one name and the letters of another.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int directory_at(int at, const char *name)
{
	mkdirat(at, name, 0777);
	return (int)must(openat(at, name, O_RDONLY | O_DIRECTORY), name);
}

static off_t size_of(int fd)
{
	struct stat file;

	must(fstat(fd, &file), "fstat");
	return file.st_size;
}

struct meeting {
	volatile int is_ready, may_go;
};

static void write_at_signal(struct meeting *meeting, int fd)
{
	meeting->is_ready = 1;
	while (!meeting->may_go)
		;
	if (write(fd, "x", 1) < 0)
		_exit(EXIT_REFUSED);
	_exit(EXIT_DONE);
}

/*
 * GUARD/tree/c/…/c/y/f is written to while y goes to GUARD/safe and then GUARD/tree to FREE/tree: f is
 * below GUARD all the time, but who walks from y's old parent to the root finds FREE/tree.
 */
static int rename_tree(int argc, char **argv)
{
	int guard = (int)must(open(argv[1], O_RDONLY | O_DIRECTORY), argv[1]);
	int open_to_all = (int)must(open(argv[2], O_RDONLY | O_DIRECTORY), argv[2]);
	struct meeting *meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int depth = atoi(argv[3]), leaf = directory_at(guard, "tree"), place, file, tries = 0;
	time_t end = time(NULL) + atoi(argv[4]);
	unsigned int seed = 1;
	off_t before;

	for (int i = 0; i < depth; i++) {
		int next = directory_at(leaf, "c");

		close(leaf);
		leaf = next;
	}
	place = directory_at(leaf, "y");
	file = (int)must(openat(place, "f", O_RDWR | O_CREAT | O_APPEND, 0666), "f");
	before = size_of(file);
	for (; time(NULL) < end; tries++) {
		int delay = rand_r(&seed) % (50 * depth);
		pid_t writer;

		meeting->is_ready = meeting->may_go = 0;
		writer = (pid_t)must(fork(), "fork");
		if (!writer)
			write_at_signal(meeting, file);
		while (!meeting->is_ready)
			;
		meeting->may_go = 1;
		for (volatile int i = 0; i < delay; i++)
			;
		must(renameat(leaf, "y", guard, "safe"), "rename");
		must(renameat(guard, "tree", open_to_all, "tree"), "rename");
		waitpid(writer, NULL, 0);
		must(renameat(open_to_all, "tree", guard, "tree"), "rename back");
		must(renameat(guard, "safe", leaf, "y"), "rename back");
	}
	printf("%d tries, %ld landed\n", tries, (long)(size_of(file) - before));
	(void)argc;
	return size_of(file) > before ? EXIT_DONE : EXIT_REFUSED;
}

/* A file is written to while it swaps its name with another one; both names end with SUFFIX. */
static int rename_names(int argc, char **argv)
{
	int directory = (int)must(open(argv[1], O_RDONLY | O_DIRECTORY), argv[1]);
	time_t end = time(NULL) + atoi(argv[3]);
	char one[64], other[64];
	long tries = 0, landed = 0;
	pid_t renaming;
	int file;

	snprintf(one, sizeof(one), "b%s", argv[2]);
	snprintf(other, sizeof(other), "aaaaaaaaaaaaaaaaaa%s", argv[2]);
	file = (int)must(openat(directory, one, O_RDWR | O_CREAT | O_APPEND, 0666), one);
	close((int)must(openat(directory, other, O_RDWR | O_CREAT, 0666), other));
	renaming = (pid_t)must(fork(), "fork");
	if (!renaming)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!renaming)
		syscall(SYS_renameat2, directory, one, directory, other, RENAME_EXCHANGE);
	for (; time(NULL) < end; tries++)
		landed += write(file, "x", 1) == 1;
	kill(renaming, SIGKILL);
	waitpid(renaming, NULL, 0);
	printf("%ld tries, %ld landed\n", tries, landed);
	(void)argc;
	return landed ? EXIT_DONE : EXIT_REFUSED;
}

/* Renames files of its own in DIRECTORY until it is killed: nobody else's path changes by that. */
static int rename_own(int argc, char **argv)
{
	int directory = (int)must(open(argv[1], O_RDONLY | O_DIRECTORY), argv[1]);

	close((int)must(openat(directory, "own-1", O_RDWR | O_CREAT, 0666), "own-1"));
	puts("renaming");
	fflush(stdout);
	(void)argc;
	while (!renameat(directory, "own-1", directory, "own-2"))
		must(renameat(directory, "own-2", directory, "own-1"), "rename back");
	return EXIT_REFUSED;
}

const struct command rename_race_commands[] = {
	{ "rename-tree", "GUARD FREE DEPTH SECONDS", rename_tree, 4 },
	{ "rename-names", "DIRECTORY SUFFIX SECONDS", rename_names, 3 },
	{ "rename-own", "DIRECTORY", rename_own, 1 },
	{ NULL, NULL, NULL, 0 },
};
