// SPDX-License-Identifier: Apache-2.0
/*
 * `exec METHOD PATH`: ways to start a program that lies at PATH. PATH is made first: a copy of
 * this binary (or a script) which, started as such, prints "ran".
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *leaf_argv[] = { "leaf", "leaf", NULL };
extern char **environ;

static void copy_to(int to)
{
	int from = (int)must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "/proc/self/exe");
	char buffer[65536];
	ssize_t size;

	while ((size = read(from, buffer, sizeof(buffer))) > 0)
		must(write(to, buffer, (size_t)size), "copy the program");
	close(from);
}

static void make_program(const char *path)
{
	int to = (int)must(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path);

	copy_to(to);
	close(to);
}

static void make_script(const char *path)
{
	int to = (int)must(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path);

	dprintf(to, "#!/bin/sh\necho ran\n");
	close(to);
}

static char *directory_of(const char *path)
{
	return dirname(strdup(path));
}

static char *name_of(const char *path)
{
	return basename(strdup(path));
}

static void direct(const char *path)
{
	make_program(path);
	execve(path, leaf_argv, environ);
}

static void relative(const char *path)
{
	make_program(path);
	must(chdir(directory_of(path)), "chdir");
	execve(name_of(path), leaf_argv, environ);
}

static void by_symlink(const char *path)
{
	make_program(path);
	unlink("/var/tmp/attack-program");
	must(symlink(path, "/var/tmp/attack-program"), "symlink");
	execve("/var/tmp/attack-program", leaf_argv, environ);
}

static void by_descriptor(const char *path)
{
	make_program(path);
	fexecve((int)must(open(path, O_RDONLY | O_CLOEXEC), path), leaf_argv, environ);
}

static void by_path_descriptor(const char *path)
{
	make_program(path);
	syscall(SYS_execveat, must(open(path, O_PATH), path), "", leaf_argv, environ,
		AT_EMPTY_PATH);
}

static void by_execveat(const char *path)
{
	make_program(path);
	syscall(SYS_execveat, must(open(directory_of(path), O_RDONLY), path), name_of(path),
		leaf_argv, environ, 0);
}

static void deleted(const char *path)
{
	int fd;

	make_program(path);
	fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
	unlink(path);
	fexecve(fd, leaf_argv, environ);
}

static void script(const char *path)
{
	make_script(path);
	execve(path, (char *[]){ "script", NULL }, environ);
}

static void interpreted(const char *path)
{
	make_script(path);
	execve("/bin/sh", (char *[]){ "sh", (char *)path, NULL }, environ);
}

static void change_root(const char *path)
{
	make_program(path);
	must(chroot(directory_of(path)), "chroot");
	must(chdir("/"), "chdir");
	execve(name_of(path), leaf_argv, environ);
}

static void deep(const char *path)
{
	must(chdir(directory_of(path)), "chdir");
	for (int i = 0; i < 400; i++) {
		mkdir("deep", 0755);
		must(chdir("deep"), "chdir");
	}
	make_program("program");
	execve("program", leaf_argv, environ);
}

static void from_thread(const char *path)
{
	make_program(path);
	if (!vfork())
		execve(path, leaf_argv, environ);
	usleep(200000);
	_exit(EXIT_DONE);
}

static void in_memory(const char *path)
{
	int fd = (int)must(memfd_create("attack", MFD_CLOEXEC), "memfd_create");

	(void)path;
	copy_to(fd);
	fexecve(fd, leaf_argv, environ);
}

static void hard_link(const char *path)
{
	char other[4096];

	make_program(path);
	snprintf(other, sizeof(other), "%s/../attack-linked-%d", directory_of(path), getpid());
	must(link(path, other), "link");
	execve(other, leaf_argv, environ);
}

static void bound_elsewhere(const char *path)
{
	make_program(path);
	make_directories("/var/tmp/attack-bound");
	must(mount(directory_of(path), "/var/tmp/attack-bound", NULL, MS_BIND, NULL), "bind mount");
	must(chdir("/var/tmp/attack-bound"), "chdir");
	execve(name_of(path), leaf_argv, environ);
}

/* The dynamic loader is the program, what it loads is its data. */
static void by_loader(const char *path)
{
	int to = (int)must(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path), from;
	char buffer[65536];
	ssize_t size;

	from = (int)must(open("/bin/echo", O_RDONLY | O_CLOEXEC), "/bin/echo");
	while ((size = read(from, buffer, sizeof(buffer))) > 0)
		must(write(to, buffer, (size_t)size), path);
	close(to);
	execve("/lib64/ld-linux-x86-64.so.2", (char *[]){ "ld.so", (char *)path, "ran", NULL },
	       environ);
}

static const struct {
	const char *name;
	void (*start)(const char *path);
} ways[] = {
	{ "direct", direct },
	{ "relative", relative },
	{ "symlink", by_symlink },
	{ "descriptor", by_descriptor },
	{ "path-descriptor", by_path_descriptor },
	{ "execveat", by_execveat },
	{ "deleted", deleted },
	{ "script", script },
	{ "chroot", change_root },
	{ "deep", deep },
	{ "vfork", from_thread },
	{ "interpreted", interpreted },
	{ "memory", in_memory },
	{ "hard-link", hard_link },
	{ "bound-elsewhere", bound_elsewhere },
	{ "loader", by_loader },
};

static int exec_command(int argc, char **argv)
{
	(void)argc;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, argv[1])) {
			ways[i].start(argv[2]);
			refused("exec");
		}
	fprintf(stderr, "attack: no way \"%s\"\n", argv[1]);
	return EXIT_USAGE;
}

static int leaf(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("ran");
	return EXIT_DONE;
}

const struct command exec_commands[] = {
	{ "exec", "METHOD PATH", exec_command, 2 },
	{ "leaf", "", leaf, 0 },
	{ NULL, NULL, NULL, 0 },
};
