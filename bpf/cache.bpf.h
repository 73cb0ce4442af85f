/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Caches the index's result for an open file, so that its path is not walked at each access.
 *
 * The path of an open file changes only by a rename or by a change of mounts. The kernel counts
 * both in sequence locks; their first word is odd while a writer is active. A result is cached if
 * both stood still during the walk, and holds until one changes. The address of a file means nothing
 * once the file is gone: freeing the file removes its entry (hook__file_free). New tables have new
 * keys here, so results of older tables are not found.
 *
 * A file has one place in an array, shared with other files. Not a hash: an element of a hash may
 * become that of another key while it is read, and then the other file's result would be used.
 * Here `version` shows it: a writer makes it odd and then even again, and a reader compares it
 * before and after. (Loads and stores keep their order on x86-64.)
 */
#ifndef GANDER_CACHE_H
#define GANDER_CACHE_H

#include "args.bpf.h"

enum { NOT_REMEMBERED = -1 };

#define barrier() asm volatile("" ::: "memory")

inline_fn bool can_cache(struct hook *hook, struct config *settings)
{
	return hook->flags & HOOK_CACHE_PATHS && settings && settings->flags & CONFIG_PATH_CACHE &&
	       rename_lock_at && mount_lock_at;
}

inline_fn struct cached_path *cached_at(__u64 file)
{
	__u32 at = file * 0x9e3779b97f4a7c15ULL >> 53; /* 11 bits: CACHED_FILES */

	return bpf_map_lookup_elem(&path_cache, &at);
}

inline_fn void read_sequences(struct sequences *to)
{
	to->rename = sequence_at(rename_lock_at);
	to->mount = sequence_at(mount_lock_at);
}

inline_fn bool is_same(const struct sequences *a, const struct sequences *b)
{
	return a->rename == b->rename && a->mount == b->mount;
}

/* The bit set cached for the file and this hook, or NOT_REMEMBERED. */
inline_fn int recall(struct hook *hook, __u64 file)
{
	struct cached_path *entry = cached_at(file);
	__u32 at = hook_id & (CACHED_HOOKS - 1), version;
	struct sequences now;
	int bitset;

	if (!entry || !file)
		return NOT_REMEMBERED;
	version = *(volatile __u32 *)&entry->version;
	barrier();
	if (version & 1 || entry->file != file || entry->hooks[at].key != hook->cache_key)
		return NOT_REMEMBERED;
	bitset = entry->hooks[at].bitset;
	read_sequences(&now);
	if (!is_same(&entry->seen, &now))
		return NOT_REMEMBERED;
	barrier();
	return *(volatile __u32 *)&entry->version == version ? bitset : NOT_REMEMBERED;
}

/* Caches the bit set if nothing was renamed or mounted since `before` was read. */
inline_fn void remember(struct hook *hook, __u64 file, const struct sequences *before, __u32 bitset)
{
	struct cached_path *entry = cached_at(file);
	__u32 at = hook_id & (CACHED_HOOKS - 1), version;
	struct sequences now;

	if (!entry || !file)
		return;
	read_sequences(&now);
	if ((now.rename | now.mount) & 1 || !is_same(before, &now))
		return;
	version = *(volatile __u32 *)&entry->version;
	if (version & 1 ||
	    __sync_val_compare_and_swap(&entry->version, version, version + 1) != version)
		return; /* another writer is active: the next access will do */
	/* other hooks' results for this file hold as well if they have the same sequences */
	if (entry->file != file || !is_same(&entry->seen, &now)) {
		entry->file = file;
		entry->seen = now;
		__builtin_memset(entry->hooks, 0, sizeof(entry->hooks));
	}
	entry->hooks[at].key = hook->cache_key;
	entry->hooks[at].bitset = bitset;
	barrier();
	*(volatile __u32 *)&entry->version = version + 2;
}

/* The file is freed. Nothing writes its entry now: that takes a reference to the file. */
inline_fn void forget(__u64 file)
{
	struct cached_path *entry = cached_at(file);

	if (entry && entry->file == file)
		__sync_val_compare_and_swap(&entry->file, file, 0);
}

#endif
