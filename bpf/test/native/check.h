/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A test is a function; each failure is printed, and the program then exits with 1. */
#ifndef GANDER_NATIVE_CHECK_H
#define GANDER_NATIVE_CHECK_H

#include <stdarg.h>

static const char *test_name;
static unsigned int test_failures;

static void failed(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("not ok %s: ", test_name);
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	test_failures++;
}

#define expect(CONDITION, ...)                                                                     \
	do {                                                                                       \
		if (!(CONDITION))                                                                  \
			failed(#CONDITION " " __VA_ARGS__);                                        \
	} while (0)

/* Runs a test with the kernel's memory read by loads, and again by copies (cast.bpf.h). */
#define run(TEST)                                                                                  \
	do {                                                                                       \
		unsigned int before_ = test_failures;                                              \
		for (int cast_ = 0; cast_ < 2; cast_++) {                                          \
			native_can_cast = cast_;                                                   \
			test_name = cast_ ? #TEST ", by loads" : #TEST ", by copies";              \
			TEST();                                                                    \
		}                                                                                  \
		if (test_failures == before_)                                                      \
			printf("ok " #TEST "\n");                                                  \
	} while (0)

#endif
