/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Working memory. The kernel may enter an LSM program again while a task in the middle of it is
 * preempted, so nothing is per CPU: a call claims a slot by an atomic bit and releases it. Each CPU
 * has a word of bits and tries its first slot. A task that is preempted while it holds that slot (a
 * kernel with preempt=full) may not run again for long, so all CPUs share the other slots, with
 * limits: one user of a cgroup gets a quarter of them, and a cgroup half. A claim beyond that is
 * refused; other owners are not affected.
 */
#ifndef GANDER_SCRATCH_H
#define GANDER_SCRATCH_H

#include "cast.bpf.h"
#include "objects.h"

enum scratch_limits {
	POOL_LEVELS = 4,    /* slots per word */
	SCRATCH_WORDS = 16, /* at least, and one per CPU: user space enlarges the maps */
	STAGE_WORDS = 4,
	OWNER_LEVEL = 3, /* of cgroups that own slots and tallies: a pod, a user's session */
	TEXT_SIZE = 4096,
	TEXT_BUFFERS = 2,
	BINARY_BUFFER =
		1, /* takes the path of a binary that is not known from the exec of its process */
	WALK_KEPT =
		1792,  /* if a path does not fit, at least this much of its beginning stays there */
	RAW_ARGS = 32, /* a power of two */
	REGISTERS_SIZE = 21 * 8, /* bytes of the kernel's struct pt_regs (x86-64) */
	STAGE_SIZE = 32768,
	PAGE = 4096, /* what can be read at once of memory that may be missing */
};

/* adjacent parts of the kernel's structs, to be read at once (path.bpf.h) */
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

/* the state of a path walk (path.bpf.h). Addresses are numbers: map memory holds no pointers. */
struct walk {
	__u64 dentry, mount;
	struct mount_head
		mount_head; /* of `mount`; root 0: no mount, or the walk ignores its root */
	__u64 first;	    /* the dentry of the start */
	__u64 first_mount;
	__u64 seen;	   /* in a walk that notes: a digest of what it has seen */
	__u64 seen_before; /* the digest of the previous walk */
	__u32 walks;	   /* number of finished walks that noted */
	__u32 moving;	   /* one of the dentries was being renamed */
	__u32 stable;	   /* two successive walks have seen the same */
	__u32 at;	   /* the path so far starts here */
	__u32 flags;	   /* enum text_flags */
	__u32 buffer;
	__u32 done;
	struct dentry_head
		dentry_head; /* not on the stack, which is short for all functions together */
	struct path_head path_head;
};

struct text_value {
	__u64 inode; /* of a path, or 0 */
	__u32 at;    /* in its buffer */
	__u32 size;
	__u32 flags;	/* enum text_flags */
	__u32 extra;	/* struct arg */
	__u32 slot;	/* hook slot that is in this buffer, + 1 */
	__u16 has_tail; /* `tail` holds the end; the buffer does not */
	__u16 absent;	/* TEXT_UNREADABLE: there is no text */
	char tail[BINARY_TAIL];
};

enum index_set {
	SET_NUMBER,
	SET_TEXT,
	SET_ADDRESS,
	SET_BINARY,
	SET_RANGE,
	SET_ENDING,
	SET_BINARY_ENDING,
	INDEX_SETS
};
enum connection { CONNECTION_UNKNOWN, CONNECTION_NONE, CONNECTION_TCP };

/* A buffer in several pieces that is being read (segments.bpf.h). */
struct segments {
	__u64 next, count; /* struct iovec that follow */
	__u64 from, left;  /* of the one that is being copied */
	__u64 skip;	   /* of the first */
	__u64 wanted;	   /* bytes in all */
	__u32 buffer, at;
	bool in_kernel; /* the structs, not the bytes */
	bool failed;
};

/* What is known of the tests of a group (exec.bpf.h): bits, of those for which… */
struct exec_group {
	__u64 some, others; /* …a text fits a value of the test, and one fits none */
	__u64 unknown;	    /* …not all texts could be read */
};

/* The arguments and variables of a new program that are being read (exec.bpf.h). */
struct exec_texts {
	__u64 tables; /* of the program's pages; 0: not known in this call yet */
	__u64 left;   /* how much may still be read */
	__u64 page,
		frame; /* of the last byte that was read: in the program's memory, and in the kernel's */
	__u64 entry_at, entry;	/* of the page, in its table */
	__u64 at;		/* the next byte */
	__u32 text;		/* which text that is part of: arguments come before variables */
	__u32 arguments, texts; /* how many: of all texts, arguments are the first */
	__u32 size;		/* bytes of the text in the buffer */
	__u32 value;		/* of a variable: where its value begins there; 0: not found yet */
	__u32 tests_left;	/* how many comparisons this call may still do */
	__u32 first_row;	/* of the group's tests, with side */
	__u32 decided;		/* groups */
	/* The next text cannot be read. No bool: the verifier would doubt that it is 0 or 1. */
	__u32 failed;
	bool is_later;	 /* the buffer has no longer the beginning of the text */
	bool is_end;	 /* it has its end */
	bool is_foreign; /* the memory is not the program's */
	bool moved;	 /* what was read may not have been the program's */
	/* tests of the group, as bits */
	__u64 unsorted;				  /* not in one of the next three yet */
	__u64 of_variables, at_position, at_once; /* at_once: one text that fits is enough */
	__u64 open;				  /* not decided */
	__u64 waiting;				  /* to be compared with what the buffer has */
	__u64 about, hits;			  /* about this text; and a value fits it */
	__u64 some, others;
	struct exec_group groups[EXEC_GROUPS];
};

