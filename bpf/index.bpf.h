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

/* The index's result for a call: these flags and, above, the bit sets of number, text and its end. 0: no rule. */
enum {
	INDEX_LEFT = 1,
	INDEX_WANTS_TEXT = 2, /* a rule that is left depends on the text */
	INDEX_NUMBER_SHIFT = 2,
	INDEX_TEXT_SHIFT = 16,
	INDEX_ENDING_SHIFT = 32,
	INDEX_SET_MASK = (1 << 14) - 1,
	ENDING_SHIFT = INDEX_ENDING_SHIFT -
		       INDEX_TEXT_SHIFT, /* where a text's result has that of its end */
};

_Static_assert(MAX_BITSETS <= INDEX_SET_MASK, "a text's two bit sets fit into an int");

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

/* True: no rule is left, because the number is certainly not in the index. Inlined: most calls end here. */
inline_fn bool is_unlisted(struct hook *hook, __u32 side, __u64 number)
{
	__u64 bit, *word;
	__u32 at;

	if (!(hook->flags & HOOK_LISTED_NUMBERS))
		return false;
	bit = (number + ((__u64)hook->index << 32)) * LISTED_FACTOR >> 48;
	at = side * LISTED_WORDS + (bit >> 6);
	word = bpf_map_lookup_elem(&listed, &at);
	return word && !(*word & 1ULL << (bit & 63));
}

/* Narrows the rules by the number of slot hook->index_int, before anything is claimed or copied. */
__noinline __u64 index_number(struct application *application, struct hook *hook, __u32 side,
			      __u64 number)
{
	struct index_int_key key = {};
	struct left left;
	struct bitset *set;
	__u32 at, *found;

	if (IS_TEMPLATE || !application || !hook)
		return INDEX_LEFT | INDEX_WANTS_TEXT;
	key.index = hook->index;
	key.value = number;
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

/* What two bit sets (with side; 0: all rules) leave: INDEX_LEFT, and INDEX_WANTS_TEXT. Not inlined: verified once. */
__noinline int left_by(struct application *application, struct hook *hook, __u32 one, __u32 other)
{
	struct bitset *first, *second;
	struct left left;

	if (IS_TEMPLATE || !application || !hook)
		return INDEX_LEFT | INDEX_WANTS_TEXT;
	first = bitset_at(one ? one : other);
	second = bitset_at(other ? other : one);
	if (!(one | other) || !first || !second)
		return INDEX_LEFT | INDEX_WANTS_TEXT;
	left = narrow(application, hook, first, second);
	return (left.any ? INDEX_LEFT : 0) | (left.text ? INDEX_WANTS_TEXT : 0);
}

/* A bit set with its side. */
inline_fn __u32 sided(__u32 side, __u32 at)
{
	return at ? side * MAX_BITSETS + at : 0;
}

/* Do a number and a text leave any rule? Inlined: that costs most calls less. */
inline_fn bool text_leaves(struct application *application, struct hook *hook, __u32 number,
			   __u32 text)
{
	struct bitset *first = bitset_at(number ? number : text);
	struct bitset *second = number && text ? bitset_at(text) : first;

	return !(number | text) || !first || !second ||
	       narrow(application, hook, first, second).any;
}

/* Narrows what is left if the result for this open file is cached; else returns `left`. */
__noinline __u64 index_remembered(struct application *application, struct hook *hook, __u32 side,
				  __u64 left, __u64 file)
{
	__u32 number, text, ending;
	int found;

	if (lacks(FEATURE_PATHS) || !application || !hook)
		return left;
	found = recall(hook, file);
	if (found == NOT_REMEMBERED)
		return left;
	number = sided(side, left >> INDEX_NUMBER_SHIFT & INDEX_SET_MASK);
	text = sided(side, found & INDEX_SET_MASK);
	if (!text_leaves(application, hook, number, text))
		return 0;
	ending = lacks(FEATURE_ENDINGS) ? 0 : sided(side, found >> ENDING_SHIFT);
	if (ending && !(left_by(application, hook, number ? number : text, ending) & INDEX_LEFT))
		return 0;
	return (left & ~(__u64)INDEX_WANTS_TEXT) | (__u64)found << INDEX_TEXT_SHIFT;
}

/* The bit set of the end of a text in its buffer; 0: let the rows decide. */
inline_fn __u32 ending_bitset(struct scratch *s, struct hook *hook, struct text_value *text,
			      __u64 from)
{
	__u64 end = from + text->size;
	struct scratch *keys = keys_of(s);
	struct index_text_key *key;
	__u32 *found, size = text->size;

	if (!keys || (text->flags & TEXT_TRUNCATED && !text->has_tail))
		return 0;
	if (text->has_tail) {
		end = address_of(text->tail + BINARY_TAIL);
		size = BINARY_TAIL;
	}
	reverse_end(keys, end, size, hook->longest_ending);
	key = &keys->key.index_text;
	key->index = hook->index | ENDING_KEYS;
	found = bpf_map_lookup_elem(&index_text, key);
	return found ? *found : hook->ending_default;
}

/* The bit set of the beginning of a text in its buffer; 0: let the rows decide. */
inline_fn __u32 beginning_bitset(struct scratch *s, struct hook *hook, __u32 buffer)
{
	struct scratch *keys = keys_of(s);
	__u32 *found;

	if (!keys)
		return 0;
	/* a struct index_text_key is laid out like a struct prefix_key */
	found = bpf_map_lookup_elem(&index_text, prefix_key_of(keys, buffer, hook->index));
	return found ? *found : hook->text_default;
}

/* The bit sets of the text and, from ENDING_SHIFT on, of its end. 0: let the rows decide. */
__noinline int text_bitset(struct scratch *s, struct hook *hook)
{
	struct text_value *text;
	__u32 buffer, at, found = 0;
	__u64 from;

	if (lacks(FEATURE_TEXTS) || !s || !hook)
		return 0;
	buffer = hook->index_text;
	read_text(s, buffer);
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->flags & (TEXT_UNREADABLE | TEXT_TOO_DEEP))
		return 0;
	at = text->at;
	bounded(at, TEXT_SIZE - 1);
	from = address_of(s->text[buffer] + at);
	if (hook->text_default)
		found = beginning_bitset(s, hook, buffer);
	if (!lacks(FEATURE_ENDINGS) && hook->ending_default)
		found |= ending_bitset(s, hook, text, from) << ENDING_SHIFT;
	return found;
}

