// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Things that a shell can't do, for the kernel tests: scenes NAME ARGUMENTS… */
#define _GNU_SOURCE
#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(99);
}

static void *exec_in_thread(void *arguments)
{
	char **argv = arguments;

	execv(argv[0], argv);
	fail("execv");
	return NULL;
}

/* exec by a thread that is not the leader, while the leader waits */
static void thread_exec(char **argv)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_in_thread, argv);
	pthread_join(thread, NULL);
}

static void *end_later(void *code)
{
	usleep(100 * 1000);
	if (code)
		exit(atoi(code));
	syscall(SYS_exit, 5); /* this thread alone */
	return NULL;
}

/* The leader exits first, with status 3; then the last thread exits, or the group with CODE. */
static void leader_exits(char **argv)
{
	pthread_t thread;

	pthread_create(&thread, NULL, end_later, argv[0]);
	syscall(SYS_exit, 3);
}

/* exec of a file that never had a name */
static void memfd_exec(char **argv)
{
	int memory = memfd_create("nameless", 0), file = open(argv[0], O_RDONLY);
	char *none[] = { NULL };
	struct stat status;

	fstat(file, &status);
	for (off_t at = 0; at < status.st_size;) {
		char buffer[65536];
		ssize_t size = read(file, buffer, sizeof(buffer));

		if (size <= 0 || write(memory, buffer, size) != size)
			fail("copy");
		at += size;
	}
	fexecve(memory, argv, none);
	fail("fexecve");
}

/* exec of a file that is unlinked as soon as it is open */
static void deleted_exec(char **argv)
{
	int file = open(argv[0], O_RDONLY);
	char *none[] = { NULL };

	unlink(argv[0]);
	fexecve(file, argv, none);
	fail("fexecve");
}

/* Maps a file, and makes what was mapped code. */
static void protect(char **argv)
{
	int file = open(argv[0], O_RDONLY);
	void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);

	if (mapped == MAP_FAILED || mprotect(mapped, 4096, PROT_READ | PROT_EXEC))
		fail("mprotect");
	puts("ran");
}

static char **arguments_to_hide;

static void unmap_arguments(void)
{
	/* Up to the last string of the stack: a rest above would grow down into the hole when it is read. */
	const char *last = (const char *)getauxval(AT_EXECFN);
	char **argv = arguments_to_hide;
	uintptr_t from = (uintptr_t)argv[-2] & ~4095UL,
		  to = ((uintptr_t)(last + strlen(last)) | 4095) + 1;

	if (munmap((void *)from, to - from))
		fail("munmap");
	syscall(SYS_write, 1, "ready\n", 6);
	syscall(SYS_pause);
}

/*
 * Unmaps the memory of its own arguments and waits: on a separate stack, because the first one often
 * starts in the unmapped page. (Not in a thread: the first thread may be about to wait for it.)
 */
static void hide_arguments(char **argv)
{
	static char stack[64 << 10];
	ucontext_t context;

	arguments_to_hide = argv;
	getcontext(&context);
	context.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) };
	context.uc_link = NULL;
	makecontext(&context, unmap_arguments, 0);
	setcontext(&context);
}

/* Makes and enters N nested directories of 200 (or given) characters; writes FILE (710 bytes) in the last. */
static void deep_write(char **argv)
{
	int length = argv[2] ? atoi(argv[2]) : 200, file;
	char name[201];

	memset(name, 'd', length);
	name[length] = 0;
	for (int i = atoi(argv[0]); i > 0; i--)
		if ((mkdir(name, 0755) && errno != EEXIST) || chdir(name))
			fail("mkdir");
	file = open(argv[1], O_CREAT | O_WRONLY, 0644);
	if (file < 0)
		fail("open");
	if (write(file, "x", 1) != 1 || ftruncate(file, 710))
		fail("write");
}

static void start(char **argv)
{
	pid_t child = vfork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(98);
	}
	if (child < 0)
		fail("vfork");
}

