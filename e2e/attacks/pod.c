// SPDX-License-Identifier: Apache-2.0
/*
 * Not attacks, but what happens to a sensor on a node: it runs with the rights of its pod, and it is
 * killed in the middle of what it does.
 *
 *   as-pod CAPABILITIES WRITABLE PROGRAM …   numbers and directories, each separated by commas
 *   kill-at N PROGRAM …                      N: before its Nth call that changes something (0: never)
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

struct mount_change { /* struct mount_attr of linux/mount.h */
	uint64_t set, clear, propagation, userns;
};
enum { READ_ONLY = 1, ALL_BELOW = 0x8000 };

static void change_mount(const char *path, int flags, struct mount_change change)
{
	must(syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &change, sizeof(change)), path);
}

/* What container runtimes hide of /proc and /sys, and what they leave to be read. */
static const char *const hidden_files[] = { "/proc/timer_list",	 "/proc/kcore",
					    "/proc/keys",	 "/proc/latency_stats",
					    "/proc/sched_debug", "/proc/interrupts" };
static const char *const hidden_folders[] = { "/proc/acpi", "/proc/scsi", "/sys/firmware" };

static void make_mounts(char *writable)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	for (size_t i = 0; i < sizeof(hidden_files) / sizeof(*hidden_files); i++)
		mount("/dev/null", hidden_files[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof(hidden_folders) / sizeof(*hidden_folders); i++)
		mount("none", hidden_folders[i], "tmpfs", 0, NULL);
	change_mount("/", ALL_BELOW, (struct mount_change){ .set = READ_ONLY });
	for (char *path = strtok(writable, ","); path; path = strtok(NULL, ",")) {
		must(mount(path, path, NULL, MS_BIND, NULL), path);
		change_mount(path, 0, (struct mount_change){ .clear = READ_ONLY });
	}
	change_mount("/dev", ALL_BELOW, (struct mount_change){ .clear = READ_ONLY });
}

static void keep_capabilities(char *numbers)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	uint64_t kept = 0;

	for (char *number = strtok(numbers, ","); number; number = strtok(NULL, ","))
		kept |= 1ULL << atoi(number);
	for (int i = 0; i < 64; i++)
		if (!(kept >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = kept >> 32 * i;
	must(syscall(SYS_capset, &header, data), "capset");
}

#define REFUSE(NAME)                                                                               \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##NAME, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* Calls that RuntimeDefault has no room for without CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_TIME, CAP_SYS_BOOT. */
static void refuse_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(mount),
		REFUSE(umount2),
		REFUSE(pivot_root),
		REFUSE(setns),
		REFUSE(unshare),
		REFUSE(fsopen),
		REFUSE(fsmount),
		REFUSE(fsconfig),
		REFUSE(move_mount),
		REFUSE(open_tree),
		REFUSE(mount_setattr),
		REFUSE(fanotify_init),
		REFUSE(quotactl),
		REFUSE(sethostname),
		REFUSE(setdomainname),
		REFUSE(init_module),
		REFUSE(finit_module),
		REFUSE(delete_module),
		REFUSE(kexec_load),
		REFUSE(reboot),
		REFUSE(swapon),
		REFUSE(swapoff),
		REFUSE(acct),
		REFUSE(settimeofday),
		REFUSE(clock_settime),
		REFUSE(add_key),
		REFUSE(request_key),
		REFUSE(keyctl),
		REFUSE(userfaultfd),
		REFUSE(io_uring_setup),
		REFUSE(io_uring_enter),
		REFUSE(io_uring_register),
		REFUSE(vhangup),
		REFUSE(ioperm),
		REFUSE(iopl),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

static int as_pod(int argc, char **argv)
{
	struct rlimit little = { 64 << 10, 64 << 10 };

	(void)argc;
	make_mounts(argv[2]);
	must(setrlimit(RLIMIT_MEMLOCK, &little), "setrlimit");
	keep_capabilities(argv[1]);
	refuse_calls();
	execvp(argv[3], argv + 3);
	refused(argv[3]);
}

#define TRACE(NAME)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##NAME, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)
#define TRACE_BPF(COMMAND)                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COMMAND, 0, 1),                                        \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

static void trace_changes(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		TRACE(unlink),
		TRACE(unlinkat),
		TRACE(rename),
		TRACE(renameat),
		TRACE(renameat2),
		TRACE(mkdir),
		TRACE(mkdirat),
		TRACE(rmdir),
		TRACE(symlink),
		TRACE(symlinkat),
		TRACE(link),
		TRACE(linkat),
		TRACE(fsync),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		TRACE_BPF(BPF_OBJ_PIN),
		TRACE_BPF(BPF_LINK_CREATE),
		TRACE_BPF(BPF_RAW_TRACEPOINT_OPEN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

static pid_t followed;

static void stop(int signal)
{
	(void)signal;
	kill(followed, SIGKILL);
}

/* Ends as the program does; prints how many of these calls it has begun. */
static int follow(pid_t child, unsigned long last)
{
	unsigned long calls = 0;
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);
		int event = status >> 16, signal = WSTOPSIG(status);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return EXIT_REFUSED;
		if (!WIFSTOPPED(status)) {
			if (pid != child)
				continue;
			printf("%lu\n", calls);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		if (event == PTRACE_EVENT_SECCOMP && ++calls == last)
			kill(child, SIGKILL);
		else
			ptrace(PTRACE_CONT, pid, 0,
			       event || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal);
	}
}

static int kill_at(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	pid_t child;
	int status;

	(void)argc;
	followed = child = must(fork(), "fork");
	if (!child) {
		must(ptrace(PTRACE_TRACEME, 0, 0, 0), "ptrace");
		raise(SIGSTOP);
		trace_changes();
		execvp(argv[2], argv + 2);
		refused(argv[2]);
	}
	sigaction(SIGTERM, &action, NULL);
	must(waitpid(child, &status, 0), "waitpid");
	must(ptrace(PTRACE_SETOPTIONS, child, 0,
		    PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			    PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL),
	     "ptrace options");
	ptrace(PTRACE_CONT, child, 0, 0);
	return follow(child, strtoul(argv[1], NULL, 10));
}

const struct command pod_commands[] = {
	{ "as-pod", "CAPABILITIES WRITABLE PROGRAM …", as_pod, 3 },
	{ "kill-at", "N PROGRAM …", kill_at, 2 },
	{ NULL, NULL, NULL, 0 },
};
