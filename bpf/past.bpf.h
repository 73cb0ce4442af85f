/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a process was: the maps `parents` and `privileges` (state.bpf.h). Kept only while policies ask
 * for it. Of processes from before that, the iterator takes what they are at that time.
 */
#ifndef GANDER_PAST_H
#define GANDER_PAST_H

#include "lineage.bpf.h"

inline_fn bool keeps_past(__u32 flag)
{
	struct config *settings = get_config();

	return settings && settings->flags & flag;
}

/*
 * Remembers the entry of `parent` for its child `tgid`. With BPF_NOEXIST an earlier one stays, and gets marks that
 * are new since. `stage`: room for an entry of the process with number 0, which `procs` does not have.
 */
inline_fn void remember_parent(__u32 tgid, __u32 parent, __u32 parent_flags, struct stage *stage,
			       __u64 how)
{
	struct followed *extra = bpf_map_lookup_elem(&follow_pids, &parent);
	struct proc *known = find_proc(parent), *entry;
	int error;

	if (!known && stage && parent_flags & PF_KTHREAD) {
		bpf_probe_read_kernel(&stage->proc, sizeof(stage->proc), NULL); /* zeros */
		known = &stage->proc;
	}
	if (!known)
		return;
	error = bpf_map_update_elem(&parents, &tgid, known, how);
	entry = bpf_map_lookup_elem(&parents, &tgid);
	if (!entry || (error && error != -EEXIST)) {
		bpf_map_delete_elem(&parents, &tgid); /* of an earlier process */
		count_fault(FAULT_PAST_TABLE);
		return;
	}
	if (entry->key.pid != parent)
		return; /* the parent has ended, and this is the process that adopted the child */
	__sync_fetch_and_or(&entry->follow.bits, known->follow.bits | (extra ? extra->bits : 0));
	__sync_fetch_and_or(&entry->follow.believed,
			    known->follow.believed | (extra ? extra->believed : 0));
	if (parent_flags & PF_KTHREAD)
		__sync_fetch_and_or(&entry->flags, PROC_KERNEL_THREAD);
}

inline_fn void store_privileges(__u32 tgid, struct privileges *own, __u64 how)
{
	int error = bpf_map_update_elem(&privileges, &tgid, own, how);

	if (!error || error == -EEXIST)
		return;
	bpf_map_delete_elem(&privileges, &tgid); /* of the previous image, or process */
	count_fault(FAULT_PAST_TABLE);
}

/*
 * The rest are functions that the verifier follows once. A process that has just called exec, or that the iterator
 * found: its record is in the stage.
 */
__noinline int remember_privileges(__u32 stage_index, __u32 tgid, __u32 how)
{
	struct stage *stage;

	if (!keeps_past(CONFIG_PRIVILEGES))
		return 0;
	stage = stage_at(stage_index);
	if (stage)
		store_privileges(tgid, &stage->exec.privileges, how);
	return 0;
}

/* A process from before: its parent is the current one. */
__noinline int remember_present_parent(__u32 stage_index, __u32 tgid, __u32 parent,
				       __u32 parent_flags)
{
	if (keeps_past(CONFIG_PARENTS))
		remember_parent(tgid, parent, parent_flags, stage_at(stage_index), BPF_NOEXIST);
	return 0;
}

__noinline int remember_forker(__u32 tgid, __u32 parent, __u32 parent_flags)
{
	remember_parent(tgid, parent, parent_flags, NULL, BPF_ANY);
	return 0;
}

__noinline int inherit_privileges(__u32 tgid, __u32 parent)
{
	struct privileges *own = bpf_map_lookup_elem(&privileges, &parent);
	if (own)
		store_privileges(tgid, own, BPF_ANY);
	else
		bpf_map_delete_elem(&privileges, &tgid); /* of an earlier process */
	return 0;
}

inline_fn void inherit_past(__u32 tgid, __u32 parent, __u32 parent_flags)
{
	struct config *settings = get_config();
	__u32 flags = settings ? settings->flags : 0;

	if (flags & CONFIG_PARENTS)
		remember_forker(tgid, parent, parent_flags);
	if (flags & CONFIG_PRIVILEGES)
		inherit_privileges(tgid, parent);
}

__noinline int forget_privileges(__u32 tgid)
{
	if (keeps_past(CONFIG_PRIVILEGES))
		bpf_map_delete_elem(&privileges, &tgid);
	return 0;
}

__noinline int forget_past(__u32 tgid)
{
	if (keeps_past(CONFIG_PARENTS))
		bpf_map_delete_elem(&parents, &tgid);
	return forget_privileges(tgid);
}

#endif
