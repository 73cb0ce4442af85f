/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls that are counted (ROW_TALLY): the times of the last ones, by process or cgroup. An entry is removed when its
 * process or cgroup ends, so the table is full only while that many count.
 */
#ifndef GANDER_TALLIES_H
#define GANDER_TALLIES_H

#include "lineage.bpf.h"

HASH(tallies, struct tally_key, struct tally, MAX_TALLIES);

inline_fn bool keeps_tallies(void)
{
	struct config *settings = get_config();

	return settings && settings->flags & CONFIG_TALLIES;
}

__noinline int forget_tallies(__u64 id, enum tally_of of)
{
	struct tally_key key = { .id = id, .of = of };

	for (int i = 0; i < TALLY_WAYS; i++) {
		key.way = i;
		bpf_map_delete_elem(&tallies, &key);
	}
	return 0;
}

/* Before the process is removed from `procs`. */
inline_fn void forget_tallies_of_process(__u32 tgid)
{
	struct proc *proc = keeps_tallies() ? find_proc(tgid) : NULL;

	if (proc && proc->flags & PROC_COUNTED)
		forget_tallies(tgid, TALLY_PROCESS);
}

#endif
