/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fuses: a policy that would be enforced in more pods than it may, within a time, falls back to mode monitor on this
 * node. Pods are told apart by what their workloads cannot choose: the UID in the name of the outermost cgroup that
 * the kubelet made. Outside of pods, the cgroup at FUSE_LEVEL stands for all that runs in it.
 */
#ifndef GANDER_FUSES_H
#define GANDER_FUSES_H

#include "marks.bpf.h"
#include "sensor.bpf.h"

TABLE(fuses, struct fuse, MAX_FUSES);

enum {
	FUSE_LEVEL = 2,	   /* a user, a service, a container of another runtime */
	CGROUP_DEPTH = 32, /* of cgroups on the way to the root that are looked at */
	CGROUP_NAME =
		160,  /* bytes of a name that are looked at: of a pod's, all up to the UID's end */
	POD_UID = 32, /* bytes of a UID that count: all of a static pod's */
	FUSE_TRIES = 4,
};

inline_fn struct fuse *fuse_of(struct rule *rule)
{
	__u32 number = rule->fuse;

	return number ? bpf_map_lookup_elem(&fuses, &number) : NULL;
}

/* The first bytes of `user.slice`. */
#define USER_SLICE 0x696c732e72657375ULL

inline_fn bool is_hex_digit(__u32 byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

/* One for both loops, and names in scratch memory: the stack is short for all functions together. */
struct pod_search {
	struct scratch *s;
	__u64 cgroup; /* address of the one that is looked at next */
	__u32 pod;    /* of the outermost so far; 0: none */
	__u16 at;     /* where the UID begins in the current name; 0: nowhere */
	__u8 last;    /* the byte before the current one */
	__u8 of_user; /* the last one is `user.slice`: users of the host give cgroups any names */
};

/* Does "pod" begin at byte `i` of the name, as a word of its own? */
static long find_pod(__u64 i, struct pod_search *search)
{
	char *text = search->s->key.str_4k.text;
	__u8 last = search->last;
	__u32 at = i;

	bounded(at, 127);
	search->last = text[at];
	if (!text[at])
		return 1;
	if (last != '-' || text[at] != 'p' || text[at + 1] != 'o' || text[at + 2] != 'd' ||
	    !is_hex_digit(text[at + 3]))
		return 0;
	search->at = at + 3;
	return 1;
}

/* Up to the root. */
static long look_at_cgroup(__u64 i, struct pod_search *search)
{
	struct cgroup *cgroup = (void *)search->cgroup;
	struct cgroup_subsys_state *parent = cgroup ? BPF_CORE_READ(cgroup, self.parent) : NULL;
	char *text = search->s->key.str_4k.text;
	__u64 *uid = (__u64 *)(text + CGROUP_NAME), hash = 1;
	const char *from;
	long size;

	if (!parent)
		return 1;
	search->cgroup = (__u64)BPF_CORE_READ(parent, cgroup);
	from = BPF_CORE_READ(cgroup, kn, name);
	size = bpf_probe_read_kernel_str(text, CGROUP_NAME, from);
	search->of_user = search->s->key.words8[1] == USER_SLICE;
	if (size < POD_UID + 4)
		return 0;
	search->at = 0;
	search->last = '-';
	bpf_loop(CGROUP_NAME - POD_UID - 4, find_pod, search, 0);
	if (!search->at || search->at + POD_UID >= size)
		return 0;
	if (bpf_probe_read_kernel(uid, POD_UID, from + search->at))
		return 0;
#pragma unroll
	for (int k = 0; k < POD_UID / 8; k++)
		hash = mix(hash, uid[k]);
	search->pod = hash ^ hash >> 32;
	return 0;
}

/* The pod of the current thread, or what stands for one; never 0. */
inline_fn __u32 current_pod(struct scratch *s)
{
	struct pod_search search = { .s = keys_of(s) };
	struct task_struct *task;
	__u64 hash;

	if (!search.s)
		return 1;
	task = bpf_get_current_task_btf();
	search.cgroup = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	bpf_loop(CGROUP_DEPTH, look_at_cgroup, &search, 0);
	if (search.pod && !search.of_user)
		return search.pod;
	hash = mix(1,
		   bpf_get_current_ancestor_cgroup_id(FUSE_LEVEL) ?: bpf_get_current_cgroup_id());
	return (hash ^ hash >> 32) ?: 1;
}

struct pod_places {
	struct fuse *fuse;
	__u32 pod, now;
	__u32 found; /* the pod has a place */
	__s32 free;  /* the first place that another pod no longer needs, or -1 */
	__u64 old;   /* what that place holds */
};

inline_fn __u64 place_of(struct pod_places *search)
{
	return (__u64)search->pod << 32 | search->now;
}

static long look_at_place(__u64 i, struct pod_places *search)
{
	struct fuse *fuse = search->fuse;
	__u32 at = i;
	__u64 word;

	if (i >= fuse->limit)
		return 1;
	bounded(at, FUSE_PODS - 1);
	word = *(volatile __u64 *)&fuse->pods[at];
	if (word >> 32 == search->pod) {
		/* its time may have passed, so that another pod takes the place */
		word = __sync_val_compare_and_swap(&fuse->pods[at], word, place_of(search));
		if (word >> 32 == search->pod) {
			search->found = 1;
			return 1;
		}
	}
	if (search->free < 0 && (!word || search->now - (__u32)word > fuse->window)) {
		search->free = at;
		search->old = word;
	}
	return 0;
}

/*
 * The current call is about to be enforced: is that in one pod more than the fuse allows? Then it is blown. All
 * look for a place in the same order, so a pod never gets two at the same time.
 */
inline_fn bool blows_fuse(struct scratch *s, struct fuse *fuse)
{
	struct pod_places search = { .fuse = fuse };
	__u64 now;
	__u32 at;

	/* Nothing of the sensor is enforced, and an interrupt's call is nobody's. */
	if (!fuse->limit || is_sensor() || in_interrupt())
		return false;
	search.pod = current_pod(s);
	now = bpf_ktime_get_boot_ns();
	search.now = now >> FUSE_TICK_SHIFT;
#pragma clang loop unroll(disable)
	for (int i = 0; i < FUSE_TRIES; i++) {
		search.free = -1;
		bpf_loop(FUSE_PODS, look_at_place, &search, 0);
		if (search.found)
			return false;
		if (search.free < 0) {
			__sync_val_compare_and_swap(&fuse->blown, 0, now);
			return true;
		}
		at = search.free;
		bounded(at, FUSE_PODS - 1);
		if (__sync_val_compare_and_swap(&fuse->pods[at], search.old, place_of(&search)) ==
		    search.old)
			return false;
	}
	return false;
}

enum fuse_state {
	FUSE_HOLDS, /* also: there is none */
	FUSE_BLOWN,
	FUSE_BLOWS, /* by this call */
};

/* The fuse of the current rule, which is about to enforce. What it spares is counted. */
__noinline int fuse_state(struct scratch *s)
{
	struct rule *rule;
	struct fuse *fuse;

	if (lacks(FEATURE_FUSES) || !s)
		return FUSE_HOLDS;
	rule = rule_at(s->rule);
	fuse = rule ? fuse_of(rule) : NULL;
	if (!fuse)
		return FUSE_HOLDS;
	if (*(volatile __u64 *)&fuse->blown) {
		if (!(rule->flags & RULE_ENFORCER))
			add(fuse->spared);
		return FUSE_BLOWN;
	}
	if (rule->flags & RULE_OBSERVER || !blows_fuse(s, fuse))
		return FUSE_HOLDS;
	add(fuse->spared);
	return FUSE_BLOWS;
}

#endif
