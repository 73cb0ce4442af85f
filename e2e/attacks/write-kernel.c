// SPDX-License-Identifier: Apache-2.0
/* What the kernel itself writes to a file, because a process made it do so. */
#include "attack.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATTERN "/proc/sys/kernel/core_pattern"
#define SUID_DUMPABLE "/proc/sys/fs/suid_dumpable"

/* Sets a value of /proc/sys and gives what it was. Where it cannot be set, it has to be right already. */
static char *set(const char *file, const char *value)
{
	static char before[2][256];
	static int next;
	char *old = before[next++ & 1];
	int fd = open(file, O_RDWR);
	ssize_t size;

	if (fd < 0)
		return NULL;
	size = read(fd, old, sizeof(before[0]) - 1);
	old[size > 0 ? size : 0] = 0;
	lseek(fd, 0, SEEK_SET);
	write(fd, value, strlen(value));
	close(fd);
	return old;
}

static void directory_of(int fd, char *directory)
{
	char link[64], path[4096];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0) { /* in a root without /proc, which is that directory */
		strcpy(directory, "/");
		return;
	}
	path[size] = 0;
	split_path(path, directory);
}

void allow_core_dumps(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
}

static void *crash(void *argument)
{
	/* no mere signal: the first process of a pid namespace would ignore it */
	*(volatile char *)argument = 0;
	return NULL;
}

/* What is in memory, the text too, is what the kernel writes. */
static _Noreturn void dump(const char *directory, bool by_thread, bool other_user)
{
	pthread_t thread;

	signal(SIGSEGV, SIG_DFL);
	if (directory)
		must(chdir(directory), directory);
	/* dumpable as fs.suid_dumpable says */
	if (other_user)
		must(setresuid(65534, 65534, 0), "setresuid");
	else
		prctl(PR_SET_DUMPABLE, 1);
	if (!by_thread)
		crash(NULL);
	pthread_create(&thread, NULL, crash, NULL);
	for (;;)
		pause();
}

/* The kernel removes a file with the name of the dump, so where the file is does not matter. */
static void dump_in_child(const char *directory, bool by_thread, bool other_user)
{
	pid_t child = fork();
	int status = 0;

	if (!child)
		dump(directory, by_thread, other_user);
	waitpid(child, &status, 0);
	if (WCOREDUMP(status))
		return;
	errno = EPERM;
	refused("core dump");
}

static void by_core_dump(int fd, const char *text, size_t size)
{
	char directory[4096];

	(void)text, (void)size;
	directory_of(fd, directory);
	set(PATTERN, "core");
	dump_in_child(directory, false, false);
}

static void by_core_dump_of_thread(int fd, const char *text, size_t size)
{
	char directory[4096];

	(void)text, (void)size;
	directory_of(fd, directory);
	set(PATTERN, "core");
	dump_in_child(directory, true, false);
}

/* The pattern names the place, wherever the process is. */
static void dump_to_pattern(int fd, bool other_user)
{
	char directory[4096], pattern[128];
	char *before;
	pid_t child;
	int status;

	directory_of(fd, directory);
	snprintf(pattern, sizeof(pattern), "%.100s/core.%%p", directory);
	before = set(PATTERN, pattern);
	child = fork();
	if (!child) {
		dump_in_child("/tmp", false, other_user);
		_exit(EXIT_DONE);
	}
	waitpid(child, &status, 0);
	set(PATTERN, before ? before : "core");
	if (status)
		exit(EXIT_REFUSED);
}

static void by_core_dump_to_pattern(int fd, const char *text, size_t size)
{
	(void)text, (void)size;
	dump_to_pattern(fd, false);
}

/* A process that is not its own any more: the kernel writes its dump as root. */
static void by_core_dump_as_root(int fd, const char *text, size_t size)
{
	char *before = set(SUID_DUMPABLE, "2");
	pid_t child = fork();
	int status;

	(void)text, (void)size;
	if (!child) {
		dump_to_pattern(fd, true);
		_exit(EXIT_DONE);
	}
	waitpid(child, &status, 0);
	set(SUID_DUMPABLE, before ? before : "0");
	if (status)
		exit(EXIT_REFUSED);
}

/* Swaps the blocks of two files: the other one's content is in this one then (ext4). */
static void by_move_extents(int fd, const char *text, size_t size)
{
	struct {
		uint32_t reserved, donor;
		uint64_t from, to, blocks, moved;
	} request = { .donor = (uint32_t)fd, .blocks = 1 };
	char block[4096] = "", name[] = "/var/tmp/attack.XXXXXX";
	int other = (int)must(mkstemp(name), name);

	memcpy(block, text, size);
	must(write(other, block, sizeof(block)), "write to a temporary file");
	must(fsync(other), "fsync");
	unlink(name);
	/* neither may be on its way to the disk */
	for (int i = 0; ioctl(other, _IOWR('f', 15, request), &request); i++) {
		if (errno != EBUSY || i == 50)
			refused("EXT4_IOC_MOVE_EXT");
		sync();
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		usleep(20000);
	}
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Root's way: a block device over the file, which the loop driver writes to past all checks of files. */
static void by_loop(int fd, const char *text, size_t size)
{
	struct loop_config config = { .fd = (uint32_t)fd,
				      .info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR };
	char *block = aligned_alloc(4096, 4096), device[64];
	int loop;

	if (access("/dev/loop-control", F_OK) && system("modprobe loop 2>/dev/null"))
		unsupported("loop devices");
	snprintf(device, sizeof(device), "/dev/loop%ld",
		 must(ioctl((int)must(open("/dev/loop-control", O_RDWR), "/dev/loop-control"),
			    LOOP_CTL_GET_FREE),
		      "LOOP_CTL_GET_FREE"));
	loop = (int)must(open(device, O_RDWR | O_DIRECT), device);
	must(ioctl(loop, LOOP_CONFIGURE, &config), "LOOP_CONFIGURE");
	memset(block, 0, 4096);
	memcpy(block, text, size);
	must(write(loop, block, 4096), "write to the loop device");
	fsync(loop);
}

/* Root's way as well: the kernel notes each process that ends, with its name. */
static void by_accounting(int fd, const char *text, size_t size)
{
	char link[64], path[4096];
	pid_t child;

	(void)size;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	path[must(readlink(link, path, sizeof(path) - 1), link)] = 0;
	must(acct(path), "acct");
	child = fork();
	if (!child) {
		prctl(PR_SET_NAME, text);
		_exit(EXIT_DONE);
	}
	waitpid(child, NULL, 0);
	acct(NULL);
}

const struct method kernel_methods[] = {
	{ "core-dump", by_core_dump, 0 },
	{ "core-dump-thread", by_core_dump_of_thread, 0 },
	{ "core-dump-pattern", by_core_dump_to_pattern, 0 },
	{ "core-dump-as-root", by_core_dump_as_root, 0 },
	{ "move-extents", by_move_extents, O_RDWR },
	{ "loop-direct", by_loop, O_RDWR },
	{ "accounting", by_accounting, 0 },
	{ NULL, NULL, 0 },
};
