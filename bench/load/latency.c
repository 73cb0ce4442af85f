// SPDX-License-Identifier: Apache-2.0
/*
 * latency DIRECTORY COUNT INTERVAL_US < LINES: writes to COUNT files in DIRECTORY, one per
 * INTERVAL_US, and waits until their names arrive in the lines of standard input. Prints p50, p99
 * and the longest time in nanoseconds, and how many names did not arrive within 10 s.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

enum { MAX_MARKS = 100000, LINE = 1 << 20 };

static const char mark[] = "/latency-";
static volatile long written[MAX_MARKS];
static long arrived[MAX_MARKS];
static long count;

static void *write_marks(void *arguments)
{
	char **argv = arguments, name[512];
	long interval_us = atol(argv[2]);

	for (long i = 0; i < count; i++) {
		int file;

		usleep(interval_us);
		snprintf(name, sizeof(name), "%s%s%06ld", argv[0], mark, i);
		file = open(name, O_WRONLY | O_CREAT, 0600);
		if (file < 0)
			fail(name);
		written[i] = clock_ns(CLOCK_MONOTONIC);
		if (write(file, "x", 1) != 1)
			fail(name);
		close(file);
		unlink(name);
	}
	return NULL;
}

static long take_line(const char *line, long now)
{
	const char *found = strstr(line, mark);
	long i = found ? atol(found + strlen(mark)) : -1;

	if (i < 0 || i >= count || !written[i] || arrived[i])
		return 0;
	arrived[i] = now - written[i];
	return 1;
}

/* Reads until all marks have arrived, or no data has for ten seconds. */
static void read_lines(void)
{
	static char buffer[LINE + 1];
	struct pollfd input = { .events = POLLIN };
	size_t have = 0;
	long left = count;

	while (left > 0 && poll(&input, 1, 10000) > 0) {
		ssize_t size = read(0, buffer + have, LINE - have);
		long now = clock_ns(CLOCK_MONOTONIC);
		char *line = buffer, *end;

		if (size <= 0)
			break;
		have += size;
		buffer[have] = 0;
		for (; (end = memchr(line, '\n', buffer + have - line)); line = end + 1) {
			*end = 0;
			left -= take_line(line, now);
		}
		have -= line - buffer;
		memmove(buffer, line, have);
		if (have == LINE)
			have = 0; /* our lines are shorter */
	}
}

void measure_latency(char **argv)
{
	static long sorted[MAX_MARKS];
	pthread_t writer;
	long n = 0;

	count = atol(argv[1]);
	if (count < 1 || count > MAX_MARKS) {
		fprintf(stderr, "load: 1 to %d marks\n", MAX_MARKS);
		exit(2);
	}
	pthread_create(&writer, NULL, write_marks, argv);
	read_lines();
	pthread_join(writer, NULL);
	for (long i = 0; i < count; i++)
		if (arrived[i])
			sorted[n++] = arrived[i];
	if (n == 0) {
		fprintf(stderr, "load: none of %ld marks arrived\n", count);
		exit(1);
	}
	qsort(sorted, n, sizeof(*sorted), compare_longs);
	printf("%ld %ld %ld %ld\n", sorted[n / 2], sorted[n - 1 - n / 100], sorted[n - 1],
	       count - n);
}
