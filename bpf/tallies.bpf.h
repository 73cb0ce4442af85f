/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls that are counted (ROW_TALLY): the times of the last ones, by process or cgroup and by condition. An entry is
 * removed when its process, cgroup or condition ends. However many an owner (a pod, a user's session) asks for, others
 * find room: what it may hold is a part of what is free, so it shrinks while there are more that want some. The owner
 * is the one in which the entry was made, wherever its process moves.
 */
#ifndef GANDER_TALLIES_H
#define GANDER_TALLIES_H

#include "lineage.bpf.h"

HASH(tallies, struct tally_key, struct tally, MAX_TALLIES);
TABLE(tally_owners, struct tally_owner, TALLY_OWNERS);
/* Those in force, and those that come into force next. */
TABLE(conditions, __u64, 2 * MAX_CONDITIONS);

enum { TALLY_OWNER_PLACES = 8 }; /* of an owner in the table */

inline_fn struct tally_owner *tally_owner_at(__u32 at)
{
	return bpf_map_lookup_elem(&tally_owners, &at);
}

/* The owner's index. Where all its places are taken, it shares one, and the limit of it. */
inline_fn __u32 tally_owner_of(__u64 cgroup)
{
	__u32 first = cgroup * 0x9e3779b97f4a7c15ULL >> 32, at, free = TALLY_OWNERS;
	struct tally_owner *owner;

#pragma clang loop unroll(disable)
	for (int i = 0; i < TALLY_OWNER_PLACES; i++) {
		at = (first + i) % TALLY_OWNERS;
		owner = tally_owner_at(at);
		if (owner && owner->cgroup == cgroup)
			return at;
		if (owner && free == TALLY_OWNERS && !owner->held)
			free = at;
	}
	owner = tally_owner_at(free);
	if (!owner)
		return first % TALLY_OWNERS;
	owner->cgroup = cgroup;
	return free;
}

/* False: the owner has its part. The CPUs together may go a few beyond it. */
inline_fn bool hold_tally(__u32 owner)
{
	struct config *settings = get_config();
	struct tally_owner *its = tally_owner_at(owner);
	__u32 taken = settings ? *(volatile __u32 *)&settings->tallies : MAX_TALLIES;

	if (!settings || !its || taken >= MAX_TALLIES ||
	    *(volatile __u32 *)&its->held >= (MAX_TALLIES - taken) / TALLY_PART)
		return false;
	__sync_fetch_and_add(&its->held, 1);
	__sync_fetch_and_add(&settings->tallies, 1);
	return true;
}

inline_fn void let_go_tally(__u32 owner)
{
	struct config *settings = get_config();
	struct tally_owner *its = tally_owner_at(owner);

	if (!settings || !its)
		return;
	__sync_fetch_and_add(&its->held, -1);
	__sync_fetch_and_add(&settings->tallies, -1);
}

/* Of all that remove an entry, one succeeds: its owner holds one less. */
inline_fn void forget_tally(struct tally_key *key)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, key);
	__u32 owner;

	if (!tally)
		return;
	owner = tally->owner;
	if (!bpf_map_delete_elem(&tallies, key))
		let_go_tally(owner);
}

inline_fn __u64 condition_at(__u32 at)
{
	__u64 *condition = bpf_map_lookup_elem(&conditions, &at);

	return condition ? *(volatile __u64 *)condition : 0;
}

inline_fn bool keeps_tallies(void)
{
	struct config *settings = get_config();

	return settings && settings->flags & CONFIG_TALLIES;
}

struct counted {
	__u64 id;
	enum tally_of of;
};

static long forget_callback(__u64 i, struct counted *counted)
{
	struct tally_key key = { .id = counted->id, .condition = condition_at(i) };

	if (key.condition && (key.condition & 1) == counted->of)
		forget_tally(&key);
	return 0;
}

__noinline int forget_tallies(__u64 id, enum tally_of of)
{
	struct counted counted = { .id = id, .of = of };
	struct config *settings = get_config();

	if (settings)
		bpf_loop(settings->conditions, forget_callback, &counted, 0);
	return 0;
}

/* Before the process is removed from `procs`. One that has no entry there may have counted all the same. */
inline_fn void forget_tallies_of_process(__u32 tgid)
{
	struct proc *proc;

	if (!keeps_tallies())
		return;
	proc = find_proc(tgid);
	if (!proc || proc->flags & PROC_COUNTED)
		forget_tallies(tgid, TALLY_PROCESS);
}

#endif
