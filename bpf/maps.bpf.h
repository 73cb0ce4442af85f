/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* All maps. Each object that includes this declares those it uses; user space shares them by name. */
#ifndef GANDER_MAPS_H
#define GANDER_MAPS_H

#define TABLE(NAME, TYPE, ENTRIES)                                                                 \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, __u32);                                                                \
		__type(value, TYPE);                                                               \
	} NAME SEC(".maps")

/*
 * Arrays of the same size as TABLE(…, TYPE, ENTRIES), which user space adds; all others are absent. Without types: Linux
 * 6.1 takes no array that has none where it expects one that has some.
 */
#define PAGES(NAME, TYPE, ENTRIES, MOST)                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, MOST);                                                         \
		__type(key, __u32);                                                                \
		__array(                                                                           \
			values, struct {                                                           \
				__uint(type, BPF_MAP_TYPE_ARRAY);                                  \
				__uint(map_flags, BPF_F_MMAPABLE);                                 \
				__uint(max_entries, ENTRIES);                                      \
				__uint(key_size, sizeof(__u32));                                   \
				__uint(value_size, sizeof(TYPE));                                  \
			});                                                                        \
	} NAME SEC(".maps")

#define HASH(NAME, KEY, VALUE, ENTRIES)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, KEY);                                                                  \
		__type(value, VALUE);                                                              \
	} NAME SEC(".maps")

/* Forgets what was not used for long. */
#define LRU(NAME, KEY, VALUE, ENTRIES)                                                             \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);                                               \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, KEY);                                                                  \
		__type(value, VALUE);                                                              \
	} NAME SEC(".maps")

#define TRIE(NAME, KEY, VALUE, ENTRIES)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, KEY);                                                                  \
		__type(value, VALUE);                                                              \
	} NAME SEC(".maps")

#define PER_CPU(NAME, TYPE, ENTRIES)                                                               \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, __u32);                                                                \
		__type(value, TYPE);                                                               \
	} NAME SEC(".maps")

#define RING(NAME, BYTES)                                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, BYTES);                                                        \
	} NAME SEC(".maps")

#endif
