// SPDX-License-Identifier: Apache-2.0
/*
 * Does one thing, as a program of a container: what the cases of a policy's test name (src/operations.ts).
 *
 *   act ENVIRONMENT OPERATION ARGUMENT…
 *   act series SECONDS (COUNT OPERATION ARGUMENT…)…
 *
 * ENVIRONMENT is `here`: the container in which it was started; or `container:ROOT:CGROUP`: namespaces of its own, the
 * folder ROOT as its root, a new process in CGROUP; with `:PROGRAM` behind it, that is a copy of this program in ROOT,
 * which then does it. It exits with 0 if the operation succeeded, with 121 if the kernel refused it (standard error
 * says the errno's name), with 123 if the test itself is wrong; a program that was executed ends as it likes. Who is
 * killed is seen by the caller.
 *
 * `series` waits, and then does one operation after the other, each in a process of its own; COUNT is the number of
 * words that follow. It ends as the last one does, with 122 if the kernel refused an earlier one, with 124 if the
 * container lacks a program.
 *
 * Outside of a container it does nothing. A copy of it with another name that is given something else is a program
 * that does nothing, in the place of one that an image lacks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	DONE,
	MOUNT_MOVE_FROM_EMPTY = 4,
	REFUSED = 121,
	REFUSED_EARLIER,
	WRONG,
	MISSING,
	/* include/linux/proc_ns.h: the machine's own pid namespace. */
	FIRST_PID_NAMESPACE = 0xEFFFFFFC,
};

#ifndef SYS_move_mount
#define SYS_move_mount 429
#define SYS_open_tree 428
#endif

_Noreturn static void fail(int status, const char *what)
{
	fprintf(stderr, "%s %s\n", strerrorname_np(errno) ?: "?", what);
	_exit(status);
}

static long must(long result, const char *what)
{
	if (result < 0)
		fail(REFUSED, what);
	return result;
}

/* Something that the test needs and that no policy is meant to refuse. */
static long need(long result, const char *what)
{
	if (result < 0)
		fail(WRONG, what);
	return result;
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (*end || end == text)
		errno = EINVAL, fail(WRONG, text);
	return value;
}

static int opened(const char *path, int flags)
{
	return must(open(path, flags | O_CLOEXEC, 0644), path);
}

static void do_read(char **argv)
{
	char byte;

	must(read(opened(argv[0], O_RDONLY), &byte, 1), "read");
}

static void do_open(char **argv)
{
	opened(argv[0], O_RDONLY | O_NONBLOCK);
}

/* Nothing is written: a file of the kernel would act on it. */
static void do_open_to_write(char **argv)
{
	opened(argv[0], O_WRONLY | O_NONBLOCK);
}

static void do_write(char **argv)
{
	must(write(opened(argv[0], O_WRONLY), "x", 1), "write");
}

static void do_append(char **argv)
{
	must(write(opened(argv[0], O_WRONLY | O_APPEND), "x", 1), "write");
}

static void do_create(char **argv)
{
	must(write(opened(argv[0], O_WRONLY | O_CREAT | O_EXCL), "x", 1), "write");
}

static void do_empty(char **argv)
{
	opened(argv[0], O_RDONLY | O_TRUNC);
}

static void do_truncate(char **argv)
{
	must(truncate(argv[0], 0), "truncate");
}

static void do_map_shared(char **argv)
{
	char *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, opened(argv[0], O_RDWR), 0);

	must(at == MAP_FAILED ? -1 : 0, "mmap");
	at[0] = 'x';
}

static void do_map_code(char **argv)
{
	int file = opened(argv[0], O_RDONLY);

	must(mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0,
	     "mmap");
}

static void do_map_then_code(char **argv)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, opened(argv[0], O_RDONLY), 0);

	need(at == MAP_FAILED ? -1 : 0, "mmap");
	must(mprotect(at, 4096, PROT_READ | PROT_EXEC), "mprotect");
}

static void do_rename(char **argv)
{
	must(rename(argv[0], argv[1]), "rename");
}

static void do_exchange(char **argv)
{
	must(renameat2(AT_FDCWD, argv[0], AT_FDCWD, argv[1], RENAME_EXCHANGE), "renameat2");
}

static void do_link(char **argv)
{
	must(link(argv[0], argv[1]), "link");
}

