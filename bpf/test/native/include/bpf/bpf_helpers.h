/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Replaces libbpf's header in native tests: helpers are functions, "kernel memory" is this process's.
 * Addresses below one page can't be read. Each map element is an allocation of its own, so the
 * address sanitizer detects an access outside it.
 */
#ifndef GANDER_NATIVE_HELPERS_H
#define GANDER_NATIVE_HELPERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEC(NAME)
#define __uint(NAME, VALUE) int(*NAME)[VALUE]
#define __type(NAME, VALUE) typeof(VALUE) *NAME
#define __array(NAME, VALUE) typeof(VALUE) *NAME
#define __ksym
#define __weak
#define __noinline __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* In state.bpf.h this is BPF assembly. */
#define bounded(VALUE, MASK) ((VALUE) &= (MASK))

/* Whether the "kernel" has bpf_rdonly_cast (cast.bpf.h). */
static bool native_can_cast;
#define bpf_ksym_exists(SYMBOL) native_can_cast

static struct task_struct *native_task;
/* Called before each access to kernel memory, which it may change meanwhile. */
static void (*native_meanwhile)(void);

static bool native_is_readable(const void *at)
{
	if (native_meanwhile)
		native_meanwhile();
	return (unsigned long)at >= 4096;
}

/* A program may read 8 bytes beyond an object: the last word of a text. */
enum { NATIVE_SLACK = 8 };

static void *native_new(unsigned long size)
{
	void *object = calloc(1, size + NATIVE_SLACK);

	if (!object)
		abort();
	return object;
}

/* ---- maps */
struct native_entry {
	struct native_entry *next;
	void *key, *value;
};

static struct native_map {
	const void *map;
	unsigned long type, entries, key_size, value_size;
	void **elements; /* of an array */
	struct native_entry *list;
} native_maps[56];

#define use_map(MAP)                                                                               \
	native_use_map(&(MAP), sizeof(*(MAP).type) / sizeof(int),                                  \
		       sizeof(*(MAP).max_entries) / sizeof(int), sizeof(*(MAP).key),               \
		       sizeof(*(MAP).value))

#define use_map_of_maps(MAP)                                                                       \
	native_use_map(&(MAP), BPF_MAP_TYPE_ARRAY_OF_MAPS,                                         \
		       sizeof(*(MAP).max_entries) / sizeof(int), sizeof(*(MAP).key), 0)

static void native_use_map(const void *map, unsigned long type, unsigned long entries,
			   unsigned long key_size, unsigned long value_size)
{
	struct native_map *one = native_maps;

	while (one->map)
		one++;
	*one = (struct native_map){ map, type, entries, key_size, value_size, NULL, NULL };
	one->elements = native_new(entries * sizeof(void *));
}

static struct native_map *native_map_of(const void *map)
{
	for (struct native_map *one = native_maps; one->map; one++) {
		if (one->map == map)
			return one;
	}
	fprintf(stderr, "a map is asked that the test has not declared by use_map\n");
	abort();
}

/* A key of a trie: its length in bits, then its bits. */
static bool native_is_prefix(const unsigned char *prefix, const unsigned char *key)
{
	unsigned int bits = *(const unsigned int *)prefix, of = *(const unsigned int *)key, i;

	if (bits > of)
		return false;
	for (i = 0; i < bits; i++) {
		if ((prefix[4 + i / 8] ^ key[4 + i / 8]) & 0x80 >> i % 8)
			return false;
	}
	return true;
}

