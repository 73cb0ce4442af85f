/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITE_H
#define WRITE_H

#include <sys/types.h>

/* How a file is reached: gives a descriptor open for writing, or ends the attack. */
struct route {
	const char *name;
	int (*open)(const char *path, int flags);
	void (*finish)(int fd, const char *path); /* after the write, or NULL */
};

/* How something gets into an open file. */
struct method {
	const char *name;
	void (*write)(int fd, const char *text, size_t size);
	int flags; /* of open(2), besides O_WRONLY */
};

extern const struct route routes[];	     /* write-routes.c */
extern const struct route mount_routes[];    /* write-mounts.c */
extern const struct method methods[];	     /* write-methods.c */
extern const struct method kernel_methods[]; /* write-kernel.c */

/* Before a route is taken: afterwards it may not be allowed any more. */
void allow_core_dumps(void);

/* directory of `path` into `directory` (4096 bytes); gives its last part */
const char *split_path(const char *path, char *directory);

#endif