/* Forks N children that exec PROGRAM, as fast as possible, WIDTH at a time. */
static void storm(char **argv)
{
	int left = atoi(argv[0]), width = atoi(argv[1]), running = 0;

	while (left > 0 || running > 0) {
		if (left > 0 && running < width) {
			start(argv + 2);
			left--;
			running++;
		} else {
			wait(NULL);
			running--;
		}
	}
}

/* N children that call umask(030) and stay; when all have, waits for the end of the input, and ends them. */
static void crowd(char **argv)
{
	int count = atoi(argv[0]), called[2];
	char byte;

	if (pipe(called))
		fail("pipe");
	setpgid(0, 0);
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child)
			continue;
		close(called[0]);
		syscall(SYS_umask, 030);
		close(called[1]);
		for (;;)
			pause();
	}
	close(called[1]);
	while (read(called[0], &byte, 1) > 0)
		;
	puts("all have called");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

static int calls_left, beginning;

static void *call_together(void *cpu)
{
	int calls = calls_left;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((intptr_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	__atomic_sub_fetch(&beginning, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&beginning, __ATOMIC_SEQ_CST) > 0)
		;
	for (int i = 0; i < calls; i++)
		syscall(SYS_umask, 030);
	return NULL;
}

/* TIMES a child whose two threads, each on a CPU, call umask(030) N times. Prints how many were killed. */
static void together(char **argv)
{
	int killed = 0, status;

	calls_left = atoi(argv[1]);
	for (int i = atoi(argv[0]); i > 0; i--) {
		pid_t child = fork();
		pthread_t threads[2];

		if (child) {
			if (waitpid(child, &status, 0) != child)
				fail("waitpid");
			killed += WIFSIGNALED(status);
			continue;
		}
		beginning = 2;
		for (intptr_t cpu = 0; cpu < 2; cpu++)
			pthread_create(&threads[cpu], NULL, call_together, (void *)cpu);
		for (int cpu = 0; cpu < 2; cpu++)
			pthread_join(threads[cpu], NULL);
		_exit(0);
	}
	printf("%d\n", killed);
}

static void fork_chain_link(int left)
{
	if (left > 0 && fork() == 0) {
		fork_chain_link(left - 1);
		exit(0);
	}
	wait(NULL);
}

/* N generations without an exec. */
static void fork_chain(char **argv)
{
	fork_chain_link(atoi(argv[0]));
}

static long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Prints the nanoseconds of one of N system calls: read FILE, write FILE or getpid. */
static void time_calls(char **argv)
{
	int count = atoi(argv[1]), file = argv[2] ? open(argv[2], O_RDWR | O_CREAT, 0600) : -1;
	long start = 0;
	char byte = 'x';

	for (int i = -10; i < count; i++) {
		if (i == 0)
			start = nanoseconds();
		if (!strcmp(argv[0], "read"))
			syscall(SYS_pread64, file, &byte, 1, 0);
		else if (!strcmp(argv[0], "write"))
			syscall(SYS_pwrite64, file, &byte, 1, 0);
		else
			syscall(SYS_getpid);
	}
	printf("%ld\n", (nanoseconds() - start) / count);
}

/* The same for one vfork, exec, exit and wait of a program. */
static void time_exec(char **argv)
{
	int count = atoi(argv[0]);
	long started = nanoseconds();

	for (int i = 0; i < count; i++) {
		start(argv + 1);
		wait(NULL);
	}
	printf("%ld\n", (nanoseconds() - started) / count);
}

/* ftruncate(FILE, LENGTH) once a byte can be read */
static void truncate_when_told(char **argv)
{
	int file = open(argv[0], O_RDWR);
	char byte;

	if (file < 0 || read(0, &byte, 1) != 1 || ftruncate(file, atoi(argv[1])))
		fail("ftruncate");
}

/* chroot(2) with a file system user of its own: a check of a capability */
static void play_chroot(char **argv)
{
	(void)argv;
	syscall(SYS_setfsuid, 1234);
	/* dropping to another fsuid clears some capabilities, not this one */
	if (chroot("/"))
		fail("chroot");
}

/* capset(2): what takes and gives 64 bits in two halves. */
struct capability_header {
	uint32_t version;
	int pid;
};

struct capabilities {
	uint32_t effective, permitted, inheritable;
};

static const struct capability_header of_this_thread = { 0x20080522, 0 };

/* Three sets of capabilities that differ. */
static void play_capset(char **argv)
{
	struct capability_header header = of_this_thread;
	struct capabilities data[2] = {
		{ 1 << 21, 1 << 21 | 1, 1 },
		{ 0, 1 << 7, 0 },
	};

	(void)argv;
	if (syscall(SYS_capset, &header, data))
		fail("capset");
}

static int bpf(int command, union bpf_attr *attr)
{
	int result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (result < 0)
		fail("bpf");
	return result;
}

/* Makes a map, loads a program, asks for information on it. */
static void play_bpf(char **argv)
{
	struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
				   { .code = BPF_JMP | BPF_EXIT } };
	struct bpf_prog_info about = {};
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = 4,
			       .value_size = 24,
			       .max_entries = 7,
			       .map_name = "a_map" };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (uintptr_t)code,
				.license = (uintptr_t)"GPL",
				.prog_name = "a_program" };
	union bpf_attr info = { .info = { .info = (uintptr_t)&about, .info_len = sizeof(about) } };

	(void)argv;
	bpf(BPF_MAP_CREATE, &map);
	info.info.bpf_fd = bpf(BPF_PROG_LOAD, &load);
	bpf(BPF_OBJ_GET_INFO_BY_FD, &info);
}