static void do_symlink(char **argv)
{
	must(symlink(argv[0], argv[1]), "symlink");
}

static void do_unlink(char **argv)
{
	must(unlink(argv[0]), "unlink");
}

static void do_mkdir(char **argv)
{
	must(mkdir(argv[0], 0755), "mkdir");
}

static void do_rmdir(char **argv)
{
	must(rmdir(argv[0]), "rmdir");
}

static void do_chmod(char **argv)
{
	must(chmod(argv[0], number(argv[1])), "chmod");
}

static void do_chown(char **argv)
{
	must(chown(argv[0], number(argv[1]), -1), "chown");
}

static void do_set_attribute(char **argv)
{
	/* The value of security.capability is checked: version 2, nothing permitted. */
	static const uint32_t none[5] = { 0x02000000 };

	must(setxattr(argv[0], argv[1], none, sizeof(none), 0), "setxattr");
}

static void do_remove_attribute(char **argv)
{
	must(removexattr(argv[0], argv[1]), "removexattr");
}

static void do_make_device(char **argv)
{
	mode_t type = *argv[1] == 'c' ? S_IFCHR : *argv[1] == 'b' ? S_IFBLK : S_IFIFO;

	must(mknod(argv[0], type | 0600, makedev(number(argv[2]), number(argv[3]))), "mknod");
}

static void do_mount(char **argv)
{
	must(mount("none", argv[1], argv[0], 0, NULL), "mount");
}

static void do_bind(char **argv)
{
	must(mount(argv[0], argv[1], NULL, MS_BIND, NULL), "mount");
}

static void do_move_mount(char **argv)
{
	int tree = need(syscall(SYS_open_tree, AT_FDCWD, argv[0], 1 /* a clone */), "open_tree");

	must(syscall(SYS_move_mount, tree, "", AT_FDCWD, argv[1], MOUNT_MOVE_FROM_EMPTY),
	     "move_mount");
}

static void do_change_root(char **argv)
{
	must(chroot(argv[0]), "chroot");
}

static void do_enter(char **argv)
{
	must(setns(opened(argv[0], O_RDONLY), 0), "setns");
}

static void do_unshare(char **argv)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {
		{ "user", CLONE_NEWUSER },
		{ "mnt", CLONE_NEWNS },
		{ "net", CLONE_NEWNET },
		{ "pid", CLONE_NEWPID },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[0])) {
			must(unshare(kinds[i].flag), "unshare");
			return;
		}
	errno = EINVAL;
	fail(WRONG, argv[0]);
}

/* A process that waits for its end. */
static pid_t victim(char *memory)
{
	pid_t child = need(fork(), "fork");

	if (!child) {
		memory[0] = 1;
		for (;;)
			pause();
	}
	usleep(50000);
	return child;
}

static char page[4096];

static void finish(pid_t child, long result, const char *what)
{
	int error = errno;

	kill(child, SIGKILL);
	waitpid(child, NULL, __WALL);
	errno = error;
	must(result, what);
}

static void do_trace(char **argv)
{
	pid_t child = victim(page);

	(void)argv;
	finish(child, ptrace(PTRACE_ATTACH, child, 0, 0), "ptrace");
}

static void do_write_memory(char **argv)
{
	struct iovec from = { "x", 1 }, to = { page + 1, 1 };
	pid_t child = victim(page);

	(void)argv;
	finish(child, process_vm_writev(child, &from, 1, &to, 1, 0), "process_vm_writev");
}

static void do_open_memory(char **argv)
{
	pid_t child = victim(page);
	char path[64];

	(void)argv;
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	finish(child, open(path, O_RDWR), path);
}

static void do_read_environment(char **argv)
{
	pid_t child = victim(page);
	char path[64];

	(void)argv;
	snprintf(path, sizeof(path), "/proc/%d/environ", child);
	finish(child, open(path, O_RDONLY), path);
}

static int named(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {
		{ "inet", AF_INET }, { "inet6", AF_INET6 },	{ "packet", AF_PACKET },
		{ "unix", AF_UNIX }, { "stream", SOCK_STREAM }, { "datagram", SOCK_DGRAM },
		{ "raw", SOCK_RAW },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].value;
	errno = EINVAL;
	fail(WRONG, name);
}

