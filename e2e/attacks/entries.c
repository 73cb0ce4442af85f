// SPDX-License-Identifier: Apache-2.0
/*
 * `entry METHOD DIRECTORY`: ways to change what a directory holds, or the size or mode of a file in
 * it. DIRECTORY has a file "target", a file "other" and an empty directory "empty".
 */
#include "attack.h"
#include "uring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* All names are relative to the directory, which is the working directory, or lie in /var/tmp. */
static char outside[64];

static void make_outside(void)
{
	close((int)must(open(outside, O_CREAT | O_WRONLY, 0644), outside));
}

static void by_unlink(void)
{
	must(unlink("target"), "unlink");
}

static void by_rmdir(void)
{
	must(rmdir("empty"), "rmdir");
}

static void rename_away(void)
{
	must(rename("target", outside), "rename");
}

static void rename_into(void)
{
	make_outside();
	must(rename(outside, "new"), "rename");
}

static void rename_over(void)
{
	make_outside();
	must(rename(outside, "target"), "rename");
}

static void rename_within(void)
{
	must(rename("target", "new"), "rename");
}

static void exchange(void)
{
	must(syscall(SYS_renameat2, AT_FDCWD, "target", AT_FDCWD, "empty", RENAME_EXCHANGE),
	     "exchange");
}

static void link_into(void)
{
	make_outside();
	must(link(outside, "new"), "link");
}

static void link_descriptor(void)
{
	char path[64];
	int fd = (int)must(open("/var/tmp", O_TMPFILE | O_WRONLY, 0644), "O_TMPFILE");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(linkat(AT_FDCWD, path, AT_FDCWD, "new", AT_SYMLINK_FOLLOW), "linkat");
}

static void symlink_into(void)
{
	must(symlink("/etc/passwd", "new"), "symlink");
}

static void make_directory(void)
{
	must(mkdir("new", 0755), "mkdir");
}

static void make_fifo(void)
{
	must(mkfifo("new", 0644), "mkfifo");
}

static void create(void)
{
	must(open("new", O_CREAT | O_WRONLY, 0644), "create");
}

static void bind_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "new" };

	must(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)),
	     "bind");
}

static void by_truncate(void)
{
	must(truncate("target", 1), "truncate");
}

static void open_truncate(void)
{
	must(open("target", O_WRONLY | O_TRUNC), "open with O_TRUNC");
}

static void file_truncate(void)
{
	must(ftruncate((int)must(open("target", O_WRONLY), "target"), 1), "ftruncate");
}

static void by_uring(struct io_uring_sqe entry, const char *what)
{
	struct uring ring;
	int result;

	uring_open(&ring, false);
	result = uring_do(&ring, entry);
	errno = -result;
	must(result < 0 ? -1 : 0, what);
}

static void uring_unlink(void)
{
	by_uring((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)"target" },
		 "io_uring unlink");
}

static void uring_rename(void)
{
	by_uring((struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)"target",
					.len = (uint32_t)AT_FDCWD,
					.off = (uintptr_t)"new" },
		 "io_uring rename");
}

static void uring_mkdir(void)
{
	by_uring((struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)"new",
					.len = 0755 },
		 "io_uring mkdir");
}

static void uring_link(void)
{
	by_uring((struct io_uring_sqe){ .opcode = IORING_OP_LINKAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)"target",
					.len = (uint32_t)AT_FDCWD,
					.off = (uintptr_t)"new" },
		 "io_uring link");
}

static void uring_create(void)
{
	by_uring((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)"new",
					.len = 0644,
					.open_flags = O_CREAT | O_WRONLY },
		 "io_uring openat");
}

static const struct {
	const char *name;
	void (*change)(void);
} ways[] = {
	{ "unlink", by_unlink },
	{ "rmdir", by_rmdir },
	{ "rename-away", rename_away },
	{ "rename-into", rename_into },
	{ "rename-over", rename_over },
	{ "rename-within", rename_within },
	{ "exchange", exchange },
	{ "link-into", link_into },
	{ "link-descriptor", link_descriptor },
	{ "symlink-into", symlink_into },
	{ "mkdir", make_directory },
	{ "mkfifo", make_fifo },
	{ "create", create },
	{ "bind-socket", bind_socket },
	{ "truncate", by_truncate },
	{ "open-truncate", open_truncate },
	{ "ftruncate", file_truncate },
	{ "uring-unlink", uring_unlink },
	{ "uring-rename", uring_rename },
	{ "uring-mkdir", uring_mkdir },
	{ "uring-link", uring_link },
	{ "uring-create", uring_create },
};

static int entry_command(int argc, char **argv)
{
	(void)argc;
	snprintf(outside, sizeof(outside), "/var/tmp/attack-entry-%d", getpid());
	must(chdir(argv[2]), argv[2]);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, argv[1])) {
			ways[i].change();
			return EXIT_DONE;
		}
	fprintf(stderr, "attack: no way \"%s\"\n", argv[1]);
	return EXIT_USAGE;
}

const struct command entry_commands[] = {
	{ "entry", "METHOD DIRECTORY", entry_command, 2 },
	{ NULL, NULL, NULL, 0 },
};