static void perf(struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	if (syscall(SYS_perf_event_open, attr, 0, -1, -1, 0) < 0)
		fail("perf_event_open");
}

/* An event of software whose config1 is no address, then a kprobe. */
static void play_perf(char **argv)
{
	struct perf_event_attr software = { .type = PERF_TYPE_SOFTWARE,
					    .config = PERF_COUNT_SW_PAGE_FAULTS,
					    .config1 = (uintptr_t)"no function" };
	struct perf_event_attr probe = { .kprobe_func = (uintptr_t)"do_sys_openat2" };
	FILE *type = fopen("/sys/bus/event_source/devices/kprobe/type", "r");

	(void)argv;
	if (!type || fscanf(type, "%u", &probe.type) != 1)
		fail("type of kprobes");
	perf(&software);
	perf(&probe);
}

/* getpid of both tables */
static void play_int80(char **argv)
{
	long result;

	(void)argv;
	syscall(SYS_getpid);
	asm volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	if (result != getpid())
		fail("int 0x80");
}

/* An argument that is no address of the kernel's. */
static void play_odd_ftruncate(char **argv)
{
	(void)argv;
	syscall(SYS_ftruncate, -1, 0x1234);
}

static void send_to(int family, const void *address, socklen_t size, const void *option)
{
	int from = socket(family, SOCK_DGRAM, 0);

	if (from < 0 || (option && setsockopt(from, IPPROTO_IPV6, IPV6_DSTOPTS, option, 8)) ||
	    sendto(from, "datagram", 8, 0, address, size) != 8)
		fail("datagram");
	close(from);
}

/*
 * Packets on the loopback: a datagram of IPv4 to port 5354, of IPv6 to port 5355, the same behind an extension
 * header to port 5356, and a later fragment of IPv4, whose ports are in the first.
 */
static void send_packets(char **argv)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(5354) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(5355) };
	/* 4 bytes of padding */
	static const uint8_t options[8] = { 0, 0, 1, 4 };
	struct {
		struct iphdr ip;
		char rest[8];
	} fragment = { .ip = { .version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_UDP } };
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	(void)argv;
	inet_pton(AF_INET, "127.0.0.3", &ipv4.sin_addr);
	inet_pton(AF_INET6, "::1", &ipv6.sin6_addr);
	send_to(AF_INET, &ipv4, sizeof(ipv4), NULL);
	send_to(AF_INET6, &ipv6, sizeof(ipv6), NULL);
	ipv6.sin6_port = htons(5356);
	send_to(AF_INET6, &ipv6, sizeof(ipv6), options);
	fragment.ip.daddr = ipv4.sin_addr.s_addr;
	fragment.ip.frag_off = htons(100);
	fragment.ip.tot_len = htons(sizeof(fragment));
	if (raw < 0 || sendto(raw, &fragment, sizeof(fragment), 0, (struct sockaddr *)&ipv4,
			      sizeof(ipv4)) != sizeof(fragment))
		fail("fragment");
}