static void do_socket(char **argv)
{
	must(socket(named(argv[0]), named(argv[1]), 0), "socket");
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* `10.0.0.1:443`, `[fd00::1]:443`, or the path of a socket. */
static socklen_t address_of(const char *text, union address *address)
{
	char host[128];
	int port;

	memset(address, 0, sizeof(*address));
	if (*text == '/') {
		address->local.sun_family = AF_UNIX;
		strncpy(address->local.sun_path, text, sizeof(address->local.sun_path) - 1);
		return sizeof(address->local);
	}
	if (sscanf(text, "[%127[^]]]:%d", host, &port) == 2 &&
	    inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons(port);
		return sizeof(address->v6);
	}
	if (sscanf(text, "%127[^:]:%d", host, &port) == 2 &&
	    inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(port);
		return sizeof(address->v4);
	}
	errno = EINVAL;
	fail(WRONG, text);
}

/* Whether someone listens there is no matter: the kernel asks before. */
static void reach(const char *to, int type, bool by_message)
{
	union address address;
	socklen_t size = address_of(to, &address);
	int fd = need(socket(address.any.sa_family, type | SOCK_NONBLOCK, 0), "socket"), flags = 0;
	long result;

	if (by_message && type == SOCK_STREAM)
		flags = MSG_FASTOPEN;
	result = by_message ? sendto(fd, "x", 1, flags, &address.any, size) :
			      connect(fd, &address.any, size);
	if (result < 0 && errno != EPERM && errno != EACCES)
		return;
	must(result, by_message ? "sendto" : "connect");
}

static void do_connect(char **argv)
{
	reach(argv[0], SOCK_STREAM, false);
}

static void do_connect_udp(char **argv)
{
	reach(argv[0], SOCK_DGRAM, false);
}

static void do_send(char **argv)
{
	reach(argv[0], SOCK_DGRAM, true);
}

static void do_fast_open(char **argv)
{
	reach(argv[0], SOCK_STREAM, true);
}

static int listening(const char *path)
{
	union address address;
	socklen_t size = address_of(path, &address);
	int fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	unlink(path);
	need(bind(fd, &address.any, size), path);
	need(listen(fd, 8), "listen");
	return fd;
}

/* To a socket that it makes itself: who listens does not matter to the policy. */
static void do_connect_path(char **argv)
{
	union address address;
	socklen_t size = address_of(argv[0], &address);

	listening(argv[0]);
	must(connect(need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), &address.any, size),
	     "connect");
}

/* No module: a kernel that lets it pass says that it has no format. */
static void do_load_module(char **argv)
{
	long result = syscall(SYS_finit_module, opened(argv[0], O_RDONLY), "", 0);

	if (result < 0 && errno != EPERM && errno != EACCES)
		return;
	must(result, "finit_module");
}

static void do_load_module_from_memory(char **argv)
{
	long result = syscall(SYS_init_module, page, sizeof(page), "");

	(void)argv;
	if (result < 0 && errno != EPERM && errno != EACCES)
		return;
	must(result, "init_module");
}

static void do_load_bpf(char **argv)
{
	struct bpf_insn program[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insns = (uintptr_t)program,
				.insn_cnt = 2,
				.license = (uintptr_t)"GPL" };

	(void)argv;
	must(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "bpf");
}

static void do_io_uring(char **argv)
{
	struct io_uring_params params = {};

	(void)argv;
	must(syscall(SYS_io_uring_setup, 1, &params), "io_uring_setup");
}

static void do_become(char **argv)
{
	must(setresuid(number(argv[0]), number(argv[0]), -1), "setresuid");
}

static void do_execute(char **argv)
{
	must(execv(argv[0], argv), argv[0]);
}

static void do_execute_as(char **argv)
{
	long user = number(argv[0]);

	need(setgroups(0, NULL), "setgroups");
	need(setresuid(user, user, user), "setresuid");
	must(execv(argv[1], argv + 1), argv[1]);
}

/* PROGRAM NAME ARGUMENT… */
static void do_execute_named(char **argv)
{
	must(execv(argv[0], argv + 1), argv[0]);
}

static void do_execute_with(char **argv)
{
	char *environment[] = { argv[0], NULL };

	must(execve(argv[1], argv + 1, environment), argv[1]);
}

