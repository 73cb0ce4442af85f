/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Before any row is evaluated, the index narrows the rules that apply to those that can match this
 * number, this binary, this text and this peer. Cheap checks run first; the text is read only if a
 * remaining rule depends on it, and the cached result of an open file saves even that.
 * A bit set is an index in `bitsets` without side; 0: all rules.
 */
#ifndef GANDER_INDEX_H
#define GANDER_INDEX_H

#include "cache.bpf.h"
#include "rows.bpf.h"

/* The index's result for a call: these flags and, above, the bit sets of number and text. 0: no rule. */
enum {
	INDEX_LEFT = 1,
	INDEX_WANTS_TEXT = 2, /* a rule that is left depends on the text */
	INDEX_NUMBER_SHIFT = 2,
	INDEX_TEXT_SHIFT = 16,
	INDEX_SET_MASK = (1 << 14) - 1,
};

_Static_assert(MAX_BITSETS <= INDEX_SET_MASK, "two bit sets fit into an int");

inline_fn struct bitset *bitset_of(__u32 side, __u32 at)
{
	return at ? bitset_at(side * MAX_BITSETS + at) : NULL;
}

struct left {
	__u64 any;  /* is any rule left? */
	__u64 text; /* … any that depends on the text? */
};

/* The rules that two bit sets (maybe the same) leave. One branch only: the verifier follows it each round. */
inline_fn struct left narrow(struct application *application, struct hook *hook, struct bitset *one,
			     struct bitset *other)
{
	__u64 words = application->summary;
	struct left left = {};

#pragma clang loop unroll(disable)
	for (int i = 0; i < RULE_WORDS; i++) {
		__u64 rules = application->bits[i] & one->bits[i] & other->bits[i];

		left.any |= rules;
		left.text |= rules & hook->text_rules[i];
		if (!(words >> i >> 1))
			break;
	}
	return left;
}

/* True: the number is certainly not in the index. */
inline_fn bool is_unlisted(struct index_int_key *key, __u32 side)
{
	__u64 bit = (key->value + ((__u64)key->index << 32)) * LISTED_FACTOR >> 48, *word;
	__u32 at = side * LISTED_WORDS + (bit >> 6);

	word = bpf_map_lookup_elem(&listed, &at);
	return word && !(*word & 1ULL << (bit & 63));
}

/*
 * Narrows the rules by the number, before anything is claimed or copied: most calls end here. `raw`
 * is the raw argument of slot hook->index_int.
 */
__noinline int index_number(struct application *application, struct hook *hook, __u32 side,
			    __u64 raw)
{
	struct index_int_key key = {};
	struct left left;
	struct bitset *set;
	__u32 slot, at, *found;

	if (IS_TEMPLATE || !application || !hook)
		return INDEX_LEFT | INDEX_WANTS_TEXT;
	slot = hook->index_int;
	bounded(slot, HOOK_SLOTS - 1);
	key.index = hook->index;
	key.value = to_number(hook->slots[slot].type, raw);
	if (hook->flags & HOOK_LISTED_NUMBERS && is_unlisted(&key, side))
		return 0;
	found = bpf_map_lookup_elem(&index_int, &key);
	at = (found ? *found : hook->int_default) & INDEX_SET_MASK;
	set = bitset_of(side, at);
	if (!set)
		return INDEX_LEFT | INDEX_WANTS_TEXT;
	left = narrow(application, hook, set, set);
	if (!left.any)
		return 0;
	return at << INDEX_NUMBER_SHIFT | INDEX_LEFT | (left.text ? INDEX_WANTS_TEXT : 0);
}

/* Narrows what is left if the result for this open file is cached; else returns `left`. */
__noinline int index_remembered(struct application *application, struct hook *hook, __u32 side,
				__u32 left, __u64 file)
{
	struct bitset *number, *text;
	int bitset;

	if (lacks(FEATURE_PATHS) || !application || !hook)
		return left;
	bitset = recall(hook, file);
	if (bitset == NOT_REMEMBERED)
		return left;
	bitset &= INDEX_SET_MASK;
	number = bitset_of(side, left >> INDEX_NUMBER_SHIFT & INDEX_SET_MASK);
	text = bitset_of(side, bitset);
	if (!text)
		text = number;
	if (!number)
		number = text;
	if (number && text && !narrow(application, hook, number, text).any)
		return 0;
	return (left & ~INDEX_WANTS_TEXT) | bitset << INDEX_TEXT_SHIFT;
}