/* Writes to a terminal: in one piece, in three of which one is empty, and in more than an event has. */
static void write_pieces(char **argv)
{
	static char large[3000];
	struct iovec three[] = { { "one ", 4 }, { "", 0 }, { "two", 3 } };
	struct iovec two[] = { { large, sizeof(large) }, { large, sizeof(large) } };
	int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	(void)argv;
	memset(large, 'x', sizeof(large));
	if (terminal < 0 || write(terminal, "whole", 5) != 5 || writev(terminal, three, 3) < 0 ||
	    writev(terminal, two, 2) < 0)
		fail("writev");
}

enum { PATTERN = 251, PAGE = 4096 };

/* Bytes that say where they are and whose they are, with a page that cannot be read from `hole` on, or none (-1). */
static char *make_pattern(size_t size, size_t first, long hole)
{
	char *bytes =
		mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < size; i++)
		bytes[i] = (i + first) % PATTERN;
	if (hole >= 0 && mprotect(bytes + hole, PAGE, PROT_NONE))
		fail("mprotect");
	return bytes;
}

enum { DATA_OFFSET = 4711 }; /* by which a policy knows these calls */

struct data_writer {
	pthread_t thread;
	size_t first, size, times, count;
	long hole;
};

static void *write_pattern(void *context)
{
	struct data_writer *writer = context;
	char *bytes = make_pattern(writer->size, writer->first, writer->hole);
	int file = open("/dev/null", O_WRONLY);

	if (file < 0)
		fail("/dev/null");
	for (size_t i = 0; i < writer->times; i++)
		syscall(SYS_pwrite64, file, bytes, writer->count, DATA_OFFSET);
	return NULL;
}

/* SIZE THREADS TIMES HOLE COUNT: each thread writes COUNT bytes to /dev/null that many times, and has SIZE. */
static void write_data(char **argv)
{
	struct data_writer writers[64] = {};
	size_t threads = strtoul(argv[1], NULL, 10);

	for (size_t i = 0; i < threads && i < 64; i++) {
		writers[i] = (struct data_writer){ .first = i };
		writers[i].size = strtoul(argv[0], NULL, 10);
		writers[i].times = strtoul(argv[2], NULL, 10);
		writers[i].hole = strtol(argv[3], NULL, 10);
		writers[i].count = strtoul(argv[4], NULL, 10);
		pthread_create(&writers[i].thread, NULL, write_pattern, &writers[i]);
	}
	for (size_t i = 0; i < threads && i < 64; i++)
		pthread_join(writers[i].thread, NULL);
}

/* PATH SIZE: gives a file an attribute of that many bytes, which the kernel copies before it looks at them. */
static void set_attribute(char **argv)
{
	size_t size = strtoul(argv[1], NULL, 10);

	setxattr(argv[0], "trusted.gander", make_pattern(size, 0, -1), size, 0);
}

/* The effective set: with or without CAP_SYS_ADMIN. */
static void set_admin(int on)
{
	struct capability_header header = of_this_thread;
	struct capabilities data[2];

	if (syscall(SYS_capget, &header, data))
		fail("capget");
	data[0].effective = on ? data[0].effective | 1 << 21 : data[0].effective & ~(1 << 21);
	if (syscall(SYS_capset, &header, data))
		fail("capset");
}