static int copy_of(const char *program, int to)
{
	int from = need(open(program, O_RDONLY | O_CLOEXEC), program);
	char part[65536];
	ssize_t n;

	while ((n = read(from, part, sizeof(part))) > 0)
		need(write(to, part, n), "write");
	return to;
}

static void do_execute_memory(char **argv)
{
	int file = copy_of(argv[0], need(memfd_create("x", MFD_CLOEXEC), "memfd_create"));
	char *none[] = { NULL };

	must(fexecve(file, argv, none), "fexecve");
}

/* Opened again to be read: a file that is open for writing does not run. */
static int reopened(int file)
{
	char path[64];
	int read_only;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	read_only = need(open(path, O_RDONLY | O_CLOEXEC), path);
	close(file);
	return read_only;
}

static int unlinked_copy(const char *program)
{
	static const char path[] = "/tmp/.act";
	int file =
		reopened(copy_of(program, need(open(path, O_RDWR | O_CREAT | O_EXCL, 0755), path)));

	need(unlink(path), "unlink");
	return file;
}

static void do_execute_deleted(char **argv)
{
	char *none[] = { NULL };

	must(fexecve(unlinked_copy(argv[0]), argv, none), "fexecve");
}

static void do_map_deleted_code(char **argv)
{
	int file = unlinked_copy(argv[0]);

	must(mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0,
	     "mmap");
}

/* COPY PROGRAM ARGUMENT…: as if it had been downloaded to COPY. */
static void do_execute_copy(char **argv)
{
	int to = need(open(argv[0], O_RDWR | O_CREAT | O_TRUNC, 0755), argv[0]);

	close(reopened(copy_of(argv[1], to)));
	must(execv(argv[0], argv + 1), argv[0]);
}

/* With a connection as its input and output, as a reverse shell has. It leads nowhere. */
static void do_execute_on_connection(char **argv)
{
	int connection = need(socket(AF_INET, SOCK_STREAM, 0), "socket");

	for (int fd = 0; fd < 2; fd++)
		need(dup2(connection, fd), "dup2");
	must(execv(argv[0], argv), argv[0]);
}

