/* SPDX-License-Identifier: Apache-2.0 */
/* What a storm remembers of each of its processes (storm.c, leaf/leaf.c). */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdint.h>

/* written by the process itself */
struct self {
	int32_t pid, parent;
	uint64_t in_main; /* ns, CLOCK_REALTIME */
};

struct entry {
	uint64_t before_fork;
	struct self self;
	int32_t status, pad;
};

/* How the process with this index ends: an exit code, or minus the signal it sends itself. */
static inline int end_of(int index)
{
	if (index % 50 == 7)
		return -9;
	if (index % 50 == 9)
		return -15;
	return index % 97;
}

#endif
