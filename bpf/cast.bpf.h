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

enum { SHORT_WORDS = 8 };

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