/* With a socket of this machine as its input and output, as Node and sshd give their children. */
static void do_execute_on_socket(char **argv)
{
	int pair[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	for (int fd = 0; fd < 2; fd++)
		need(dup2(pair[0], fd), "dup2");
	shutdown(pair[1], SHUT_WR);
	must(execv(argv[0], argv), argv[0]);
}

static void do_execute_on_terminal(char **argv)
{
	int master = need(posix_openpt(O_RDWR), "posix_openpt"), terminal;

	need(grantpt(master) | unlockpt(master), "unlockpt");
	setsid();
	terminal =
		need(open(ptsname(master), O_RDWR), "terminal"); /* becomes the controlling one */
	need(dup2(terminal, 0), "dup2");
	must(execv(argv[0], argv), argv[0]);
}

/* PROGRAM, a copy of this one, does it in the place of this process. */
static void done_by(char *program, char *operation, char **arguments)
{
	char *again[64] = { program, "here", operation };
	int n = 3;

	for (; *arguments && n < 63; arguments++)
		again[n++] = *arguments;
	need(execv(program, again), program);
}

static void do_by(char **argv)
{
	done_by(argv[0], argv[1], argv + 2);
}

/* PARENT PROGRAM ARGUMENT…: a copy of this program runs as PARENT and starts PROGRAM. */
static void do_execute_below(char **argv)
{
	int to = open(argv[0], O_RDWR | O_CREAT | O_EXCL, 0755);

	if (to >= 0)
		close(reopened(copy_of("/proc/self/exe", to)));
	done_by(argv[0], "spawn", argv + 1);
}

/* As shells say it: a signal has 128 added. The first process of a namespace cannot end itself by one. */
static int end_of(pid_t child)
{
	int status;

	need(waitpid(child, &status, 0), "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void do_spawn(char **argv)
{
	pid_t child = need(fork(), "fork");

	if (!child)
		must(execv(argv[0], argv), argv[0]);
	_exit(end_of(child));
}

static void do_open_often(char **argv)
{
	for (; *argv; argv++)
		close(opened(*argv, O_RDONLY));
}

/* The folders above it. */
static void make_parents(const char *path)
{
	char *copy = strdup(path);

	for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			fail(REFUSED, copy);
		*at = '/';
	}
	free(copy);
}

static int placed(const char *path, mode_t mode)
{
	int file;

	make_parents(path);
	file = must(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path);
	must(fchmod(file, mode), "fchmod");
	return file;
}

/* PATH MODE TEXT */
static void do_place(char **argv)
{
	must(write(placed(argv[0], strtol(argv[1], NULL, 8)), argv[2], strlen(argv[2])), "write");
}

/* FROM PATH MODE */
static void do_copy(char **argv)
{
	copy_of(argv[0], placed(argv[1], strtol(argv[2], NULL, 8)));
}

static void do_make_folder(char **argv)
{
	make_parents(argv[0]);
	if (mkdir(argv[0], 0755) < 0 && errno != EEXIST)
		fail(REFUSED, argv[0]);
}

/* A program that does nothing, if there is none of that name. */
static void do_stand_in(char **argv)
{
	if (access(argv[0], F_OK) < 0)
		copy_of("/proc/self/exe", placed(argv[0], 0755));
}

static void do_require(char **argv)
{
	if (access(argv[0], X_OK) < 0)
		fail(MISSING, argv[0]);
}

static const struct operation {
	const char *name;
	void (*run)(char **argv);
	int arguments; /* at least */
} operations[] = {
	{ "read", do_read, 1 },
	{ "open", do_open, 1 },
	{ "openToWrite", do_open_to_write, 1 },
	{ "openSeries", do_open_often, 1 },
	{ "write", do_write, 1 },
	{ "append", do_append, 1 },
	{ "create", do_create, 1 },
	{ "empty", do_empty, 1 },
	{ "truncate", do_truncate, 1 },
	{ "mapShared", do_map_shared, 1 },
	{ "mapCode", do_map_code, 1 },
	{ "mapThenCode", do_map_then_code, 1 },
	{ "mapDeletedCode", do_map_deleted_code, 1 },
	{ "rename", do_rename, 2 },
	{ "exchange", do_exchange, 2 },
	{ "link", do_link, 2 },
	{ "symlink", do_symlink, 2 },
	{ "unlink", do_unlink, 1 },
	{ "mkdir", do_mkdir, 1 },
	{ "rmdir", do_rmdir, 1 },
	{ "chmod", do_chmod, 2 },
	{ "chown", do_chown, 2 },
	{ "setAttribute", do_set_attribute, 2 },
	{ "removeAttribute", do_remove_attribute, 2 },
	{ "makeDevice", do_make_device, 4 },
	{ "mount", do_mount, 2 },
	{ "bind", do_bind, 2 },
	{ "moveMount", do_move_mount, 2 },
	{ "changeRoot", do_change_root, 1 },
	{ "enter", do_enter, 1 },
	{ "unshare", do_unshare, 1 },
	{ "trace", do_trace, 0 },
	{ "writeMemory", do_write_memory, 0 },
	{ "openMemory", do_open_memory, 0 },
	{ "readEnvironment", do_read_environment, 0 },
	{ "socket", do_socket, 2 },
	{ "connect", do_connect, 1 },
	{ "connectUdp", do_connect_udp, 1 },
	{ "connectPath", do_connect_path, 1 },
	{ "send", do_send, 1 },
	{ "fastOpen", do_fast_open, 1 },
	{ "loadModule", do_load_module, 1 },
	{ "loadModuleFromMemory", do_load_module_from_memory, 0 },
	{ "loadBpf", do_load_bpf, 0 },
	{ "ioUring", do_io_uring, 0 },
	{ "become", do_become, 1 },
	{ "execute", do_execute, 1 },
	{ "executeAs", do_execute_as, 2 },
	{ "executeNamed", do_execute_named, 2 },
	{ "executeWith", do_execute_with, 2 },
	{ "executeMemory", do_execute_memory, 1 },
	{ "executeDeleted", do_execute_deleted, 1 },
	{ "executeCopy", do_execute_copy, 2 },
	{ "executeOnConnection", do_execute_on_connection, 1 },
	{ "executeOnSocket", do_execute_on_socket, 1 },
	{ "executeOnTerminal", do_execute_on_terminal, 1 },
	{ "executeBelow", do_execute_below, 2 },
	{ "spawn", do_spawn, 1 },
	{ "by", do_by, 2 },
	{ "place", do_place, 3 },
	{ "copy", do_copy, 3 },
	{ "makeFolder", do_make_folder, 1 },
	{ "standIn", do_stand_in, 1 },
	{ "require", do_require, 1 },
};

static int members_of(const char *cgroup)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	return need(open(path, O_WRONLY | O_CLOEXEC), path);
}

static void mount_at(const char *type, const char *at)
{
	mkdir(at, 0755);
	need(mount(type, at, type, 0, NULL), at);
}

/* The first process of a container: returns in its child, as signals of its own namespace do not end the first. */
static void begin(int members)
{
	pid_t child;

	/* Only now: policies for the container are not for what makes it. */
	need(write(members, "0", 1), "cgroup.procs");
	close(members);
	child = need(fork(), "fork");
	if (child)
		_exit(end_of(child));
}

/* In a container: returns in a child of its first process. */
static void enter_container(char *where, char **argv)
{
	const char *root = strtok(where, ":");
	int members = members_of(strtok(NULL, ":") ?: "");
	char *program = strtok(NULL, ":");
	char inside[32];
	pid_t child;

	/* Without a network: what a case sends reaches nobody. */
	need(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP |
		     CLONE_NEWNET),
	     "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	child = need(fork(), "fork");
	if (child)
		_exit(end_of(child));
	need(chdir(root), root);
	need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	need(umount2(".", MNT_DETACH), "umount2");
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mkdir("/dev/shm", 0777);
	mount_at("tmpfs", "/dev/shm");
	mkdir("/dev/pts", 0755);
	need(mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"), "/dev/pts");
	need(chdir("/"), "/");
	if (program) {
		need(fcntl(members, F_SETFD, 0), "fcntl");
		snprintf(inside, sizeof(inside), "inside:%d", members);
		argv[0] = program;
		argv[1] = inside;
		need(execv(program, argv), program);
	}
	begin(members);
}

static void act(char *name, int count, char **argv)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].name, name) && count >= operations[i].arguments) {
			operations[i].run(argv);
			return;
		}
	fprintf(stderr, "no such operation, or too few arguments: %s\n", name);
	_exit(WRONG);
}

