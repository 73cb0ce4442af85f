// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Functions that uprobes hook: called WHAT ARGUMENTS… LATER is the next version of the program, in which
 * they lie elsewhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Called as the compiler finds it, with arguments in the registers of the ABI. */
#define FUNCTION __attribute__((noipa))

#ifdef LATER
FUNCTION int first_of_all(int number)
{
	return printf("%d\n", number) + getpid();
}
#endif

FUNCTION long adds(int a, unsigned long b, const char *text, const char *bytes, size_t size)
{
	return a + b + strlen(text) + (size ? bytes[0] : 0);
}

FUNCTION long factorial(unsigned int n)
{
	return n < 2 ? 1 : n * factorial(n - 1);
}

FUNCTION const char *answers(const char *question)
{
	return question[0] == '?' ? "yes, of course" : "no";
}

FUNCTION int creates(const char *path)
{
	return open(path, O_CREAT | O_WRONLY, 0600);
}

/* At the label at_registers, %rax has this number and %rbx the address of the text. */
FUNCTION void fills_registers(const char *text)
{
	asm volatile("movabs $0x1122334455ff7788, %%rax\n\t"
		     ".globl at_registers\n\t"
		     ".type at_registers, @function\n"
		     "at_registers:\n\t"
		     "nop"
		     :
		     : "b"(text)
		     : "rax");
}

static jmp_buf start;

FUNCTION int leaps(int to)
{
	if (to)
		longjmp(start, to);
	return to;
}

/* Nanoseconds that a call takes. */
static long times(int calls)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < calls; i++)
		adds(i, 1, "a text", "", 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec) / calls;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "adds") && argc == 6)
		printf("%ld\n", adds(atoi(argv[2]), strtoul(argv[3], NULL, 0), argv[4], argv[5],
				     strlen(argv[5])));
	else if (!strcmp(what, "times"))
		printf("%ld\n", times(atoi(argv[2])));
	else if (!strcmp(what, "factorial"))
		printf("%ld\n", factorial(atoi(argv[2])));
	else if (!strcmp(what, "answers"))
		printf("%s\n", answers(argv[2]));
	else if (!strcmp(what, "registers")) {
		fills_registers(argv[2]);
		printf("filled\n");
	} else if (!strcmp(what, "creates"))
		return creates(argv[2]) < 0;
	else if (!strcmp(what, "leaps")) {
		for (volatile int i = atoi(argv[2]); i > 0; i--)
			if (!setjmp(start))
				leaps(i);
		printf("%d\n", leaps(0));
	} else
		return 2;
	return 0;
}
