/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Creation and removal of cgroups: the first sign of a container. A new cgroup inherits its parent's
 * group before anything can run in it; user space may correct the group later.
 */
#ifndef GANDER_CGROUPS_H
#define GANDER_CGROUPS_H

#include "details.bpf.h"
#include "hold.bpf.h"
#include "tallies.bpf.h"

/* Updates `cgroup_places` after a cgroup was added to `cgroups`. */
inline_fn void take_place(__u64 id, __u32 group)
{
	__u32 at = id & (CGROUP_PLACES - 1);
	__u64 *place = bpf_map_lookup_elem(&cgroup_places, &at);
	__u64 others = id / CGROUP_PLACES, own = others << PLACE_CGROUP_SHIFT;
	bool fits = own >> PLACE_CGROUP_SHIFT == others;

	own |= PLACE_TAKEN | (group & PLACE_GROUP_MASK);
	if (place && (!fits || __sync_val_compare_and_swap(place, 0, own)))
		__sync_lock_test_and_set(place, bpf_ktime_get_boot_ns() << PLACE_CGROUP_SHIFT |
							PLACE_SHARED);
}

/* A workload may create any number of cgroups: they must leave room for those of other pods. */
inline_fn bool has_room(void)
{
	struct config *settings = get_config();

	return settings && __sync_fetch_and_add(&settings->listed_cgroups, 1) < MAX_INHERITED;
}

/* From now on, an unlisted cgroup has the group of its nearest listed ancestor (find_group). */
inline_fn void leave_unlisted(void)
{
	struct config *settings = get_config();

	count_fault(FAULT_CGROUP_TABLE);
	if (settings)
		__sync_fetch_and_or(&settings->flags, CONFIG_UNLISTED);
}

/* Puts the cgroup into its parent's group; false if the parent is not listed. */
inline_fn bool inherit_group(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *parent = pointer_in(cgroup, self.parent);
	__u64 id = pointer_in(cgroup, kn)->id, parent_id = BPF_CORE_READ(parent, cgroup, kn, id);
	__u32 group, *known;

	if (pointer_in(cgroup, root)->hierarchy_id) /* cgroup v1: its ids are a separate series */
		return false;
	known = bpf_map_lookup_elem(&cgroups, &parent_id);
	if (!known)
		return false; /* … or the parent is unlisted: then so is the child */
	group = *(volatile __u32 *)known;
	if (!has_room() || bpf_map_update_elem(&cgroups, &id, &group, BPF_ANY)) {
		leave_unlisted();
		return true;
	}
	known = bpf_map_lookup_elem(&cgroups, &parent_id);
	if (known && *(volatile __u32 *)known != group) { /* moved in between */
		group = *(volatile __u32 *)known;
		bpf_map_update_elem(&cgroups, &id, &group, BPF_ANY);
	}
	take_place(id, group);
	return true;
}

/* Sends the stage's record ahead of the records that wait in the ring. */
inline_fn void emit_at_once(struct stage *stage)
{
	__u64 size = stage->record.size;

	bounded(size, STAGE_SIZE * 2 - 1);
	if (size <= STAGE_SIZE)
		bpf_ringbuf_output(&urgent, stage->bytes, size, BPF_RB_FORCE_WAKEUP);
}

inline_fn void cgroup_record(struct cgroup *cgroup, const char *path, __u32 type, bool hurries)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int index = stage_claim();
	struct stage *stage = index < 0 ? NULL : stage_at(index);
	struct cgroup_subsys_state *parent = pointer_in(cgroup, self.parent);

	if (!stage) {
		count_fault(FAULT_STAGE);
		count_lifecycle(type, LIFECYCLE_NO_MEMORY);
		if (index >= 0)
			stage_release(index);
		return;
	}
	fill_record(&stage->record, type, task, bpf_get_current_cgroup_id());
	stage->cgroup.id = pointer_in(cgroup, kn)->id;
	stage->cgroup.parent_id = BPF_CORE_READ(parent, cgroup, kn, id);
	stage->cgroup.level = cgroup->level;
	stage->cgroup.hierarchy = pointer_in(cgroup, root)->hierarchy_id;
	stage->cgroup.pad = 0;
	stage->size = sizeof(stage->cgroup);
	append_kernel_string(stage, &stage->cgroup.path, path);
	emit_lifecycle(stage, type);
	if (hurries)
		emit_at_once(stage);
	stage_release(index);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(process__mkdir, struct cgroup *cgroup, const char *path)
{
	__u32 hurries;

	inherit_early(cgroup);
	hurries = inherit_group(cgroup);
	bounded(hurries, 1); /* else the verifier would follow the rest once for each answer */
	cgroup_record(cgroup, path, RECORD_CGROUP_MKDIR, hurries);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(process__rmdir, struct cgroup *cgroup, const char *path)
{
	forget_early(cgroup);
	/* ids of cgroup v1 are a separate series */
	if (keeps_tallies() && !pointer_in(cgroup, root)->hierarchy_id)
		forget_tallies(pointer_in(cgroup, kn)->id, TALLY_CGROUP);
	cgroup_record(cgroup, path, RECORD_CGROUP_RMDIR, false);
	return 0;
}

#endif