__noinline int text_bitset(struct scratch *s, struct hook *hook)
{
	struct index_text_key *key;
	struct text_value *text;
	struct scratch *keys;
	__u32 buffer, at, size, *found;

	if (lacks(FEATURE_TEXTS) || !s || !hook)
		return 0; /* let the rows decide */
	buffer = hook->index_text;
	read_text(s, buffer);
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->flags & (TEXT_UNREADABLE | TEXT_TOO_DEEP))
		return 0; /* let the rows decide */
	at = text->at;
	size = text->size;
	if (size > PREFIX_SIZE)
		size = PREFIX_SIZE;
	bounded(at, TEXT_SIZE - 1);
	bounded(size, 255);
	if (size > PREFIX_SIZE)
		return 0;
	keys = keys_of(s);
	if (!keys)
		return 0;
	key = &keys->key.index_text;
	key->bits = 32 + 8 * size;
	key->index = hook->index;
	if (!copy_short(key->text, size, address_of(s->text[buffer] + at)))
		bpf_probe_read_kernel(key->text, size, s->text[buffer] + at);
	found = bpf_map_lookup_elem(&index_text, key);
	return found ? *found : hook->text_default;
}

/* The bit set of the text; caches that of an open file. */
inline_fn __u32 found_bitset(struct scratch *s, struct hook *hook)
{
	struct slot *slot = slot_of(s, hook->index_text);
	__u32 bitset;

	if (!slot || !can_cache(hook, get_config()))
		return text_bitset(s, hook);
	read_sequences(&s->before_walk);
	bitset = text_bitset(s, hook);
	remember(hook, raw_of(s, slot), &s->before_walk, bitset);
	return bitset;
}

/* Narrows s->sets by the text; clears s->words if no rule is left. */
inline_fn void use_text_index(struct scratch *s, struct application *application, struct hook *hook)
{
	__u32 at = found_bitset(s, hook);
	struct bitset *number, *text = bitset_of(s->side, at);

	if (!text)
		return;
	number = s->sets[SET_NUMBER] ? bitset_at(s->sets[SET_NUMBER]) : NULL;
	if (!number)
		number = text;
	s->sets[SET_TEXT] = s->side * MAX_BITSETS + at;
	if (number && !narrow(application, hook, number, text).any)
		s->words = 0;
}

/* Narrows s->sets by the running binary; clears s->words or s->wants_text if no such rule is left. */
__noinline int use_binary_index(struct scratch *s, struct application *application,
				struct hook *hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bitset *number, *binary;
	struct index_text_key *key;
	struct scratch *keys;
	struct proc *proc;
	struct left left;
	__u32 size, at, *found;

	if (lacks(FEATURE_BINARIES) || !s || !application || !hook)
		return 0;
	proc = find_proc(task->tgid);
	keys = keys_of(s);
	if (!proc || !keys || proc->flags & PROC_FORGEABLE_BINARY)
		return 0; /* let the rows decide */
	size = proc->binary_length;
	if (!size || size >= PREFIX_SIZE)
		return 0;
	bounded(size, 255);
	key = &keys->key.index_text;
	key->bits = 32 + 8 * (size + 1);
	key->index = hook->index | BINARY_KEYS;
	if (size >= PREFIX_SIZE)
		return 0;
	if (!copy_short(key->text, size, address_of(proc->binary)))
		bpf_probe_read_kernel(key->text, size, proc->binary);
	key->text[size] = 0;
	found = bpf_map_lookup_elem(&index_text, key);
	at = found ? *found : hook->binary_default;
	binary = bitset_of(s->side, at);
	if (!binary)
		return 0;
	number = s->sets[SET_NUMBER] ? bitset_at(s->sets[SET_NUMBER]) : NULL;
	if (!number)
		number = binary;
	s->sets[SET_BINARY] = s->side * MAX_BITSETS + at;
	left = narrow(application, hook, number, binary);
	if (!left.any)
		s->words = 0;
	if (!left.text)
		s->wants_text = 0;
	return 0;
}

/* Narrows s->sets by the peer's address; clears s->words if no rule is left. */
__noinline int use_address_index(struct scratch *s, struct application *application,
				 struct hook *hook)
{
	struct index_addr_key *key;
	struct bitset *set;
	struct scratch *keys;
	__u32 slot, at, *found;

	if (lacks(FEATURE_SOCKETS) || !s || !application || !hook)
		return 0;
	slot = hook->index_addr;
	read_sock(s, slot);
	bounded(slot, HOOK_SLOTS - 1);
	keys = keys_of(s);
	if (!keys || s->failed & (1U << slot) || !s->sock.has_addr || s->sock.any_peer)
		return 0; /* let the rows decide */
	key = &keys->key.index_addr;
	key->bits = 64 + (s->sock.family == AF_INET ? 32 : 128);
	key->index = hook->index;
	key->family = s->sock.family;
	__builtin_memcpy(key->addr, s->sock.daddr, 16);
	found = bpf_map_lookup_elem(&index_addr, key);
	at = found ? *found : hook->addr_default;
	set = bitset_of(s->side, at);
	if (!set)
		return 0;
	s->sets[SET_ADDRESS] = s->side * MAX_BITSETS + at;
	if (!narrow(application, hook, set, set).any)
		s->words = 0;
	return 0;
}

#endif
