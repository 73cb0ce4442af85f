// SPDX-License-Identifier: Apache-2.0
/* Processes of which something lies where nobody ever answers: whoever reads it waits. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096, FILE_SIZE = 4 << 20, ROOT_NODE = 1, SILENT_NODE = 2, PROGRAM_NODE = 3 };

static const char *mount_point = "/tmp/silent";
/* Requests that the server never answers; 0: none but reads. */
static uint32_t unanswered;
/* Shared with the server: from now on the program's pages stay away as well. */
static volatile int *is_silent;

static void put_text(const char *path, const char *text)
{
	int file = must(open(path, O_WRONLY), path);

	must(write(file, text, strlen(text)), path);
	close(file);
}

/* What an ordinary user may do, where user namespaces are allowed. */
static void enter_namespaces(void)
{
	char text[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	put_text("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %d 1", uid);
	put_text("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %d 1", gid);
	put_text("/proc/self/gid_map", text);
}

static void answer(int device, uint64_t unique, const void *body, size_t size, int error)
{
	static char bytes[sizeof(struct fuse_out_header) + (1 << 20)];
	struct fuse_out_header head = { .unique = unique, .error = error };

	head.len = sizeof(head) + (error ? 0 : size);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), body, error ? 0 : size);
	(void)!write(device, bytes, head.len);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == ROOT_NODE ? 0 : FILE_SIZE,
		.mode = node == ROOT_NODE ? S_IFDIR | 0755 : S_IFREG | 0755,
		.nlink = 1,
		.blksize = PAGE_SIZE,
	};
}

static void answer_read(int device, const struct fuse_in_header *in, int program)
{
	static char bytes[1 << 20];
	const struct fuse_read_in *read_in = (const void *)(in + 1);
	ssize_t size;

	if (in->nodeid == SILENT_NODE || *is_silent)
		return; /* never */
	memset(bytes, 0, sizeof(bytes));
	size = pread(program, bytes, read_in->size, read_in->offset);
	answer(device, in->unique, bytes, size < 0 ? 0 : size, 0);
}

static void answer_request(int device, const struct fuse_in_header *in, int program)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_readahead = 1 << 17,
				      .max_write = 1 << 17 };
	struct fuse_entry_out entry = { .entry_valid = 1 << 20,
					.attr_valid = unanswered == FUSE_GETATTR ? 0 : 1 << 20 };
	struct fuse_attr_out attr = { .attr_valid = 1 << 20 };
	struct fuse_open_out open_out = { .fh = 1 };

	if (in->opcode == unanswered && (unanswered == FUSE_LOOKUP || in->nodeid != ROOT_NODE))
		return; /* never */
	switch (in->opcode) {
	case FUSE_INIT:
		return answer(device, in->unique, &init, sizeof(init), 0);
	case FUSE_LOOKUP:
		entry.nodeid =
			strcmp((const char *)(in + 1), "program") ? SILENT_NODE : PROGRAM_NODE;
		entry.attr = attributes(entry.nodeid);
		return answer(device, in->unique, &entry, sizeof(entry), 0);
	case FUSE_GETATTR:
		attr.attr = attributes(in->nodeid);
		return answer(device, in->unique, &attr, sizeof(attr), 0);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return answer(device, in->unique, &open_out, sizeof(open_out), 0);
	case FUSE_READ:
		return answer_read(device, in, program);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	default:
		return answer(device, in->unique, NULL, 0, -ENOSYS);
	}
}

/* Mounts the file system and serves it from a process of its own. */
static void mount_silent(void)
{
	static char bytes[1 << 21] __attribute__((aligned(8)));
	char options[64];
	int device = must(open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse");
	int program = must(open("/proc/self/exe", O_RDONLY), "exe");

	mkdir(mount_point, 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	must(mount("fuse", mount_point, "fuse", MS_NODEV | MS_NOSUID, options), "mount");
	if (must(fork(), "fork"))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(device, bytes, sizeof(bytes)) > 0)
		answer_request(device, (const void *)bytes, program);
	_exit(0);
}

/* A page that nobody ever fills, and nobody may fill but by the kernel's leave. */
static void map_unanswered(char *at, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { (uintptr_t)at, size },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = must(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");

	must(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	must((long)mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			-1, 0),
	     "mmap");
	must(ioctl(fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
}

static void map_file(char *at, size_t size)
{
	int file = must(open("/tmp/silent/silent", O_RDONLY), "silent");

	must((long)mmap(at, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0), "mmap");
}

static void report_and_wait(void)
{
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* Its own command line is made long enough to have pages for itself. */
static int silence(int argc, char **argv)
{
	const char *way = argv[1];
	char *page = (char *)(((uintptr_t)argv[2] + 2 * PAGE_SIZE - 1) & -PAGE_SIZE);

	(void)argc;
	if (!strcmp(way, "fuse"))
		map_file(page, 4 * PAGE_SIZE);
	else if (!strcmp(way, "userfaultfd"))
		map_unanswered(page, 4 * PAGE_SIZE);
	else if (!strcmp(way, "cwd"))
		must(chdir(mount_point), "chdir");
	report_and_wait();
	return EXIT_DONE;
}

/* Starts so many of them; each then is a program that was started anew, with a long command line. */
static int silent_processes(int argc, char **argv)
{
	static char filler[32 * 1024];
	const char *way = argv[1], *program = "/proc/self/exe";
	int count = argc > 2 ? atoi(argv[2]) : 1, ready[2];
	char byte[6];

	is_silent =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (strcmp(way, "userfaultfd")) {
		enter_namespaces();
		mount_silent();
	}
	if (!strcmp(way, "exe"))
		program = "/tmp/silent/program";
	memset(filler, 'x', sizeof(filler) - 1);
	must(pipe(ready), "pipe");
	for (int i = 0; i < count; i++) {
		if (must(fork(), "fork"))
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ready[1], STDOUT_FILENO);
		execl(program, "attack", "silence", way, filler, (char *)NULL);
		_exit(EXIT_REFUSED);
	}
	for (int i = 0; i < count; i++)
		for (size_t got = 0; got < sizeof(byte);
		     got += must(read(ready[0], byte, sizeof(byte) - got), "read"))
			;
	*is_silent = 1;
	report_and_wait();
	return EXIT_DONE;
}

/* A file system for everybody of the machine, in which each file is a program. */
static int silent_mount(int argc, char **argv)
{
	const char *way = argv[1];

	(void)argc;
	mount_point = argv[2];
	unanswered = !strcmp(way, "lookup")	? FUSE_LOOKUP :
		     !strcmp(way, "attributes") ? FUSE_GETATTR :
						  FUSE_READ;
	is_silent =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mount_silent();
	report_and_wait();
	return EXIT_DONE;
}

const struct command silent_commands[] = {
	{ "silence", "WAY FILLER", silence, 2 },
	{ "silent-mount", "lookup|attributes|read FOLDER", silent_mount, 2 },
	{ "silent-processes", "fuse|userfaultfd|cwd|exe [COUNT]", silent_processes, 1 },
	{ NULL, NULL, NULL, 0 },
};
