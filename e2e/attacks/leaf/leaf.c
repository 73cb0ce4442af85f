// SPDX-License-Identifier: Apache-2.0
/*
 * `leaf storm-leaf MEMORY INDEX`: one process of a storm (storm.c). Without a C library, whose
 * start alone would take longer than everything else in an emulated machine.
 */
#include <linux/time.h>
#include <sys/syscall.h>

#include "../entry.h"

static long call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static int number_of(const char *text)
{
	int value = 0;

	while (*text)
		value = value * 10 + (*text++ - '0');
	return value;
}

__attribute__((noreturn, used)) static void run(long *stack)
{
	char **argv = (char **)(stack + 1);
	int index = number_of(argv[3]), how;
	struct self self;
	long now[2], fd;

	call(SYS_clock_gettime, 0, (long)now, 0, 0);
	self.in_main = (uint64_t)now[0] * 1000000000 + (uint64_t)now[1];
	self.pid = (int)call(SYS_getpid, 0, 0, 0, 0);
	self.parent = (int)call(SYS_getppid, 0, 0, 0, 0);
	fd = call(SYS_open, (long)argv[2], 1, 0, 0);
	call(SYS_pwrite64, fd, (long)&self, sizeof(self),
	     index * (long)sizeof(struct entry) + (long)__builtin_offsetof(struct entry, self));
	how = end_of(index);
	if (how < 0)
		call(SYS_kill, self.pid, -how, 0, 0);
	for (;;)
		call(SYS_exit_group, how, 0, 0, 0);
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run");
}
