// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Processes whose threads exit at the same time. Prints their pids, one per line.
 *
 *   exits storm HOW COUNT THREADS   HOW: threads | group | groups | leader-first | exec
 *   exits late-thread COUNT         a thread's exit takes so long that the last one is gone before
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 8 };

static const char *how;
static int threads;
static atomic_int waiting;

static void fail(const char *what)
{
	perror(what);
	exit(99);
}

static void end_thread(void)
{
	syscall(SYS_exit, 0);
}

static void start(void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	if (pthread_create(&thread, &attributes, run, argument))
		fail("pthread_create");
}

/* Returns in all threads at the same moment, as far as there are CPUs. */
static void meet(int all)
{
	atomic_fetch_add(&waiting, 1);
	while (atomic_load(&waiting) < all)
		sched_yield();
}

static void *member(void *argument)
{
	long index = (long)argument;

	meet(threads);
	if (!strcmp(how, "groups") || (!strcmp(how, "group") && index == threads / 2))
		syscall(SYS_exit_group, 0);
	if (!strcmp(how, "exec") && index == threads / 2)
		execl("/bin/true", "/bin/true", NULL);
	end_thread();
	return NULL;
}

static void child(void)
{
	for (long i = 1; i < threads; i++)
		start(member, (void *)i);
	if (!strcmp(how, "leader-first")) {
		atomic_fetch_add(&waiting, 1);
		end_thread();
	}
	member(0);
}

static void storm(int count)
{
	for (int started = 0, running = 0; started < count || running;) {
		if (started < count && running < WORKERS) {
			pid_t pid = fork();

			if (pid < 0)
				fail("fork");
			if (!pid)
				child();
			printf("%d\n", pid);
			started++;
			running++;
		} else if (wait(NULL) > 0) {
			running--;
		}
	}
}

/*
 * A thread whose exit takes long: after the kernel has counted the thread out and before it reports the exit,
 * it walks the thread's list of locks, each in a page that is not mapped yet.
 */
static void *late(void *unused)
{
	enum { LOCKS = 2048, STRIDE = 64 << 10 };
	static struct robust_list_head head;
	size_t size = (size_t)LOCKS * STRIDE;
	int file = memfd_create("locks", 0);
	char *written, *fresh;

	(void)unused;
	if (file < 0 || ftruncate(file, size))
		fail("memfd");
	written = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (written == MAP_FAILED || fresh == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < LOCKS; i++) {
		struct robust_list *next =
			i + 1 < LOCKS ? (void *)(fresh + (i + 1) * STRIDE) : &head.list;

		*(struct robust_list **)(written + i * STRIDE) = next;
	}
	head.list.next = (void *)fresh;
	head.futex_offset = sizeof(struct robust_list);
	syscall(SYS_set_robust_list, &head, sizeof(head));
	atomic_fetch_add(&waiting, 1);
	end_thread();
	return NULL;
}

static void late_child(void)
{
	start(late, NULL);
	while (!atomic_load(&waiting))
		usleep(100);
	usleep(1000);
	end_thread();
}

static void late_thread(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid)
			late_child();
		printf("%d\n", pid);
		waitpid(pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	if (argc == 3 && !strcmp(argv[1], "late-thread")) {
		late_thread(atoi(argv[2]));
	} else if (argc == 5) {
		how = argv[2];
		threads = atoi(argv[4]);
		storm(atoi(argv[3]));
	} else {
		return 97;
	}
	fflush(stdout);
	return 0;
}
