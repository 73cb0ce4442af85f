/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Texts that contain one of the values of a set. */
#ifndef GANDER_SEARCH_H
#define GANDER_SEARCH_H

#include "sets.bpf.h"
#include "tables.bpf.h"

/* The eight letters of a word in lower case: ASCII only, other bytes stay as they are. */
inline_fn __u64 lower_case(__u64 letters)
{
	const __u64 ones = 0x0101010101010101ULL;
	__u64 low = letters & 0x7f * ones;
	__u64 from_a = low + (0x80 - 'A') * ones, beyond_z = low + (0x7f - 'Z') * ones;

	return letters | (((from_a ^ beyond_z) & ~letters & 0x80 * ones) >> 2);
}

struct search {
	struct scratch *s;
	struct row *row;
	__u32 buffer, begin, size; /* the text */
	bool any_case, found;
};

/* Does a value of the set begin at byte `i` of the text? Most bytes begin none: the row's bits say so. */
static long search_callback(__u64 i, struct search *search)
{
	struct scratch *s = search->s;
	struct prefix_key *key = &s->key.prefix;
	__u32 buffer = search->buffer, at = search->begin + i, left = search->size - i;
	__u64 *words = (__u64 *)key->text;
	__u32 byte, word;

	if (i >= search->size)
		return 1;
	bounded(buffer, TEXT_BUFFERS - 1);
	bounded(at, TEXT_SIZE - 1);
	byte = s->text[buffer][at];
	if (search->any_case)
		byte = lower_case(byte);
	word = byte >> 6;
	bounded(word, ROW_VALUES - 1);
	if (!(search->row->values[word] >> (byte & 63) & 1))
		return 0;
	if (left > CONTAINED_SIZE)
		left = CONTAINED_SIZE;
	bounded(left, 127);
	if (left > CONTAINED_SIZE)
		return 1;
	bpf_probe_read_kernel(key->text, left, s->text[buffer] + at);
	if (search->any_case) {
#pragma unroll
		for (int k = 0; k < CONTAINED_SIZE / 8; k++)
			words[k] = lower_case(words[k]);
	}
	key->bits = 32 + 8 * left;
	key->set = search->row->set;
	search->found = bpf_map_lookup_elem(&prefix_set, key);
	return search->found;
}

/* Does a text in a buffer contain a value of the row's set? Verified once, for all callers. */
__noinline int contains_any(struct scratch *scratch, struct row *row, __u32 buffer, __u32 any_case)
{
	struct scratch *s = keys_of(scratch);
	struct search search = { .s = s, .row = row, .buffer = buffer, .any_case = any_case != 0 };
	struct text_value *text;

	if (lacks(FEATURE_SEARCH) || !s || !row)
		return 0;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	search.begin = text->at;
	search.size = text->size;
	bpf_loop(TEXT_SIZE, search_callback, &search, 0);
	return search.found;
}

#endif