/* The bit sets of the text; caches those of an open file. */
inline_fn __u32 found_bitset(struct scratch *s, struct hook *hook)
{
	struct slot *slot;
	__u32 bitset;

	if (!(hook->flags & HOOK_CACHE_PATHS) || !can_cache(hook, get_config()))
		return text_bitset(s, hook);
	slot = slot_of(s, hook->index_text);
	if (!slot)
		return text_bitset(s, hook);
	read_sequences(&s->before_walk);
	bitset = text_bitset(s, hook);
	remember(hook, raw_of(s, slot), &s->before_walk, bitset);
	return bitset;
}

/* Narrows the rules by a bit set; clears s->words or s->wants_text if no such rule is left. */
inline_fn void use_bitset(struct scratch *s, struct application *application, struct hook *hook,
			  enum index_set which, __u32 at)
{
	int left;

	if (!at)
		return;
	at = sided(s->side, at);
	s->sets[which] = at;
	left = left_by(application, hook, s->sets[SET_NUMBER], at);
	if (!(left & INDEX_LEFT))
		s->words = 0;
	if (!(left & INDEX_WANTS_TEXT))
		s->wants_text = 0;
}

/* Narrows s->sets by the text; clears s->words if no rule is left. */
inline_fn void use_text_index(struct scratch *s, struct application *application, struct hook *hook)
{
	__u32 found = found_bitset(s, hook), text = sided(s->side, found & INDEX_SET_MASK);

	s->sets[SET_TEXT] = text;
	if (text && !text_leaves(application, hook, s->sets[SET_NUMBER], text))
		s->words = 0;
	if (!lacks(FEATURE_ENDINGS) && s->words)
		use_bitset(s, application, hook, SET_ENDING, found >> ENDING_SHIFT);
}

/* The bit set of the running binary; 0: let the rows decide. */
inline_fn __u32 binary_bitset(struct scratch *keys, struct hook *hook, struct proc *proc,
			      __u32 size)
{
	struct index_text_key *key = &keys->key.index_text;
	__u32 *found;

	bounded(size, 255);
	if (size >= PREFIX_SIZE)
		return 0;
	key->bits = 32 + 8 * (size + 1);
	key->index = hook->index | BINARY_KEYS;
	if (size <= 8 * SHORT_WORDS)
		copy_own(key->text, proc->binary);
	else
		bpf_probe_read_kernel(key->text, size, proc->binary);
	key->text[size] = 0;
	found = bpf_map_lookup_elem(&index_text, key);
	return found ? *found : hook->binary_default;
}

/* … of the end of its path. */
inline_fn __u32 binary_ending_bitset(struct scratch *keys, struct hook *hook, struct proc *proc,
				     __u32 size)
{
	struct index_text_key *key = &keys->key.index_text;
	__u32 *found;

	reverse_end(keys, address_of(proc->binary) + size, size, hook->longest_binary_ending);
	key->index = hook->index | BINARY_KEYS | ENDING_KEYS;
	found = bpf_map_lookup_elem(&index_text, key);
	return found ? *found : hook->binary_ending_default;
}

/* Narrows s->sets by the running binary; clears s->words or s->wants_text if no such rule is left. */
__noinline int use_binary_index(struct scratch *s, struct application *application,
				struct hook *hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *keys;
	struct proc *proc;
	__u32 size;

	if (lacks(FEATURE_BINARIES) || !s || !application || !hook)
		return 0;
	proc = find_proc(task->tgid);
	keys = keys_of(s);
	if (!proc || !keys || proc->flags & PROC_FORGEABLE_BINARY)
		return 0; /* let the rows decide */
	size = proc->binary_length;
	if (!size || size >= PREFIX_SIZE)
		return 0;
	if (hook->binary_default)
		use_bitset(s, application, hook, SET_BINARY, binary_bitset(keys, hook, proc, size));
	if (!lacks(FEATURE_ENDINGS) && hook->binary_ending_default && s->words)
		use_bitset(s, application, hook, SET_BINARY_ENDING,
			   binary_ending_bitset(keys, hook, proc, size));
	return 0;
}

/* Narrows s->sets by the peer's address; clears s->words if no rule is left. */
__noinline int use_address_index(struct scratch *s, struct application *application,
				 struct hook *hook)
{
	struct index_addr_key *key;
	struct scratch *keys;
	__u32 slot, *found;

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
	use_bitset(s, application, hook, SET_ADDRESS, found ? *found : hook->addr_default);
	return 0;
}

#endif