/* What the registers of a program become (registers.bpf.h). */
struct registers {
	__u64 words[REGISTERS_SIZE / 8]; /* struct pt_regs */
	__u32 first_assignment; /* the first verdict that changes them has these; 0: none has */
};

/* Of the packet that is being read (packets.bpf.h). */
struct headers {
	union {
		struct ipv4_header ipv4;
		struct ipv6_header ipv6;
	};
	struct ipv6_extension extension;
	__u64 next; /* address */
};

struct scratch {
	/* the call */
	__u64 raw[RAW_ARGS];
	__u32 hook;	   /* index in `hooks`, with side */
	__u32 application; /* index in `applications`, with side */
	__u32 group;	   /* index in `groups`, with side */
	__u32 side;
	__u32 can_deny;
	__s32 verdict;	  /* what the hook returns */
	__u32 wants_text; /* after the number's index: a rule that is left depends on the text */
	/* the rows being evaluated */
	__u64 words; /* words of rules still to evaluate */
	__u64 rules; /* rules of this word still to evaluate */
	__u32 word;
	__u32 row;		/* next row of this rule, with side; 0: take the next rule */
	__u32 rule;		/* index in `rules`, with side */
	__u32 sets[INDEX_SETS]; /* bit sets of the index that apply (enum index_set), 0: none */
	__u32 narrowed;		/* a question has left only `kept` */
	__u64 kept[RULE_WORDS];
	__u32 verdict_at; /* index in `verdicts`, with side */
	/* values, by slot; valid where the bit in `have` is set */
	__u32 have, failed;
	__u32 unread; /* failed, because the route to it could not be read */
	__u32 room;   /* of the text that the last route led to: struct route */
	__u64 number[HOOK_SLOTS];
	__u64 fact; /* the last number of the process or of a socket that was read for the index or a row */
	__u32 sock_slot;  /* hook slot that is in `sock`, + 1 */
	__u32 done;	  /* of the verdict: enum action */
	__u32 self;	  /* index of this scratch memory: keys_of */
	__u32 missing;	  /* facts that this rule lacked: bits by enum fact */
	__u32 unread_raw; /* HOOK_PROBE: bits of raw arguments that could not be read */
	__u32 connection; /* enum connection: does the call concern rules with RULE_STREAM_SOCKETS? */
	__u32 hashes;	  /* FEATURE_HASH: what this call enforces is put off (hash.bpf.h) */
	__u64 data_time; /* FEATURE_DATA: the time of the record and of those before it */
	struct sequences before_walk; /* of the path that is about to be cached */
	struct rate_key rate;
	struct sock_value sock;
	struct text_value texts[TEXT_BUFFERS];
	struct walk walk;
	struct segments segments;
	struct headers headers;
	struct exec_texts exec;
	struct registers registers;
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
		struct tally tally; /* a new element of `tallies` */
		__u64 words8[8];
	} key;
	__u64 before_text; /* room for the head of a key (prefix_key_of) */
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
	enum process_property process_property;
	enum origin origin;
	enum path_match path_match;
	enum rate_scope rate_scope;
	enum rule_flags rule_flags;
	enum slot_flags slot_flags;
	enum route_flags route_flags;
	enum application_flags application_flags;
	enum hook_flags hook_flags;
	enum assignment_kind assignment_kind;
	enum probe_argument_kind probe_argument_kind;
	enum feature feature;
	enum attach_cookie attach_cookie;
	enum hook_table_flags hook_table_flags;
	enum fault fault;
	enum config_flags config_flags;
	enum early_exec early_exec;
	enum cgroup_place cgroup_place;
	enum mark mark;
	enum proc_flags proc_flags;
	enum record_type record_type;
	enum record_flags record_flags;
	enum text_flags text_flags;
	enum fact fact;
	enum exec_flags exec_flags;
	enum action action;
	enum any_peer any_peer;
	enum lifecycle_fate lifecycle_fate;
	enum hash_result hash_result;
};

