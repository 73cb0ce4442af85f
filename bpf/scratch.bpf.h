/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Working memory. LSM programs have no guard against being entered again while a task in the
 * middle of one is preempted, so nothing is per CPU: a call claims a slot by an atomic bit and
 * gives it back. CPUs share words of bits; a word that is full sends the caller to the next.
 */
#ifndef GANDER_SCRATCH_H
#define GANDER_SCRATCH_H

#include "state.bpf.h"

enum scratch_limits {
	POOL_LEVELS = 4, /* slots a word */
	SCRATCH_WORDS = 16,
	STAGE_WORDS = 4,
	POOL_TRIES = 4, /* words tried */
	TEXT_SIZE = 4096,
	TEXT_BUFFERS = 2,
	WALK_KEPT = 1792, /* of a path that does not fit, at least so much of its beginning is kept */
	RAW_ARGS = 16,
	STAGE_SIZE = 32768,
};

/* parts of the kernel's structs that are neighbours there, to be read at once (path.bpf.h) */
struct dentry_head {
	__u64 hash_pprev; /* d_hash.pprev: NULL if unlinked */
	__u64 parent;
	__u64 hash_length; /* struct qstr: hash, and length in the upper half… */
	__u64 name;	   /* …and characters */
	__u64 inode;
};

struct mount_head {
	__u64 parent;
	__u64 mountpoint;
	__u64 root; /* mnt.mnt_root */
};

struct path_head {
	__u64 mnt;
	__u64 dentry;
};

struct rate_key {
	__u64 verdict; /* counter << 32 | thread, process or 0 */
	__u64 hash;    /* of the arguments */
};

/* where a path walk stands (path.bpf.h). Addresses are numbers: map memory holds no pointers. */
struct walk {
	__u64 dentry, mount;
	struct mount_head mount_head; /* of `mount`; root 0: no mount, or its root is to be passed */
	__u64 first; /* the dentry it began with */
	__u32 at;    /* what is done so far begins here */
	__u32 flags; /* enum text_flags */
	__u32 buffer;
	__u32 done;
	struct dentry_head dentry_head; /* not on the stack: that of all functions together is short */
	struct path_head path_head;
};

struct text_value {
	__u64 inode;	/* of a path, or 0 */
	__u32 at;	/* in its buffer */
	__u32 size;
	__u32 flags;	/* enum text_flags */
	__u32 extra;	/* struct arg */
	__u32 slot;	/* hook slot that is in this buffer, + 1 */
	__u32 has_tail; /* `tail` holds the end: the buffer does not */
	char tail[BINARY_TAIL];
};

enum index_set { SET_NUMBER, SET_TEXT, SET_ADDRESS, SET_BINARY, INDEX_SETS };
enum connection { CONNECTION_UNKNOWN, CONNECTION_NONE, CONNECTION_TCP };

struct scratch {
	/* the call */
	__u64 raw[RAW_ARGS];
	__u32 hook;	   /* index in `hooks`, with side */
	__u32 application; /* index in `applications`, with side */
	__u32 side;
	__u32 can_deny;
	__s32 verdict;	   /* what the hook returns */
	__u32 wants_text;  /* the index of the number left rules that depend on the text */
	/* the rows that are being evaluated */
	__u64 words;	   /* words of rules still to look at */
	__u64 rules;	   /* rules of this word still to look at */
	__u32 word;
	__u32 row;	   /* next row of this rule, with side; 0: take the next rule */
	__u32 rule;	   /* index in `rules`, with side */
	__u32 sets[INDEX_SETS]; /* bit sets of the index that apply (enum index_set), 0: none */
	__u32 verdict_at;  /* index in `verdicts`, with side */
	/* values, by slot; valid where the bit in `have` is set */
	__u32 have, failed;
	__u64 number[HOOK_SLOTS];
	__u32 sock_slot;   /* hook slot that is in `sock`, + 1 */
	__u32 done;	   /* of the verdict: enum action */
	__u32 self;	   /* index of this scratch memory: keys_of */
	__u32 connection;  /* whether the call is one for rules with RULE_STREAM_SOCKETS: enum connection */
	struct sequences before_walk; /* of the path that is about to be remembered */
	struct rate_key rate;
	struct sock_value sock;
	struct text_value texts[TEXT_BUFFERS];
	struct walk walk;
	union {
		struct int_key integer;
		struct addr_key addr;
		struct prefix_key prefix;
		struct str_key_64 str_64;
		struct str_key_256 str_256;
		struct str_key_4k str_4k;
		struct index_int_key index_int;
		struct index_text_key index_text;
		struct index_addr_key index_addr;
		__u64 words8[8];
	} key;
	char text[TEXT_BUFFERS][TEXT_SIZE + 256];
};

