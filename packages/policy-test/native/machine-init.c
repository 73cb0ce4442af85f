// SPDX-License-Identifier: Apache-2.0
/*
 * Process 1 of the virtual machine of `gander policy test --kernel vm`: mounts what a system mounts, runs one command,
 * says how it ended, and switches the machine off. Everything is in memory: /machine has
 *
 *   modules/   modules of the kernel, in the order of their names
 *   argv       the command, each word with a NUL behind it
 *
 * The second serial port gets `begun`, and at the end the exit status, the size of the command's standard output, that
 * output, and its standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int port = 2;

_Noreturn static void end(void)
{
	tcdrain(port);
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* On the console, of which the host shows the end. */
static void need(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "machine-init: %s: %s\n", what, strerror(errno));
	end();
}

/* The first file system can't be left by pivot_root, which containers do; a mount of it can. */
static void leave_first_root(void)
{
	mkdir("/machine/root", 0755);
	need(mount("/", "/machine/root", NULL, MS_BIND, NULL), "bind /");
	need(chdir("/machine/root"), "chdir");
	need(mount(".", "/", NULL, MS_MOVE, NULL), "move /");
	need(chroot("."), "chroot");
	need(chdir("/"), "chdir");
}

static void mount_at(const char *type, const char *at, const char *options, int is_needed)
{
	mkdir(at, 0755);
	if (mount(type, at, type, 0, options) < 0 && is_needed && errno != EBUSY)
		need(-1, at);
}

static void mount_all(void)
{
	mount_at("proc", "/proc", NULL, 1);
	mount_at("sysfs", "/sys", NULL, 1);
	mount_at("devtmpfs", "/dev", NULL, 1);
	mount_at("devpts", "/dev/pts", "ptmxmode=0666", 1);
	mount_at("tmpfs", "/dev/shm", "mode=1777", 1);
	mount_at("securityfs", "/sys/kernel/security", NULL, 0);
	mount_at("debugfs", "/sys/kernel/debug", NULL, 0);
	mount_at("tracefs", "/sys/kernel/tracing", NULL, 0);
	mount_at("bpf", "/sys/fs/bpf", "mode=700", 1);
	mount_at("cgroup2", "/sys/fs/cgroup", NULL, 1);
	symlink("/proc/self/fd", "/dev/fd");
}

static void load_modules(void)
{
	struct dirent **entries;
	int n = scandir("/machine/modules", &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[512];
		int file;

		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/machine/modules/%s", entries[i]->d_name);
		file = open(path, O_RDONLY | O_CLOEXEC);
		need(file, path);
		if (syscall(SYS_finit_module, file, "", 0) < 0 && errno != EEXIST)
			need(-1, path);
		close(file);
	}
}

static void open_port(void)
{
	struct termios settings;
	int file = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);

	need(file, "/dev/ttyS1");
	need(tcgetattr(file, &settings), "/dev/ttyS1");
	cfmakeraw(&settings);
	cfsetspeed(&settings, B115200);
	need(tcsetattr(file, TCSANOW, &settings), "/dev/ttyS1");
	port = file;
}

static void say(const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(port, bytes, size);

		need(n, "the serial port");
		bytes += n;
		size -= n;
	}
}

static void say_file(int file)
{
	char part[4096];
	ssize_t n;

	lseek(file, 0, SEEK_SET);
	while ((n = read(file, part, sizeof(part))) > 0)
		say(part, n);
}

/* The words of /machine/argv. */
static char **command(void)
{
	static char text[1 << 20], *words[1 << 14];
	int file = open("/machine/argv", O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t size = read(file, text, sizeof(text) - 1);

	need(size, "/machine/argv");
	for (char *at = text; at < text + size && n < (1 << 14) - 1; at += strlen(at) + 1)
		words[n++] = at;
	return words;
}

static int run(char **argv, int out, int err)
{
	char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"LANG=C.UTF-8",
		NULL,
	};
	int status = 0;
	pid_t child = fork(), ended;

	need(child, "fork");
	if (!child) {
		setsid();
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(err, 2);
		execve(argv[0], argv, environment);
		fprintf(stderr, "Cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	/* Process 1 is the parent of all whose own has ended. */
	do
		ended = waitpid(-1, &status, 0);
	while (ended != child);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void)
{
	char head[64];
	int out, err, status;
	struct stat size;

	leave_first_root();
	mount_all();
	open_port();
	say("begun\n", 6);
	load_modules();
	out = open("/machine/out", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	err = open("/machine/err", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	need(out, "/machine/out");
	need(err, "/machine/err");
	status = run(command(), out, err);
	need(fstat(out, &size), "/machine/out");
	say(head, snprintf(head, sizeof(head), "%d %ld\n", status, (long)size.st_size));
	say_file(out);
	say_file(err);
	end();
}
