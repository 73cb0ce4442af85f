/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Membership of numbers, texts and addresses in the sets that user space keeps. */
#ifndef GANDER_SETS_H
#define GANDER_SETS_H

#include "cast.bpf.h"
#include "scratch.bpf.h"

HASH(int_set, struct int_key, __u8, 16384);
HASH(str_set_64, struct str_key_64, __u8, 16384);
HASH(str_set_256, struct str_key_256, __u8, 4096);
HASH(str_set_4k, struct str_key_4k, __u8, 512);
TRIE(prefix_set, struct prefix_key, __u8, 16384);
TRIE(addr_set, struct addr_key, __u8, 16384);
HASH(file_set, struct file_key, __u8, 4096);

__noinline int in_int_set(__u32 set, __u64 value)
{
	struct int_key key = { .set = set, .value = value };

	return !!bpf_map_lookup_elem(&int_set, &key);
}

inline_fn bool in_file_set(__u32 set, struct file_identity *file)
{
	struct file_key key = { .set = set,
				.device = file->device,
				.inode = file->inode,
				.generation = file->generation };

	return bpf_map_lookup_elem(&file_set, &key);
}

/* The text of `size` bytes at `from`, in kernel memory. */
shared_fn int in_str_set(struct scratch *scratch, __u32 set, __u64 from, __u32 size)
{
	struct scratch *s = keys_of(scratch);

	if (!s)
		return 0;
	/* set and length are at the same offset in all three */
	s->key.str_64.set = set;
	s->key.str_64.length = size;
	if (size <= sizeof(s->key.str_64.text)) {
#pragma unroll
		for (int i = 1; i < 8; i++)
			s->key.words8[i] = 0;
		bounded(size, 63);
		if (size > sizeof(s->key.str_64.text))
			return 0;
		bpf_probe_read_kernel(s->key.str_64.text, size, (void *)from);
		return !!bpf_map_lookup_elem(&str_set_64, &s->key.str_64);
	}
	if (size <= sizeof(s->key.str_256.text)) {
		/* a failed read fills the memory with zeros */
		bpf_probe_read_kernel(s->key.str_256.text, sizeof(s->key.str_256.text), NULL);
		bounded(size, 255);
		if (size > sizeof(s->key.str_256.text))
			return 0;
		bpf_probe_read_kernel(s->key.str_256.text, size, (void *)from);
		return !!bpf_map_lookup_elem(&str_set_256, &s->key.str_256);
	}
	if (size > TEXT_SIZE)
		return 0;
	bpf_probe_read_kernel(s->key.str_4k.text, sizeof(s->key.str_4k.text), NULL);
	bounded(size, TEXT_SIZE * 2 - 1);
	if (size > TEXT_SIZE)
		return 0;
	bpf_probe_read_kernel(s->key.str_4k.text, size, (void *)from);
	return !!bpf_map_lookup_elem(&str_set_4k, &s->key.str_4k);
}

shared_fn int in_prefix_set(struct scratch *scratch, __u32 set, __u64 from, __u32 size)
{
	struct scratch *s = keys_of(scratch);
	struct prefix_key *key;

	if (!s)
		return 0;
	key = &s->key.prefix;
	if (size > PREFIX_SIZE)
		size = PREFIX_SIZE;
	bounded(size, 255);
	if (size > PREFIX_SIZE)
		return 0;
	key->bits = 32 + 8 * size;
	key->set = set;
	if (!copy_short(key->text, size, from))
		bpf_probe_read_kernel(key->text, size, (void *)from);
	return !!bpf_map_lookup_elem(&prefix_set, key);
}

/*
 * The beginning of a text as the key of a trie, where it lies: the head of the key takes the place of the eight bytes
 * before it, which are nobody's. `s`: from keys_of.
 */
inline_fn struct prefix_key *prefix_key_of(struct scratch *s, __u64 buffer, __u32 set)
{
	struct prefix_key *key;
	struct text_value *text;
	__u64 at, size;

	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	size = text->size;
	at = text->at;
	bounded(at, TEXT_SIZE - 1);
	key = (struct prefix_key *)(s->text[buffer] + at -
				    __builtin_offsetof(struct prefix_key, text));
	key->bits = 32 + 8 * (size < PREFIX_SIZE ? size : PREFIX_SIZE);
	key->set = set;
	return key;
}

/* Does the text in a buffer begin with a value of the set? */
inline_fn bool begins_with_any(struct scratch *scratch, __u32 buffer, __u32 set)
{
	struct scratch *s = keys_of(scratch);

	return s && bpf_map_lookup_elem(&prefix_set, prefix_key_of(s, buffer, set));
}

struct reverse {
	struct scratch *s;
	__u64 size;
	__u64 end; /* address behind the text */
};

static long reverse_callback(__u64 i, struct reverse *r)
{
	struct scratch *s = r->s;

	if (i >= r->size)
		return 1;
	bounded(i, 127);
	if (can_cast())
		s->key.prefix.text[i] = word_at(r->end - 1 - i);
	else
		bpf_probe_read_kernel(s->key.prefix.text + i, 1, (void *)(r->end - 1 - i));
	return 0;
}

/* Puts at most `longest` bytes before address `end` backwards into the key `prefix`, with their number as its bits. */
inline_fn void reverse_end(struct scratch *s, __u64 end, __u32 size, __u32 longest)
{
	struct reverse r = { .s = s, .size = size, .end = end };

	if (r.size > longest)
		r.size = longest;
	if (r.size > POSTFIX_SIZE)
		r.size = POSTFIX_SIZE;
	bpf_loop(POSTFIX_SIZE + 1, reverse_callback, &r, 0);
	s->key.prefix.bits = 32 + 8 * r.size;
}

/* Does the text before address `end` end with a value of the set? The values have at most `longest` bytes. */
shared_fn int in_postfix_set(struct scratch *scratch, __u32 set, __u64 end, __u32 size,
			     __u32 longest)
{
	struct scratch *s = keys_of(scratch);

	if (!s)
		return 0;
	reverse_end(s, end, size, longest);
	s->key.prefix.set = set;
	return !!bpf_map_lookup_elem(&prefix_set, &s->key.prefix);
}

inline_fn bool in_addr_set(struct scratch *scratch, __u32 set, __u32 family, const __u8 *addr)
{
	struct scratch *s = keys_of(scratch);
	struct addr_key *key;

	if (!s)
		return false;
	key = &s->key.addr;
	key->bits = 64 + (family == AF_INET ? 32 : 128);
	key->set = set;
	key->family = family;
	__builtin_memcpy(key->addr, addr, 16);
	return bpf_map_lookup_elem(&addr_set, key);
}

#endif
