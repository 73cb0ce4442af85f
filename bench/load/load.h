/* SPDX-License-Identifier: Apache-2.0 */
/* The shared parts of the load program. All clocks are in nanoseconds. */
#ifndef GANDER_LOAD_H
#define GANDER_LOAD_H

#include <stdlib.h>
#include <time.h>

_Noreturn void fail(const char *what);

static inline long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static inline int compare_longs(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

/* vfork, exec of build/nothing, wait. */
void run_nothing(void);

void time_calls(char **argv);
void measure_latency(char **argv);

#endif
