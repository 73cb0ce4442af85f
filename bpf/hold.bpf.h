/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Early processes: those that call exec in a pod whose policies have not arrived. The kubelet's cgroups
 * say which pods these are: user space lists the ones that pods are made in, a new cgroup is treated as
 * its parent says, and user space removes the entry once the pod's policies are in force.
 *
 * A held process stops at its return from exec, before its first instruction, and runs on by SIGCONT.
 * Without a sensor that would send it, nothing is held.
 */
#ifndef GANDER_HOLD_H
#define GANDER_HOLD_H

#include "lineage.bpf.h"

enum { SIGCONT_NUMBER = 18, SIGSTOP_NUMBER = 19 }; /* x86 */

HASH(early, __u64, struct early_cgroup, MAX_EARLY);
HASH(held, __u32, struct held, MAX_HELD);

inline_fn bool can_hold(struct config *settings)
{
	return *(volatile __u32 *)&settings->holder &&
	       bpf_ktime_get_ns() < *(volatile __u64 *)&settings->hold_until;
}

inline_fn __u32 early_exec_in(__u64 cgroup)
{
	struct early_cgroup *entry = bpf_map_lookup_elem(&early, &cgroup);

	return entry ? *(volatile __u16 *)&entry->own : EARLY_NOTHING;
}

/*
 * User space first removes the cgroup's entry (or the holder), then lets go all it finds in `held`. This
 * is the reverse order: either it finds the process, or the process sees that it need not wait.
 */
inline_fn bool hold(struct config *settings, __u32 tgid, struct process_key *key, __u64 cgroup)
{
	struct held entry = { .process = *key, .cgroup = cgroup, .since = bpf_ktime_get_ns() };

	if (bpf_send_signal(SIGSTOP_NUMBER)) {
		count_fault(FAULT_HOLD);
		return false;
	}
	if (bpf_map_update_elem(&held, &tgid, &entry, BPF_ANY)) {
		bpf_send_signal(SIGCONT_NUMBER); /* also takes the pending stop away */
		count_fault(FAULT_HOLD);
		return false;
	}
	__sync_fetch_and_add(&settings->held,
			     1); /* also the barrier between the write and the reads */
	if (early_exec_in(cgroup) == EARLY_HOLD && can_hold(settings))
		return true;
	bpf_map_delete_elem(&held, &tgid);
	bpf_send_signal(SIGCONT_NUMBER);
	return false;
}

/* A process with this key has called exec; returns flags for its record (enum exec_flags). */
shared_fn __u32 exec_early(struct task_struct *task, struct process_key *key)
{
	struct config *settings = get_config();
	__u64 cgroup = bpf_get_current_cgroup_id();
	__u32 what = early_exec_in(cgroup);

	if (!settings || what == EARLY_NOTHING)
		return 0;
	if (what == EARLY_HOLD && can_hold(settings)) {
		if (hold(settings, task->tgid, key, cgroup))
			return 0;
		/* Its policies arrived meanwhile? */
		if (early_exec_in(cgroup) == EARLY_NOTHING)
			return 0;
	}
	__sync_fetch_and_add(&settings->early, 1);
	return EXEC_EARLY;
}

inline_fn __u32 early_flags(struct task_struct *task, struct process_key *key)
{
	struct config *settings = get_config();

	return settings && settings->flags & CONFIG_EARLY ? exec_early(task, key) : 0;
}

/* The process ends: no later process with its number is let go in its place, or waits for it. */
inline_fn void forget_held(struct config *settings, __u32 tgid)
{
	if (settings->holder == tgid)
		*(volatile __u32 *)&settings->holder = 0;
	bpf_map_delete_elem(&held, &tgid);
}

/* Before anything can run in the cgroup. */
inline_fn void inherit_early(struct cgroup *cgroup)
{
	struct config *settings = get_config();
	struct cgroup_subsys_state *parent = pointer_in(cgroup, self.parent);
	__u64 id = pointer_in(cgroup, kn)->id, parent_id;
	struct early_cgroup *known, entry;

	if (!settings || !(settings->flags & CONFIG_EARLY) ||
	    pointer_in(cgroup, root)->hierarchy_id)
		return;
	parent_id = BPF_CORE_READ(parent, cgroup, kn, id);
	known = bpf_map_lookup_elem(&early, &parent_id);
	if (!known || known->nested == EARLY_NOTHING)
		return;
	entry.own = entry.nested = *(volatile __u16 *)&known->nested;
	if (bpf_map_update_elem(&early, &id, &entry, BPF_ANY))
		count_fault(FAULT_HOLD);
}

inline_fn void forget_early(struct cgroup *cgroup)
{
	struct config *settings = get_config();
	__u64 id = pointer_in(cgroup, kn)->id;

	if (settings && settings->flags & CONFIG_EARLY && !pointer_in(cgroup, root)->hierarchy_id)
		bpf_map_delete_elem(&early, &id);
}

#endif