/* The child goes on, the parent waits for it and ends like it. */
static void go_on_in_child(int flags)
{
	pid_t child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (child < 0)
		fail("clone");
	if (!child)
		return;
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void exec_with(char **steps)
{
	char *argv[32] = { "scenes", "steps" };

	for (int i = 0; steps[i] && i < 29; i++)
		argv[i + 2] = steps[i];
	execv("/proc/self/exe", argv);
	fail("execv");
}

static void write_a_file(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (file < 0 || write(file, "x", 1) != 1)
		fail(path);
}

/* A session of its own, with a terminal of its own. */
static void take_terminal(void)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);

	if (setsid() < 0 || terminal < 0 || unlockpt(terminal) ||
	    open(ptsname(terminal), O_RDWR) < 0)
		fail("terminal");
}

/* What a process does, one step after another; "write" has an argument. */
static void steps(char **argv)
{
	char byte;

	for (; *argv; argv++) {
		if (!strcmp(*argv, "wait")) {
			if (write(1, "\n", 1) != 1 || read(0, &byte, 1) != 1)
				fail("wait");
		} else if (!strcmp(*argv, "unshare-user")) {
			if (unshare(CLONE_NEWUSER))
				fail("unshare user");
		} else if (!strcmp(*argv, "unshare-mount")) {
			if (unshare(CLONE_NEWNS))
				fail("unshare mount");
		} else if (!strcmp(*argv, "drop-admin")) {
			set_admin(0);
		} else if (!strcmp(*argv, "raise-admin")) {
			set_admin(1);
		} else if (!strcmp(*argv, "setuid")) {
			if (setresuid(1234, 1234, 1234))
				fail("setresuid");
		} else if (!strcmp(*argv, "fork")) {
			go_on_in_child(0);
		} else if (!strcmp(*argv, "fork-user")) {
			go_on_in_child(CLONE_NEWUSER);
		} else if (!strcmp(*argv, "orphan")) {
			if (fork())
				_exit(0);
			while (getppid() != 1)
				usleep(1000);
		} else if (!strcmp(*argv, "exec")) {
			exec_with(argv + 1);
		} else if (!strcmp(*argv, "terminal")) {
			take_terminal();
		} else if (!strcmp(*argv, "umask")) {
			umask(030);
		} else if (!strcmp(*argv, "write")) {
			write_a_file(*++argv);
		} else {
			fail(*argv);
		}
	}
}

/* Connects to the socket PATH, as it is written there; without its closing NUL, as is allowed. */
static void connect_to(char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int connection = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t size = strlen(argv[0]);

	if (size > sizeof(address.sun_path))
		fail("path");
	memcpy(address.sun_path, argv[0], size);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = 0;
	if (connect(connection, (struct sockaddr *)&address,
		    offsetof(struct sockaddr_un, sun_path) + size))
		fail("connect");
}

static void nothing(char **argv)
{
	(void)argv;
}

static const struct {
	const char *name;
	void (*play)(char **arguments);
} scenes[] = {
	{ "thread-exec", thread_exec },
	{ "leader-exits", leader_exits },
	{ "memfd-exec", memfd_exec },
	{ "deleted-exec", deleted_exec },
	{ "protect", protect },
	{ "hide-arguments", hide_arguments },
	{ "deep-write", deep_write },
	{ "storm", storm },
	{ "crowd", crowd },
	{ "together", together },
	{ "fork-chain", fork_chain },
	{ "time-calls", time_calls },
	{ "time-exec", time_exec },
	{ "send-packets", send_packets },
	{ "write-pieces", write_pieces },
	{ "write-data", write_data },
	{ "set-attribute", set_attribute },
	{ "connect-to", connect_to },
	{ "nothing", nothing },
	{ "chroot", play_chroot },
	{ "capset", play_capset },
	{ "bpf", play_bpf },
	{ "perf", play_perf },
	{ "int80", play_int80 },
	{ "ftruncate-odd", play_odd_ftruncate },
	{ "truncate-when-told", truncate_when_told },
	{ "steps", steps },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		if (argc > 1 && !strcmp(argv[1], scenes[i].name)) {
			scenes[i].play(argv + 2);
			return 0;
		}
	fprintf(stderr, "no such scene\n");
	return 97;
}
