// SPDX-License-Identifier: Apache-2.0
/* Ways to get hold of a file without mounting anything. */
#include "attack.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int opened(int fd, const char *path)
{
	return (int)must(fd, path);
}

static int direct(const char *path, int flags)
{
	return opened(open(path, flags | O_CREAT, 0644), path);
}

static int open_directory(const char *path, const char **name)
{
	static char directory[4096];

	*name = split_path(path, directory);
	return opened(open(directory, O_RDONLY | O_DIRECTORY), directory);
}

static int relative(const char *path, int flags)
{
	const char *name;
	int directory = open_directory(path, &name);

	return opened(openat(directory, name, flags | O_CREAT, 0644), path);
}

static int working_directory(const char *path, int flags)
{
	const char *name;
	int directory = open_directory(path, &name);

	must(fchdir(directory), "fchdir");
	return opened(open(name, flags | O_CREAT, 0644), path);
}

static int resolve(const char *path, int flags, uint64_t how)
{
	const char *name;
	int directory = open_directory(path, &name);
	struct open_how request = { .flags = (uint64_t)flags, .resolve = how };

	return opened((int)syscall(SYS_openat2, directory, name, &request, sizeof(request)), path);
}

static int in_root(const char *path, int flags)
{
	return resolve(path, flags, RESOLVE_IN_ROOT);
}

static int beneath(const char *path, int flags)
{
	return resolve(path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int dots(const char *path, int flags)
{
	char long_way[8192];

	snprintf(long_way, sizeof(long_way), "/tmp/../tmp/..//.%s", path);
	return opened(open(long_way, flags), long_way);
}

static int proc_root(const char *path, int flags)
{
	char long_way[8192];

	snprintf(long_way, sizeof(long_way), "/proc/self/root%s", path);
	return opened(open(long_way, flags), long_way);
}

static int proc_fd(const char *path, int flags)
{
	char link[64];
	int fd = opened(open(path, O_PATH), path);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return opened(open(link, flags), link);
}

static int symbolic_link(const char *path, int flags)
{
	unlink("/tmp/attack-link");
	must(symlink(path, "/tmp/attack-link"), "symlink");
	return opened(open("/tmp/attack-link", flags), path);
}

/* A helper process that ends with this one. */
static pid_t companion(void)
{
	pid_t child = fork();

	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static int from_other_process(const char *path, int flags)
{
	int pair[2], fd;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	if (!companion()) {
		send_fd(pair[1], opened(open(path, flags), path));
		pause();
	}
	fd = receive_fd(pair[0]);
	return opened(fd, "receive a file");
}

static int taken_from_process(const char *path, int flags)
{
	int ready[2], child, fd;
	char byte = 0;

	must(pipe(ready), "pipe");
	child = companion();
	if (!child) {
		dup2(opened(open(path, flags), path), 100);
		must(write(ready[1], "x", 1), "write");
		pause();
	}
	must(read(ready[0], &byte, 1), "read");
	fd = (int)must(syscall(SYS_pidfd_open, child, 0), "pidfd_open");
	return opened((int)syscall(SYS_pidfd_getfd, fd, 100, 0), "pidfd_getfd");
}

/* The file is written to where that is allowed, so that its path is known, then moved. */
static int renamed_to(const char *path, int flags)
{
	char elsewhere[64];
	int fd;

	snprintf(elsewhere, sizeof(elsewhere), "/var/tmp/attack-%d", getpid());
	fd = opened(open(elsewhere, flags | O_CREAT, 0644), elsewhere);
	for (int i = 0; i < 100; i++)
		must(pwrite(fd, "moved\n", 6, 0), "write where it is allowed");
	must(ftruncate(fd, 0), "ftruncate");
	must(rename(elsewhere, path), "rename");
	return fd;
}

static int directory_renamed_to(const char *path, int flags)
{
	char elsewhere[64], file[4200], directory[4096];
	const char *name = split_path(path, directory);
	int fd;

	snprintf(elsewhere, sizeof(elsewhere), "/var/tmp/attack-%d", getpid());
	must(mkdir(elsewhere, 0755), elsewhere);
	snprintf(file, sizeof(file), "%s/%s", elsewhere, name);
	fd = opened(open(file, flags | O_CREAT, 0644), file);
	for (int i = 0; i < 100; i++)
		must(pwrite(fd, "moved\n", 6, 0), "write where it is allowed");
	must(ftruncate(fd, 0), "ftruncate");
	must(rename(elsewhere, directory), "rename");
	return fd;
}

/* A directory that lies deeper than a path can say is reached step by step. */
static int deep_with(const char *path, int flags, int depth, const char *step)
{
	const char *name;
	int at = open_directory(path, &name);

	for (int i = 0; i < depth; i++) {
		int next;

		mkdirat(at, step, 0755);
		next = opened(openat(at, step, O_RDONLY | O_DIRECTORY), step);
		close(at);
		at = next;
	}
	return opened(openat(at, name, flags | O_CREAT, 0644), path);
}

static int deep_20(const char *path, int flags)
{
	return deep_with(path, flags, 20, "d");
}

static int deep_60(const char *path, int flags)
{
	return deep_with(path, flags, 60, "d");
}

static int deep_500(const char *path, int flags)
{
	return deep_with(path, flags, 500, "d");
}

static int deep_1900(const char *path, int flags)
{
	return deep_with(path, flags, 1900, "d");
}

static int deep_3000(const char *path, int flags)
{
	return deep_with(path, flags, 3000, "d");
}

#define LONG_STEP                                                                                  \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567890123456789"

static int long_2(const char *path, int flags)
{
	return deep_with(path, flags, 2, LONG_STEP);
}

static int long_15(const char *path, int flags)
{
	return deep_with(path, flags, 15, LONG_STEP);
}

static int long_40(const char *path, int flags)
{
	return deep_with(path, flags, 40, LONG_STEP);
}

static int change_root(const char *path, int flags)
{
	static char directory[4096];
	const char *name = split_path(path, directory);

	must(chroot(directory), "chroot");
	must(chdir("/"), "chdir");
	return opened(open(name, flags | O_CREAT, 0644), path);
}

/* Opened outside, written inside of another root. */
static int change_root_later(const char *path, int flags)
{
	int fd = opened(open(path, flags), path);

	must(chroot("/var/tmp"), "chroot");
	return fd;
}

static int new_namespaces(const char *path, int flags)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		     CLONE_NEWCGROUP),
	     "unshare");
	return opened(open(path, flags), path);
}

