// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Static probes (USDT), with arguments in each place that a compiler puts them: probed WHAT ARGUMENTS… The
 * macro writes the note that sys/sdt.h would write, with the operands as the test wants them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUNCTION __attribute__((noipa))

/* COUNTER: the symbol of a number that the kernel raises while the probe is in use, or 0. */
#define PROBE(PROVIDER, NAME, COUNTER, ARGUMENTS, ...)                                             \
	asm volatile("990: nop\n"                                                                  \
		     ".pushsection .note.stapsdt, \"\", \"note\"\n"                                \
		     ".balign 4\n"                                                                 \
		     ".4byte 992f - 991f, 994f - 993f, 3\n"                                        \
		     "991: .asciz \"stapsdt\"\n"                                                   \
		     "992: .balign 4\n"                                                            \
		     "993: .8byte 990b, _.stapsdt.base, " COUNTER "\n"                             \
		     ".asciz \"" PROVIDER "\"\n"                                                   \
		     ".asciz \"" NAME "\"\n"                                                       \
		     ".asciz \"" ARGUMENTS "\"\n"                                                  \
		     "994: .balign 4\n"                                                            \
		     ".popsection\n"                                                               \
		     ".ifndef _.stapsdt.base\n"                                                    \
		     ".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"   \
		     ".weak _.stapsdt.base\n"                                                      \
		     ".hidden _.stapsdt.base\n"                                                    \
		     "_.stapsdt.base: .space 1\n"                                                  \
		     ".size _.stapsdt.base, 1\n"                                                   \
		     ".popsection\n"                                                               \
		     ".endif\n"                                                                    \
		     :                                                                             \
		     : __VA_ARGS__                                                                 \
		     : "memory")

__attribute__((section(".probes"))) volatile uint16_t counted_semaphore;

volatile uint64_t stock = 1000;
static uint32_t prices[] = { 10, 20, 30, 40 };

FUNCTION void forms(int number, const char *text, uint64_t index)
{
	const char *volatile kept = text;
	uint16_t word = number;

	PROBE("shop", "forms", "0",
	      "-4@%k0 8@%1 8@%2 -4@%3 4@(%4,%5,4) 8@stock(%%rip) 2@%w6 1@%h7 8@%%xmm0 8@-8(%4)",
	      "r"(number), "r"(text), "m"(kept), "i"(-7), "r"(prices), "r"(index), "r"(word),
	      "a"(0x1234), "m"(stock));
}

/* The same probe twice, with its arguments in different places. */
FUNCTION void sold_here(int count, const char *what)
{
	PROBE("shop", "sold", "0", "-4@%k0 8@%1", "D"(count), "S"(what));
}

FUNCTION void sold_there(int count, const char *what)
{
	const char *volatile kept = what;

	PROBE("shop", "sold", "0", "-4@%k0 8@%1", "b"(count), "m"(kept));
}

FUNCTION int creates(const char *path)
{
	PROBE("shop", "creating", "0", "8@%0", "r"(path));
	return open(path, O_CREAT | O_WRONLY, 0600);
}

/* As the macros of sys/sdt.h have it: arguments are only computed if a tool is listening. */
FUNCTION int counted(int number)
{
	if (counted_semaphore)
		PROBE("shop", "counted", "counted_semaphore", "-4@%k0", "r"(number));
	return counted_semaphore;
}

FUNCTION int plain(int number)
{
	return number + counted_semaphore;
}

/* The second argument is at an address that is not mapped, the first beside the size of a buffer that is. */
FUNCTION void unmapped(int number, const char *nowhere, const char *bytes, uint64_t size)
{
	PROBE("shop", "unmapped", "0", "-4@%k0 8@(%1) 8@%2 8@%3", "r"(number), "r"(nowhere),
	      "r"(bytes), "r"(size));
}

const int fixed = 3;

/* What the probe is given is in memory, and decides; the second argument is in memory that nothing may write. */
FUNCTION int asked(int number)
{
	volatile int answer = number;
	volatile long wide = number;

	PROBE("shop", "asked", "0", "-4@%0 -4@fixed(%%rip) 8@%1 -4@%k2", "m"(answer), "m"(wide),
	      "r"(number));
	return answer + 1000 * *(const volatile int *)&fixed;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "forms") && argc == 5)
		forms(atoi(argv[2]), argv[3], strtoul(argv[4], NULL, 0));
	else if (!strcmp(what, "sold") && argc == 4) {
		sold_here(atoi(argv[2]), argv[3]);
		sold_there(atoi(argv[2]) + 1, argv[3]);
	} else if (!strcmp(what, "creates"))
		return creates(argv[2]) < 0;
	else if (!strcmp(what, "counted"))
		printf("%d\n", counted(atoi(argv[2])));
	else if (!strcmp(what, "plain"))
		printf("%d\n", plain(atoi(argv[2])));
	else if (!strcmp(what, "asked"))
		printf("%d\n", asked(atoi(argv[2])));
	else if (!strcmp(what, "unmapped") && argc == 4)
		unmapped(atoi(argv[2]), (const char *)16, argv[3], strlen(argv[3]));
	else
		return 2;
	return 0;
}