static void *bpf_map_lookup_elem(const void *map, const void *key)
{
	struct native_map *one = native_map_of(map);
	struct native_entry *entry, *best = NULL;
	unsigned int at;

	if (one->type == BPF_MAP_TYPE_ARRAY || one->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	    one->type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
		at = *(const unsigned int *)key;
		if (at >= one->entries)
			return NULL;
		if (one->type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
			return one->elements[at];
		if (!one->elements[at])
			one->elements[at] = native_new(one->value_size);
		return one->elements[at];
	}
	for (entry = one->list; entry; entry = entry->next) {
		if (one->type == BPF_MAP_TYPE_HASH) {
			if (!memcmp(entry->key, key, one->key_size))
				return entry->value;
		} else if (native_is_prefix(entry->key, key)) {
			if (!best || *(unsigned int *)best->key < *(unsigned int *)entry->key)
				best = entry;
		}
	}
	return best ? best->value : NULL;
}

/* As user space: puts a map into a map of maps. */
static void native_put_map(const void *maps, unsigned int at, const void *map)
{
	native_map_of(maps)->elements[at] = (void *)map;
}

/* As user space: adds an element and returns its value. */
static void *native_put(const void *map, const void *key)
{
	struct native_map *one = native_map_of(map);
	struct native_entry *entry = native_new(sizeof(*entry));

	entry->key = native_new(one->key_size);
	entry->value = native_new(one->value_size);
	memcpy(entry->key, key, one->key_size);
	entry->next = one->list;
	one->list = entry;
	return entry->value;
}

/* Of hashes. */
static long bpf_map_update_elem(const void *map, const void *key, const void *value,
				unsigned long long how)
{
	void *known = bpf_map_lookup_elem(map, key);

	if (known && how & BPF_NOEXIST)
		return -17;
	memcpy(known ? known : native_put(map, key), value, native_map_of(map)->value_size);
	return 0;
}

/* Of hashes. Programs may still have the value. */
static long bpf_map_delete_elem(const void *map, const void *key)
{
	struct native_map *one = native_map_of(map);
	struct native_entry **entry = &one->list;

	while (*entry && memcmp((*entry)->key, key, one->key_size))
		entry = &(*entry)->next;
	if (!*entry)
		return -2;
	*entry = (*entry)->next;
	return 0;
}

/* A constant that user space freezes when it loads the program. */
#define native_set(CONSTANT, VALUE)                                                                \
	(*(typeof(VALUE) volatile *)native_writable(&(CONSTANT)) = (VALUE))

int mprotect(void *at, unsigned long size, int protection);

static void *native_writable(const volatile void *at)
{
	if (mprotect((void *)((unsigned long)at & ~4095UL), 4096, 3))
		abort();
	return (void *)at;
}

/* ---- helpers */
static void *bpf_rdonly_cast(const void *object, unsigned int id)
{
	static const char nothing[4096] __attribute__((aligned(8))); /* a failed load gives 0 */

	return native_is_readable(object) ? (void *)object : (void *)nothing;
}

static long bpf_probe_read_kernel(void *to, unsigned int size, const void *from)
{
	bool readable = native_is_readable(from);

	if (readable)
		memmove(to, from, size);
	else
		memset(to, 0, size);
	return readable ? 0 : -14;
}

static long bpf_probe_read_kernel_str(void *to, unsigned int size, const void *from)
{
	unsigned int length;

	if (!native_is_readable(from) || !size)
		return -14;
	length = strnlen(from, size - 1);
	memcpy(to, from, length);
	((char *)to)[length] = 0;
	return length + 1;
}

#define bpf_probe_read_user bpf_probe_read_kernel
#define bpf_probe_read_user_str bpf_probe_read_kernel_str

#define bpf_loop(COUNT, CALLBACK, CONTEXT, FLAGS)                                                  \
	({                                                                                         \
		unsigned long long at_ = 0;                                                        \
		while (at_ < (COUNT) && !CALLBACK(at_, CONTEXT))                                   \
			at_++;                                                                     \
	})

#define bpf_get_current_task_btf() native_task
/* Tests may set it (native_set). */
#define bpf_this_cpu_ptr(VARIABLE)                                                                 \
	({                                                                                         \
		typeof(VARIABLE) at_ = (VARIABLE);                                                 \
		asm volatile("" : "+r"(at_)::"memory");                                            \
		at_;                                                                               \
	})
const int __preempt_count = 0;
const struct pcpu_hot pcpu_hot;

/* The user's registers, and the storage of the only task: one element for each map. */
static struct pt_regs native_registers;
#define bpf_task_pt_regs(TASK) ((void *)&native_registers)

static void *native_storage(const void *map, bool create)
{
	int key = 0;
	void *value = bpf_map_lookup_elem(map, &key);

	return value || !create ? value : native_put(map, &key);
}
#define bpf_task_storage_get(MAP, TASK, VALUE, FLAGS) native_storage(MAP, FLAGS)
#define bpf_get_current_task() ((__u64)native_task)
#define bpf_get_smp_processor_id() 0
#define bpf_get_current_uid_gid() 0ULL
static unsigned long long native_cgroup = 1;
#define bpf_get_current_cgroup_id() native_cgroup
#define bpf_get_current_ancestor_cgroup_id(LEVEL) native_cgroup
static unsigned long long native_now = 1;
/* Called once, when the time is asked for: what other CPUs do while this one is held up. */
static void (*native_held_up)(void);

static unsigned long long bpf_ktime_get_boot_ns(void)
{
	void (*held_up)(void) = native_held_up;

	native_held_up = NULL;
	if (held_up)
		held_up();
	return native_now;
}

#endif
