/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a file, step by step: openat2(2) follows links too, but says nothing of whose they are. */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "value.h"

/* A look at one entry of a folder, which takes as long as its file system does. */
struct walk_step {
	uint32_t device[2];
	uint64_t folder;
	char name[256];
};

/* What led to a file that its user may not choose. */
struct walk_refusal {
	bool is_link;  /* otherwise a further name of the file */
	uint32_t user; /* UINT32_MAX: it may be from anyone */
	uint32_t owner;
	char by[MAX_PATH], file[MAX_PATH];
};

struct walk {
	/* Of the caller. */
	const char *root, *path;
	bool own_only; /* links of a user lead to his own files */
	/* Called before each step; an error ends the walk. */
	int (*begin)(struct walk *walk, const struct walk_step *step);
	/* Result: of the file, and with -EXDEV of the refusal. */
	struct statx status;
	struct walk_refusal refusal;
};

/* An O_PATH descriptor of the regular file, or a negated errno. No link and no `..` leaves the root. Links of
 * /proc that lead to somebody's files: -ELOOP. Something else than a regular file: -EINVAL. */
int walk(struct walk *walk);
/* Of a descriptor, as the kernel shows it: from the root of the file's own mounts. */
void path_of(int fd, char *path, size_t size);

#endif
