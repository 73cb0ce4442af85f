/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The path of the binary in the entry of a process, against a set. */
#ifndef GANDER_BINARIES_H
#define GANDER_BINARIES_H

#include "sets.bpf.h"

/* `match`: enum path_match; `longest`: of the set's postfixes, or more. */
inline_fn bool binary_in(struct scratch *s, struct proc *proc, __u32 match, __u32 set,
			 __u32 longest)
{
	__u64 binary = address_of(proc->binary);
	__u32 size = proc->binary_length;
	bool whole = size <= BINARY_SIZE;

	switch (match) {
	case PATH_PREFIX:
		return in_prefix_set(s, set, binary, whole ? size : BINARY_SIZE);
	case PATH_POSTFIX:
		if (whole)
			return in_postfix_set(s, set, binary + size, size, longest);
		return in_postfix_set(s, set, address_of(proc->tail + BINARY_TAIL), BINARY_TAIL,
				      longest);
	}
	return whole && in_str_set(s, set, binary, size);
}

#endif
