/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counts the call of a row (ROW_TALLY). */
#ifndef GANDER_COUNT_CALLS_H
#define GANDER_COUNT_CALLS_H

#include "tables.bpf.h"
#include "tallies.bpf.h"

/* What a new entry is: longer than the stack. */
TABLE(empty_tally, struct tally, 1);

/* Entries go with their process, so one that has begun to exit gets none: it runs no code of its own any more. */
inline_fn bool is_ending(struct task_struct *task, enum tally_of of)
{
	return of == TALLY_PROCESS && task->flags & PF_EXITING;
}

/* The exit of a process that is not known would not be seen. */
inline_fn bool may_count(struct task_struct *task, enum tally_of of)
{
	struct proc *proc;

	if (of == TALLY_CGROUP)
		return true;
	proc = is_ending(task, of) ? NULL : find_proc(task->tgid);
	if (proc && !(proc->flags & PROC_COUNTED))
		__sync_fetch_and_or(&proc->flags, PROC_COUNTED);
	return proc;
}

inline_fn struct tally *add_tally(struct tally_key *key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	struct tally *empty = bpf_map_lookup_elem(&empty_tally, &zero);

	if (!empty || !may_count(task, key->of))
		return NULL;
	bpf_map_update_elem(&tallies, key, empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tallies, key);
}

/* Gives the entry to a condition, unless another one is faster. */
inline_fn bool take_tally(struct tally *tally, __u64 before, __u64 condition)
{
	__u64 was = __sync_val_compare_and_swap(&tally->condition, before, condition);

	if (was == before && before)
		tally->calls = 0;
	return was == before || was == condition;
}

/* The entry of the condition; NULL: there is no room for one. */
inline_fn struct tally *tally_of_condition(struct tally_key *key, __u64 condition, __u64 now)
{
	__u32 first = condition % TALLY_WAYS, old = TALLY_WAYS;
	struct tally *tally;
	__u64 owner = 0;

	for (__u32 i = 0; i < TALLY_WAYS; i++) {
		key->way = (first + i) % TALLY_WAYS;
		tally = bpf_map_lookup_elem(&tallies, key);
		if (!tally) {
			tally = add_tally(key);
			if (!tally)
				return NULL;
		}
		owner = tally->condition;
		if (owner == condition || (!owner && take_tally(tally, 0, condition)))
			return tally;
		if (old == TALLY_WAYS && now > tally->until)
			old = key->way;
	}
	if (old == TALLY_WAYS)
		return NULL;
	key->way = old;
	tally = bpf_map_lookup_elem(&tallies, key);
	if (!tally)
		return NULL;
	owner = tally->condition;
	return take_tally(tally, owner, condition) ? tally : NULL;
}

inline_fn __u64 turn_bits(__u64 call, __u64 wanted)
{
	return (call / wanted + 1) & ((1 << TALLY_TURN_BITS) - 1);
}

/*
 * Counts a call; is it the last of `wanted` in `window` ns? A time that another CPU is about to write has the bits of
 * the previous turn: that call is being made now.
 */
inline_fn bool count_call(struct tally *tally, __u64 wanted, __u64 window)
{
	__u64 turn_mask = (1 << TALLY_TURN_BITS) - 1, call, now, first, time;
	__u32 at;

	call = __sync_fetch_and_add(&tally->calls, 1);
	now = bpf_ktime_get_boot_ns();
	tally->until = now + window;
	at = call % wanted;
	bounded(at, 127);
	if (at < TALLY_CALLS)
		tally->times[at] = (now & ~turn_mask) | turn_bits(call, wanted);
	if (call + 1 < wanted)
		return false;
	first = call + 1 - wanted;
	at = first % wanted;
	bounded(at, 127);
	time = at < TALLY_CALLS ? *(volatile __u64 *)&tally->times[at] : 0;
	if ((time & turn_mask) != turn_bits(first, wanted))
		return true;
	return (__s64)(now - (time & ~turn_mask)) <= (__s64)window;
}

#endif