static int do_series(int argc, char **argv)
{
	int status = DONE;

	sleep(number(argv[0]));
	for (int at = 1; at < argc;) {
		int count = number(argv[at]);
		char *arguments[64] = {};
		pid_t child;

		if (count < 1 || count > argc - at - 1 || count > 63)
			errno = EINVAL, fail(WRONG, argv[at]);
		memcpy(arguments, argv + at + 1, count * sizeof(char *));
		child = need(fork(), "fork");
		if (!child) {
			act(arguments[0], count - 1, arguments + 1);
			_exit(DONE);
		}
		status = end_of(child);
		at += count + 1;
		if (at < argc && status != DONE)
			return status == REFUSED ? REFUSED_EARLIER : status;
	}
	return status;
}

/* Else it would act on a machine. */
static void need_container(void)
{
	struct stat own;

	need(stat("/proc/self/ns/pid", &own), "/proc/self/ns/pid");
	if (own.st_ino != (uint32_t)FIRST_PID_NAMESPACE)
		return;
	fputs("act does nothing outside of a container\n", stderr);
	_exit(WRONG);
}

int main(int argc, char **argv)
{
	const char *own = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *where = argc > 1 ? argv[1] : "";
	bool in_new = !strncmp(where, "container:", 10), in_made = !strncmp(where, "inside:", 7);

	if (argc >= 3 && !strcmp(where, "series")) {
		need_container();
		return do_series(argc - 2, argv + 2);
	}
	if (argc >= 3 && (in_new || in_made || !strcmp(where, "here"))) {
		if (in_new)
			enter_container(argv[1] + 10, argv);
		else
			need_container();
		if (in_made)
			begin(number(argv[1] + 7));
		act(argv[2], argc - 3, argv + 3);
		return DONE;
	}
	if (strcmp(own, "act"))
		return DONE;
	fputs("act (here | container:ROOT:CGROUP) OPERATION ARGUMENT…\n"
	      "act series SECONDS (COUNT OPERATION ARGUMENT…)…\n",
	      stderr);
	return WRONG;
}
