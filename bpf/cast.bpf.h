/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the kernel has bpf_rdonly_cast (6.2), the programs read its structs by loads instead of
 * copying them by a helper: a load from an invalid address gives 0, as the copy does. The verifier
 * removes the can_cast() branches on other kernels, and their other halves on these.
 */
#ifndef GANDER_CAST_H
#define GANDER_CAST_H

#include "state.bpf.h"

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

#define can_cast() bpf_ksym_exists(bpf_rdonly_cast)
#define cast_to(TYPE, ADDRESS)                                                                     \
	((TYPE *)bpf_rdonly_cast((void *)(ADDRESS), bpf_core_type_id_kernel(TYPE)))

/* A field of the struct at an address. */
#define field_of(TYPE, ADDRESS, FIELD)                                                             \
	(can_cast() ? cast_to(TYPE, ADDRESS)->FIELD : BPF_CORE_READ((TYPE *)(ADDRESS), FIELD))

/*
 * A pointer in a struct whose own pointer the verifier trusts, such as the current task. By a cast: for each pointer
 * that is loaded from a trusted struct the verifier (6.4) looks through all types of the kernel for lists of fields
 * that stay trusted, some 5 M instructions, and loading a program would take longer by multiples.
 */
#define pointer_in(STRUCT, FIELD)                                                                  \
	(can_cast() ? cast_to(typeof(*(STRUCT)), STRUCT)->FIELD : (STRUCT)->FIELD)

/* A word of kernel memory at any address. */
#define word_at(ADDRESS) (cast_to(struct rb_node, ADDRESS)->__rb_parent_color)

/* The same wherever the kernel has no casts. */
inline_fn __u64 word_from(__u64 address)
{
	__u64 word = 0;

	if (can_cast())
		return word_at(address);
	bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
	return word;
}

/* Words from an address on, by one cast for all of them: this struct begins with plain words. */
#define words_at(ADDRESS) cast_to(struct pt_regs, ADDRESS)

enum { SHORT_WORDS = 8 };

/*
 * Copies a text of at most 8 * SHORT_WORDS bytes within the programs' own memory. Whatever its size, so many bytes must
 * be there to be read and to be written: without branches this costs less.
 */
inline_fn void copy_own(char *to, const char *from)
{
#pragma unroll
	for (__u32 i = 0; i < SHORT_WORDS; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
}

/*
 * Copies `size` bytes of kernel memory and may write up to 7 bytes beyond them. Most texts are short,
 * and a few loads cost less than a helper. False: too long, or no cast.
 */
#define copy_short(TO, SIZE, FROM)                                                                 \
	({                                                                                         \
		bool copied_ = can_cast() && (SIZE) <= 8 * SHORT_WORDS;                            \
                                                                                                   \
		if (copied_)                                                                       \
			_Pragma("unroll") for (__u32 i_ = 0; i_ < SHORT_WORDS; i_++)               \
			{                                                                          \
				if (8 * i_ >= (SIZE))                                              \
					break;                                                     \
				*(__u64 *)((TO) + 8 * i_) = word_at((FROM) + 8 * i_);              \
			}                                                                          \
		copied_;                                                                           \
	})

#endif
