// SPDX-License-Identifier: Apache-2.0
/*
 * Reads files for the sensor that may never answer: the sensor doesn't wait, and can go without this
 * process. Usage: read-files LIMIT. Standard input: paths, each ends with a NUL. Standard output, for
 * each path in its order: a 32-bit number of bytes (-1: it can't be read), then the bytes, at most LIMIT.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int32_t read_file(const char *path, char *bytes, int32_t limit)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int32_t size = 0;
	ssize_t part = 0;

	if (file < 0)
		return -1;
	while (size < limit && (part = read(file, bytes + size, limit - size)) > 0)
		size += part;
	close(file);
	return part < 0 ? -1 : size;
}

static void write_all(const char *bytes, size_t size)
{
	for (ssize_t part; size > 0; bytes += part, size -= part) {
		part = write(STDOUT_FILENO, bytes, size);
		if (part <= 0)
			exit(1);
	}
}

int main(int argc, char **argv)
{
	int32_t limit = argc > 1 ? atoi(argv[1]) : 0, size;
	char *bytes = malloc(limit > 0 ? limit : 1), *path = NULL;
	size_t room = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (limit <= 0 || !bytes)
		return 2;
	while (getdelim(&path, &room, '\0', stdin) > 0) {
		size = read_file(path, bytes, limit);
		write_all((const char *)&size, sizeof(size));
		write_all(bytes, size > 0 ? size : 0);
	}
	return 0;
}
