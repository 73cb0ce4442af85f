/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the kernel's types of a name for relocations. libbpf compares each type that an object names with each of
 * the kernel's 130,000; with an index it is one pass for all of them. Takes the place of libbpf's own function of this
 * name, which libbpf-internals.c makes a weak symbol.
 */
#include "candidates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf_internal.h>
#include <bpf/relo_core.h>

enum { SLOTS = 1 << 17 }; /* lists, by the hash of a name */

/* The types of one BTF whose names have equal hashes are a list: slots[hash], next[id], next[next[id]], ... */
static struct {
	const struct btf *of;
	__u32 *slots;
	__u32 *next;
} types;

void forget_candidates(void)
{
	free(types.slots);
	free(types.next);
	memset(&types, 0, sizeof(types));
}

static const char *name_of(const struct btf *btf, __u32 id)
{
	return btf__name_by_offset(btf, btf__type_by_id(btf, id)->name_off);
}

/* FNV-1a. */
static __u32 slot_of(const char *name, size_t size)
{
	__u32 hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return (hash ^ hash >> 16) & (SLOTS - 1);
}

/* Only these are named by relocations that look for a type. */
static bool can_be_candidate(const struct btf_type *type)
{
	return type->name_off && !btf_is_func(type) && !btf_is_var(type);
}

static bool index_types(const struct btf *btf)
{
	__u32 count = btf__type_cnt(btf);

	if (types.of == btf)
		return true;
	forget_candidates();
	types.slots = calloc(SLOTS, sizeof(*types.slots));
	types.next = calloc(count, sizeof(*types.next));
	if (!types.slots || !types.next) {
		forget_candidates();
		return false;
	}
	types.of = btf;
	/* From the last, so that lists begin with the lowest number, as libbpf finds them. */
	for (__u32 id = count - 1; id > 0; id--) {
		const char *name;
		__u32 slot;

		if (!can_be_candidate(btf__type_by_id(btf, id)))
			continue;
		name = name_of(btf, id);
		if (!name || !*name)
			continue;
		slot = slot_of(name, bpf_core_essential_name_len(name));
		types.next[id] = types.slots[slot];
		types.slots[slot] = id;
	}
	return true;
}

static int add_candidate(struct bpf_core_cand_list *list, const struct btf *btf, __u32 id)
{
	struct bpf_core_cand *all =
		libbpf_reallocarray(list->cands, list->len + 1, sizeof(*list->cands));

	if (!all)
		return -ENOMEM;
	all[list->len++] = (struct bpf_core_cand){ .btf = btf, .id = id };
	list->cands = all;
	return 0;
}

/* The next type after `id` that may have the name; 0: none. Types of a module are few: `first` is its first one. */
static __u32 next_of(const struct btf *btf, __u32 id, __u32 first)
{
	if (first == 1)
		return types.next[id];
	return id + 1 < btf__type_cnt(btf) ? id + 1 : 0;
}

/* Appends the types from number `first` on that have the kind and (but for a suffix `___x`) the name of `local`. */
int bpf_core_add_cands(struct bpf_core_cand *local, size_t size, const struct btf *btf,
		       const char *btf_name, int first, struct bpf_core_cand_list *list)
{
	const struct btf_type *wanted = btf__type_by_id(local->btf, local->id);
	const char *wanted_name = btf__name_by_offset(local->btf, wanted->name_off);
	__u32 id;

	(void)btf_name;
	if (first == 1 && !index_types(btf))
		return -ENOMEM;
	id = first == 1 ? types.slots[slot_of(wanted_name, size)] : next_of(btf, first - 1, first);
	for (; id; id = next_of(btf, id, first)) {
		const char *name = name_of(btf, id);

		if (!name || !btf_kind_core_compat(btf__type_by_id(btf, id), wanted) ||
		    bpf_core_essential_name_len(name) != size || strncmp(name, wanted_name, size))
			continue;
		if (add_candidate(list, btf, id))
			return -ENOMEM;
	}
	return 0;
}