static int new_user_namespace(const char *path, int flags)
{
	int fd = opened(open(path, flags), path);

	must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	return fd;
}

static int nameless(const char *path, int flags)
{
	static char directory[4096];

	split_path(path, directory);
	return opened(open(directory, flags | O_TMPFILE, 0644), directory);
}

static void give_name(int fd, const char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	must(unlink(path), "unlink");
	must(linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW), "linkat");
}

static int hard_link(const char *path, int flags)
{
	char name[64];

	/* Of its own: another user's can't be removed there. */
	snprintf(name, sizeof(name), "/var/tmp/attack-hard-link-%d", getpid());
	unlink(name);
	must(link(path, name), "link");
	return opened(open(name, flags), path);
}

/* A file handle opened while nothing in memory knows the file's name. */
static int by_handle(const char *path, int flags)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} to = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, mount = opened(open("/var", O_RDONLY), "/var"), caches;

	must(name_to_handle_at(AT_FDCWD, path, &to.handle, &mount_id, 0), "name_to_handle_at");
	sync();
	caches = open("/proc/sys/vm/drop_caches", O_WRONLY);
	must(write(caches, "3", 1), "drop caches");
	return opened(open_by_handle_at(mount, &to.handle, flags), path);
}

const struct route routes[] = {
	{ "open", direct, NULL },
	{ "relative", relative, NULL },
	{ "working-directory", working_directory, NULL },
	{ "in-root", in_root, NULL },
	{ "beneath", beneath, NULL },
	{ "dots", dots, NULL },
	{ "proc-root", proc_root, NULL },
	{ "proc-fd", proc_fd, NULL },
	{ "symlink", symbolic_link, NULL },
	{ "from-other-process", from_other_process, NULL },
	{ "taken-from-process", taken_from_process, NULL },
	{ "renamed-to", renamed_to, NULL },
	{ "directory-renamed-to", directory_renamed_to, NULL },
	{ "deep-20", deep_20, NULL },
	{ "deep-60", deep_60, NULL },
	{ "deep-500", deep_500, NULL },
	{ "deep-1900", deep_1900, NULL },
	{ "deep-3000", deep_3000, NULL },
	{ "long-2", long_2, NULL },
	{ "long-15", long_15, NULL },
	{ "long-40", long_40, NULL },
	{ "chroot", change_root, NULL },
	{ "chroot-later", change_root_later, NULL },
	{ "namespaces", new_namespaces, NULL },
	{ "user-namespace", new_user_namespace, NULL },
	{ "nameless", nameless, give_name },
	{ "hard-link", hard_link, NULL },
	{ "handle", by_handle, NULL },
	{ NULL, NULL, NULL },
};
