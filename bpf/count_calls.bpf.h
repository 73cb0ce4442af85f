/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counts the call of a row (ROW_TALLY). */
#ifndef GANDER_COUNT_CALLS_H
#define GANDER_COUNT_CALLS_H

#include "tables.bpf.h"
#include "tallies.bpf.h"

enum { CSS_ONLINE = 2 };

enum { TURN_MASK = (1 << TALLY_TURN_BITS) - 1, TURNS = TURN_MASK + 1 };

/*
 * Entries go with their process or cgroup. So one that has begun to exit, and runs no code of its own any more, gets
 * none, nor does a cgroup that is being removed.
 */
inline_fn bool is_ending(enum tally_of of)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (of == TALLY_PROCESS)
		return task->flags & PF_EXITING;
	return !(BPF_CORE_READ(task, cgroups, dfl_cgrp, self.flags) & CSS_ONLINE);
}

/* NULL: it is ending, or there is no room. */
inline_fn struct tally *add_tally(struct scratch *s, struct tally_key *key)
{
	enum tally_of of = key->condition & 1;
	__u32 owner = tally_owner_of(owning_cgroup());
	struct proc *proc = of == TALLY_PROCESS ? find_proc(key->id) : NULL;
	struct scratch *memory = keys_of(s);

	if (!memory || is_ending(of) || !hold_tally(owner))
		return NULL;
	if (proc && !(proc->flags & PROC_COUNTED))
		__sync_fetch_and_or(&proc->flags, PROC_COUNTED);
	bpf_probe_read_kernel(&memory->key.tally, sizeof(memory->key.tally), NULL); /* zeros */
	memory->key.tally.owner = owner;
	if (bpf_map_update_elem(&tallies, key, &memory->key.tally, BPF_NOEXIST))
		let_go_tally(owner); /* another thread was faster, or there is no memory */
	else if (is_ending(of))
		forget_tally(key); /* its removal may not have seen the entry */
	return bpf_map_lookup_elem(&tallies, key);
}

/* Where a call's time is, if it has been written: with these bits. */
struct turn {
	__u32 at;
	__u32 bits;
};

inline_fn struct turn turn_of(__u64 call)
{
	__u64 turn = call / TALLY_TIMES;

	return (struct turn){ .at = call - turn * TALLY_TIMES, .bits = (turn + 1) & TURN_MASK };
}

inline_fn __u64 *time_at(struct tally *tally, __u32 at)
{
	bounded(at, 127);
	return at < TALLY_TIMES ? &tally->times[at] : NULL;
}

/* By how many turns the time is later than these bits say; negative: earlier. */
inline_fn int turns_after(__u64 time, __u32 bits)
{
	int turns = (time - bits) & TURN_MASK;

	return turns < TURNS / 2 ? turns : turns - TURNS;
}

/* Unless a later call at this place, whose CPU was faster, has written its own. */
inline_fn void write_time(__u64 *place, __u64 now, __u32 bits)
{
	__u64 known = *(volatile __u64 *)place, seen;

#pragma unroll
	for (int i = 0; i < 3; i++) {
		if (turns_after(known, bits) >= 0)
			return;
		seen = __sync_val_compare_and_swap(place, known, (now & ~(__u64)TURN_MASK) | bits);
		if (seen == known)
			return;
		known = seen;
	}
}

/*
 * Counts a call; is it the last of `wanted` in `window` ns? A time that is not written yet is that of a call which is
 * being made now. If the first of them has been overwritten, because this CPU was held up while others made many
 * calls, the last that were made decide: this one is among the calls of now as well.
 */
inline_fn bool count_call(struct tally *tally, __u64 wanted, __u64 window)
{
	__u64 call = __sync_fetch_and_add(&tally->calls, 1), now = bpf_ktime_get_boot_ns();
	struct turn turn = turn_of(call);
	__u64 *place = time_at(tally, turn.at), time;
	int turns;

	if (place)
		write_time(place, now, turn.bits);
	for (int i = 0; i < 3; i++) {
		if (call + 1 < wanted)
			return false;
		turn = turn_of(call + 1 - wanted);
		place = time_at(tally, turn.at);
		time = place ? *(volatile __u64 *)place : 0;
		turns = turns_after(time, turn.bits);
		if (turns <= 0)
			return turns || (__s64)(now - (time & ~(__u64)TURN_MASK)) <= (__s64)window;
		call = *(volatile __u64 *)&tally->calls - 1;
		now = bpf_ktime_get_boot_ns();
	}
	return true;
}

#endif