/* a record under construction */
struct stage {
	union {
		struct record record;
		struct record_exec exec;
		struct record_exit exit;
		struct record_cgroup cgroup;
		struct record_hook hook;
		struct record_data data;
		struct arg arg;
		struct proc proc; /* a new element of `procs` */
		struct abi_enums enums;
		char bytes[STAGE_SIZE + TEXT_SIZE + 256];
	};
	__u64 size;
	__u64 argument; /* of the rule */
};

struct pool_word {
	__u64 taken;
	__u32 owners[POOL_LEVELS]; /* of all but the first slot: owner_of_task */
	__u64 pad[5];
};

/* A power of two each; set by user space where the machine has more CPUs. */
const volatile __u32 scratch_words = SCRATCH_WORDS;
const volatile __u32 stage_words = STAGE_WORDS;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_WORDS *POOL_LEVELS);
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
	__uint(max_entries, STAGE_WORDS *POOL_LEVELS);
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

enum pool { POOL_SCRATCH, POOL_STAGE };

inline_fn struct pool_word *pool_word_at(enum pool pool, __u32 word)
{
	return pool == POOL_SCRATCH ? bpf_map_lookup_elem(&scratch_pool, &word) :
				      bpf_map_lookup_elem(&stage_pool, &word);
}

enum { OWNER_CGROUP = 0xffff0000, OWNER_USER = 0xffff };

/* The cgroup, or its ancestor at OWNER_LEVEL if it lies deeper. */
inline_fn __u64 owning_cgroup(void)
{
	return bpf_get_current_ancestor_cgroup_id(OWNER_LEVEL) ?: bpf_get_current_cgroup_id();
}

/* The claimant: the cgroup and the user. */
inline_fn __u32 owner_of_task(void)
{
	__u64 cgroup = owning_cgroup();
	__u32 user = bpf_get_current_uid_gid();

	return (cgroup * 0x9e3779b97f4a7c15ULL >> 32 & OWNER_CGROUP) |
	       ((user ^ user >> 16) & OWNER_USER);
}

struct pool_search {
	enum pool pool;
	__u32 owner;
	__u32 by_cgroup, by_user; /* slots that are held */
	__s32 found;
};

static long count_held(__u64 i, struct pool_search *search)
{
	struct pool_word *word = pool_word_at(search->pool, i);

	if (!word)
		return 1;
#pragma unroll
	for (int level = 1; level < POOL_LEVELS; level++) {
		__u32 differs = word->owners[level] ^ search->owner;

		if (!(word->taken & 1ULL << level) || differs & OWNER_CGROUP)
			continue;
		search->by_cgroup++;
		search->by_user += !differs;
	}
	return 0;
}

static long take_any(__u64 i, struct pool_search *search)
{
	struct pool_word *word = pool_word_at(search->pool, i);

	if (!word)
		return 1;
#pragma clang loop unroll(disable)
	for (int level = 1; level < POOL_LEVELS; level++) {
		__u64 bit = 1ULL << level;

		if (__sync_fetch_and_or(&word->taken, bit) & bit)
			continue;
		word->owners[level] = search->owner;
		search->found = i * POOL_LEVELS + level;
		return 1;
	}
	return 0;
}

/* Claims a shared slot (the CPU's own is taken), unless the caller already holds its share. */
inline_fn int pool_claim_shared(enum pool pool, __u32 words)
{
	struct pool_search search = { .pool = pool, .owner = owner_of_task(), .found = -1 };
	__u32 slots = words * (POOL_LEVELS - 1);

	bpf_loop(words, count_held, &search, 0);
	if (search.by_cgroup >= slots / 2 || search.by_user >= slots / 4)
		return -1;
	bpf_loop(words, take_any, &search, 0);
	return search.found;
}

/* Claims a slot: its index, or -1. */
inline_fn int pool_claim(enum pool pool, __u32 words)
{
	__u32 at = bpf_get_smp_processor_id() & (words - 1);
	struct pool_word *word = pool_word_at(pool, at);

	if (!word)
		return -1;
	if (!(__sync_fetch_and_or(&word->taken, 1) & 1))
		return at * POOL_LEVELS;
	return pool_claim_shared(pool, words);
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
	return pool_claim(POOL_SCRATCH, scratch_words);
}

/* What scratch_claim gave; NULL: nothing. */
inline_fn struct scratch *claimed_scratch(int index)
{
	struct scratch *s = index < 0 ? NULL : scratch_at(index);

	if (s)
		s->self = index;
	return s;
}

/* The same memory; without casts (before 6.2) looked up, as no map key may lie in memory that a function gets as argument. */
inline_fn struct scratch *keys_of(struct scratch *s)
{
	if (can_cast())
		return s;
	return s ? scratch_at(s->self) : NULL;
}

__noinline int stage_claim(void)
{
	return pool_claim(POOL_STAGE, stage_words);
}

#define scratch_release(index) pool_release(&scratch_pool, index)
#define stage_release(index) pool_release(&stage_pool, index)

#endif