/* Enums that user space reads from BTF although no field has their type. */
struct abi_enums {
	enum limits limits;
	enum record_limits record_limits;
	enum value_type value_type;
	enum row_op row_op;
	enum row_flags row_flags;
	enum namespace_kind namespace_kind;
	enum capability_kind capability_kind;
	enum rate_scope rate_scope;
	enum rule_flags rule_flags;
	enum slot_flags slot_flags;
	enum application_flags application_flags;
	enum hook_table_flags hook_table_flags;
	enum fault fault;
	enum config_flags config_flags;
	enum cgroup_place cgroup_place;
	enum proc_flags proc_flags;
	enum record_type record_type;
	enum record_flags record_flags;
	enum text_flags text_flags;
	enum exec_flags exec_flags;
	enum action action;
};

/* a record while it is put together */
struct stage {
	union {
		struct record record;
		struct record_exec exec;
		struct record_exit exit;
		struct record_cgroup cgroup;
		struct record_hook hook;
		struct arg arg;
		struct proc proc; /* a new element of `procs` */
		struct abi_enums enums;
		char bytes[STAGE_SIZE + TEXT_SIZE + 256];
	};
	__u64 size;
	__u64 argument;	 /* of the rule */
};

struct pool_word {
	__u64 taken;
	__u64 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_WORDS * POOL_LEVELS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_WORDS);
	__type(key, __u32);
	__type(value, struct pool_word);
} scratch_pool SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAGE_WORDS * POOL_LEVELS);
	__type(key, __u32);
	__type(value, struct stage);
} stages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAGE_WORDS);
	__type(key, __u32);
	__type(value, struct pool_word);
} stage_pool SEC(".maps");

inline_fn struct scratch *scratch_at(__u32 index)
{
	return bpf_map_lookup_elem(&scratches, &index);
}

inline_fn struct stage *stage_at(__u32 index)
{
	return bpf_map_lookup_elem(&stages, &index);
}

/* Claims a slot: its index, or -1. Called with a constant map and number of words. */
inline_fn int pool_claim(void *pool, __u32 words)
{
	__u32 first = bpf_get_smp_processor_id();

#pragma clang loop unroll(disable)
	for (int i = 0; i < POOL_TRIES; i++) {
		__u32 word = (first + i) & (words - 1);
		struct pool_word *bits = bpf_map_lookup_elem(pool, &word);

		if (!bits)
			return -1;
#pragma clang loop unroll(disable)
		for (int level = 0; level < POOL_LEVELS; level++) {
			__u64 bit = 1ULL << level;

			if (!(__sync_fetch_and_or(&bits->taken, bit) & bit))
				return word * POOL_LEVELS + level;
		}
	}
	return -1;
}

inline_fn void pool_release(void *pool, __u32 index)
{
	__u32 word = index / POOL_LEVELS;
	struct pool_word *bits = bpf_map_lookup_elem(pool, &word);

	if (bits)
		__sync_fetch_and_and(&bits->taken, ~(1ULL << (index % POOL_LEVELS)));
}

/* Not inlined: the verifier would follow each way of finding a slot to the end of the program. */
__noinline int scratch_claim(void)
{
	int index = pool_claim(&scratch_pool, SCRATCH_WORDS);
	struct scratch *s = index < 0 ? NULL : scratch_at(index);

	if (s)
		s->self = index;
	return index;
}

/* The same memory, looked up: in what is given to a function 6.1 takes no keys of maps. */
inline_fn struct scratch *keys_of(struct scratch *s)
{
	return s ? scratch_at(s->self) : NULL;
}

__noinline int stage_claim(void)
{
	return pool_claim(&stage_pool, STAGE_WORDS);
}

#define scratch_release(index) pool_release(&scratch_pool, index)
#define stage_release(index) pool_release(&stage_pool, index)

#endif
