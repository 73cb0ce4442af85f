/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The data that user space writes for the programs. The programs' records are in records.h. These
 * two headers are the only definition: the TypeScript views are generated from the BTF of the
 * objects that include them.
 *
 * Tables. The sensor "links" everything a hook evaluates into one side of a pair of tables and
 * makes it valid by one write of `config.side`. A program reads the side once per call, so it sees
 * all policies of one side or all of the other, never a mixture. The inactive side is rewritten only
 * after a grace period. In a table of two sides, element i of side s is at s * MAX + i, with the MAX
 * of that table. `groups` and `applications` grow: there it is at 2 * i + s, of which the first are in the
 * table itself and all others in its pages, arrays of the same size (`group_pages`, `application_pages`).
 *
 *   cgroup id -> group              (hash `cgroups`; a miss is group 0; `cgroup_places` saves lookups;
 *                                    a new cgroup inherits its parent's group)
 *   group     -> application        (array `groups`: one u16 per hook; 0: no policy here, return)
 *   application -> rules as bits    (array `applications`; counts the calls, striped over CPUs)
 *   rule      -> rows               (array `rules`: one rule = one hook entry of one policy)
 *   row       -> filter or action   (array `rows`: a decision list, `fail` jumps to the next selector)
 *   slot      -> route              (array `routes`: from an argument to a value behind it)
 *   verdict   -> assignments        (array `assignments`: what registers of a program become)
 *   values    -> sets               (hashes and tries keyed by set id; ids survive relinking)
 *   index     -> rules as bits      (numbers, prefixes, peers and binaries; saves rows, never decides)
 *
 * Early processes: a process that calls exec in a pod whose policies have not arrived (hashes `early`
 * and `held`, hold.bpf.h).
 */
#ifndef GANDER_ABI_H
#define GANDER_ABI_H

#include "records.h"

enum limits {
	MAX_HOOKS = 512,	 /* hooked functions on a node; id 0 is not used */
	GROUPS_PAGE = 256,	 /* on each side */
	MAX_GROUPS = 17 * GROUPS_PAGE, /* distinct policy combinations on a node: 4,096, and some while they change */
	MAX_CGROUPS = 32768,	 /* cgroups outside group 0, of all pods on a node */
	MAX_INHERITED = MAX_CGROUPS / 2, /* the limit for programs; the rest is for user space */
	MAX_EARLY = 8192,	 /* cgroups of pods whose policies have not arrived */
	MAX_HELD = 4096,	 /* processes that are held at the same time */
	MAX_OWNERS = 32768,	 /* sockets whose process policies tell */
	PAST_PROCESSES = 32768,	 /* processes whose parent or privileges at exec are known to filters */
	APPLICATIONS_PAGE = 512, /* on each side */
	MAX_APPLICATIONS = 65536, /* (group, hook) pairs that have rules; 0 is not used */
	MAX_RULES = 4096,	 /* rules of all hooks; those of one hook are contiguous */
	HOOK_RULES = 1024,	 /* rules of one hook */
	RULE_WORDS = HOOK_RULES / 64,
	MAX_ROWS = 8192,     /* row 0 is not used */
	MAX_VERDICTS = 4096, /* verdict 0 is not used */
	MAX_COUNTS = 4096,   /* one per policy revision, hook and selector; no sides */
	MAX_BITSETS = 1280,  /* of the index; bit set 0 is not used */
	INDEX_NUMBERS = 4096, /* entries of the index, of all hooks of one side */
	INDEX_PREFIXES = 16384,
	INDEX_ENDINGS = 16384,
	INDEX_NETWORKS = 16384,
	INDEX_BINARIES = 16384,
	MAX_BOUNDS = 2560, /* of ranges in the index, of all hooks of one side */
	HOOK_BOUNDS = 2048, /* … of one hook: a power of two, as its bounds are */
	MAX_POLICIES = 1280,  /* budgets; no sides */
	MAX_FUSES = MAX_POLICIES, /* no sides; 0 is not used */
	FUSE_PODS = 32, /* most pods that a fuse allows */
	FUSE_TICK_SHIFT = 26, /* its times are in 2^26 ns: 32 bits are nine years */
	EXEC_GROUPS = 4, /* of tests that are decided by reading a new program's arguments once… */
	EXEC_GROUP_TESTS = 64, /* …each of so many */
	MAX_ROUTES = 256, /* distinct ways from an argument to a value behind it; route 0 is not used */
	MAX_ASSIGNMENTS = 512, /* of all verdicts; 0 is not used */
	VERDICT_ASSIGNMENTS = 18, /* of one */
	ROUTE_STEPS = 21, /* pointers that a route follows: those of a path, and one before them */
	MAX_TALLIES = 16384, /* processes and cgroups with counted calls, times their conditions */
	TALLY_PART = 4, /* an owner that has this part of what is free gets no more */
	TALLY_OWNERS = 1024,
	MAX_CONDITIONS = 256, /* conditions of rows that count calls */
	TALLY_CALLS = 100, /* most calls that a condition waits for */
	TALLY_TIMES = 112, /* calls whose times are kept: a CPU may be so many calls behind the others */
	MAX_WORKLOADS = 256, /* distinct workloads of selectors */
	WORKLOAD_WORDS = MAX_WORKLOADS / 64,
	HOOK_SLOTS = 16,     /* distinct ways in which the policies of one hook read its arguments */
	ROW_VALUES = 4,
	ASKING_SHIFT = 16, /* in `test` of a question */
	CALL_STRIPES = 8,
	MAX_ARGS = 12, /* of a hooked function; later ones are not read */
	FOLLOW_BITS = 64, /* followChildren and followForks selectors on a node */
	PREFIX_SIZE = 252,  /* longest value of a prefix */
	POSTFIX_SIZE = 127, /* longest value of a postfix */
	CONTAINED_SIZE = 104, /* longest value that a text may contain, in words */
	NO_SLOT = 255,
	NO_REGISTER = 255,
	RAW_FUNCTION = 12, /* `raw` of which function was called, in the list of a HOOK_MANY */
	RAW_ROUTE = 13, /* `raw` of what a route leads to, for slots that have one; `size_raw`: its room */
	RAW_MAY_WRITE = 14, /* `raw` of the constant MAY_WRITE, not an argument: for core dump companions */
	RAW_RETURN = 15, /* `raw` of the return value */
	RAW_REGISTERS = 16, /* the address of a probe's struct pt_regs, where routes may begin */
	BINARY_SIZE = 256,
	BINARY_TAIL = 128,
};

enum row_op {
	ROW_ALWAYS,
	/* numbers */
	ROW_EQUAL, ROW_GREATER, ROW_LESS, ROW_MASK, ROW_RANGE, ROW_GAINED, ROW_DIFFERENCE, ROW_INT_SET,
	/* strings; the values are in the set `set` (str_set_*, prefix_set) */
	ROW_STR_EQUAL, ROW_STR_PREFIX, ROW_STR_POSTFIX,
	ROW_STR_CONTAINS, ROW_STR_CONTAINS_ANY_CASE, /* the set (prefix_set) has lower case only */
	ROW_FILE_TYPE, /* `values`, or int_set: S_IFMT of the path's file */
	ROW_ORIGIN, /* … enum origin of the path's file */
	/* sockets and addresses; addresses are in the set `set` (addr_set) */
	ROW_SADDR, ROW_DADDR, ROW_SPORT, ROW_DPORT, ROW_PROTOCOL, ROW_FAMILY, ROW_STATE,
	/* the process */
	ROW_PID, ROW_NS_PID, ROW_BINARY_EQUAL, ROW_BINARY_PREFIX, ROW_BINARY_POSTFIX,
	/* values[0]: bits of `proc.follow`, values[1]: of `proc.flags`; if `set` is not 0: or its binary is in `set`
	 * (`slot`: enum path_match) */
	ROW_FOLLOW,
	ROW_NAMESPACE, ROW_CAPABILITY,
	/* `slot`: enum process_property; n = 1 or 2 ranges, as of ROW_RANGE */
	ROW_PROPERTY,
	ROW_BINARY_FILE, /* the running binary is one of the files in `set` (file_set), whatever its path */
	/* since the last exec (`privileges`) */
	ROW_NAMESPACE_CHANGE, /* values[0]: bits by enum namespace_kind; one of them is another. No ROW_NEGATE */
	ROW_CAPABILITY_CHANGE, /* values[0]: bits; one of them was added or removed */
	ROW_MARKED_CALL, /* values[0]: the current call has this mark (marks.bpf.h). No ROW_NEGATE */
	/*
	 * The rows before it hold for the calls that count: this is at least number values[0] of them in values[1] ns,
	 * by the same process or cgroup. values[2]: the condition (`conditions`), 0: never. No ROW_NEGATE
	 */
	ROW_TALLY,
	ROW_WORKLOADS, /* values[0]: number of the workloads; the cgroup's group has them. No ROW_NEGATE */
	/*
	 * An argument or an environment variable of the program that is about to run (exec.bpf.h): like ROW_STR_*, in
	 * this order. `slot`: position of the argument, NO_SLOT: any; or `names`: of the variables
	 */
	ROW_EXEC_EQUAL, ROW_EXEC_PREFIX, ROW_EXEC_POSTFIX, ROW_EXEC_CONTAINS, ROW_EXEC_CONTAINS_ANY_CASE,
	ROW_EXEC_SET, /* one of the variables is set, to whatever */
};

enum row_flags {
	ROW_NEGATE = 1,	   /* the filter holds if none of the values matches */
	ROW_LAST = 2,	   /* last filter of its selector: if it holds, do the actions */
	ROW_ON_RETURN = 4, /* the filter reads the return value (for user space; the slot has this, too) */
	ROW_SIGNED = 8,	   /* compare as signed */
	ROW_UNKNOWN_HOLDS = 16, /* if its fact is unknown, the row holds; without this flag, it does not */
	ROW_IN_USER_NS = 32, /* ROW_CAPABILITY*: only in a user namespace other than the host's */
	ROW_PARENT = 64, /* ROW_BINARY_EQUAL to ROW_FOLLOW: of the process that forked this one (`parents`) */
	ROW_FOR_MANY = 128, /* a question (hook.first_question): if it does not hold, no row that it stands for does */
};

enum namespace_kind { /* `set` of ROW_NAMESPACE, and the order in `namespaces` of a record */
	NS_UTS, NS_IPC, NS_MNT, NS_PID, NS_PID_FOR_CHILDREN, NS_NET, NS_TIME, NS_TIME_FOR_CHILDREN,
	NS_CGROUP, NS_USER,
};

_Static_assert(NAMESPACES == NS_USER + 1, "a record has one of each kind");

enum capability_kind { CAPS_EFFECTIVE, CAPS_PERMITTED, CAPS_INHERITABLE }; /* `set` of ROW_CAPABILITY* */

enum process_property { /* `slot` of ROW_PROPERTY */
	PROPERTY_AGE, /* seconds since its start */
	PROPERTY_TERMINAL, /* 1: it has a controlling terminal; 0 */
	PROPERTY_USER, PROPERTY_EFFECTIVE_USER, PROPERTY_GROUP, PROPERTY_EFFECTIVE_GROUP, /* the host's ids */
	PROPERTY_STDIN, PROPERTY_STDOUT, PROPERTY_STDERR, /* S_IFMT of the file; closed: absent */
	PROPERTY_ORIGIN, /* enum origin of its program */
};

/* Where the content of a file comes from (origin.bpf.h): one of the first four, and ORIGIN_UNLINKED added. */
enum origin {
	ORIGIN_IMAGE,	     /* a lower layer of an overlay that no workload has mounted */
	ORIGIN_LAYER,	     /* any other file of an overlay */
	ORIGIN_MEMORY,	     /* a file system in memory, memfd */
	ORIGIN_VOLUME,	     /* any other file system */
	ORIGIN_UNLINKED = 4, /* no folder has a name of it */
};

/* How a path is compared with a set: the order of ROW_BINARY_*. */
enum path_match { PATH_EQUAL, PATH_PREFIX, PATH_POSTFIX };

enum tally_of { TALLY_PROCESS, TALLY_CGROUP }; /* whose calls: the lowest bit of a condition */

enum rate_scope { RATE_NONE, RATE_THREAD, RATE_PROCESS, RATE_GLOBAL };

/*
 * Three outcomes (docs/decisions/0027). An absent value (no file, a null pointer, a socket without
 * addresses, a kernel thread's binary) fits no filter, negated or not. For a value that exists but cannot
 * be read (enum fact), ROW_UNKNOWN_HOLDS decides, negated or not, and the row is counted: the linker sets
 * the flag where holding is the safe side. A path that a workload may have forged counts only against it.
 */
struct row {
	__u8 op;       /* enum row_op */
	__u8 slot;     /* argument slot of the hook (numbers, strings, sockets); ROW_PROPERTY: which */
	__u8 flags;    /* enum row_flags */
	__u8 n;	       /* how many of `values` are used; 0: they are in `set` (numbers: int_set) */
	__u32 set;     /* set id; ROW_GAINED, ROW_DIFFERENCE: another slot; ROW_NAMESPACE: enum namespace_kind, ROW_CAPABILITY*: enum capability_kind */
	__u32 fail;    /* next row if the filter does not hold, 0 = the rule does not match */
	__u32 verdict; /* index into `verdicts`, of the row's selector */
	/*
	 * Numbers: one value each; ROW_RANGE: n = 1 or 2 ranges values[0]..values[1] and
	 * values[2]..values[3], inclusive; ports: low << 32 | high, inclusive; ROW_MASK and
	 * ROW_CAPABILITY*: values[0], any bit of it. One matching value is enough.
	 * ROW_GAINED: values[0], any bit of it that the number in slot `set` lacks.
	 * ROW_DIFFERENCE: the number with the bits values[2] inverted, minus that in slot `set` with the bits
	 * values[3] inverted, both without a sign, is values[0]..values[1], inclusive. `n`, as bits: which of
	 * these two are negative, so that 2^64 are taken from them.
	 * ROW_STR_POSTFIX, ROW_BINARY_POSTFIX: values[0] = length of the longest value.
	 * ROW_STR_CONTAINS*: 256 bits: the bytes that a value begins with.
	 */
	__u64 values[ROW_VALUES];
	__u32 names; /* ROW_EXEC_*: set (prefix_set) of names, each with its "="; 0: arguments are tested */
	/*
	 * ROW_EXEC_*: which of the hook's tests it is (hook.exec_rows). ROW_FOR_MANY: the bit set of the rules that are
	 * left if it does not hold (0: none) and, from ASKING_SHIFT on, that of the rules it stands for (0: all)
	 */
	__u32 test;
};

/* what happens when a selector matches */
struct verdict {
	__u32 actions; /* enum action, ORed */
	__s32 error;   /* -errno for ACTION_DENY */
	__u8 signal;
	__u8 rate_scope; /* enum rate_scope */
	__u16 selector;	 /* index in the policy, goes into the record */
	__u32 counter;	 /* index into `counts` */
	__u64 rate_window_ns;
	__u8 tracked;	/* ACTION_TRACK_SOCK: slot of the socket */
	__u8 untracked; /* ACTION_UNTRACK_SOCK */
	__u8 set_argument; /* ACTION_SET: position in the probe */
	__u8 nassignments; /* ACTION_DENY at a function of a program: what its registers become */
	__u32 set_value;
	__u64 mark; /* for the enforcers of the policy: enum mark */
	__u32 first_assignment; /* index into `assignments` */
	__u32 pad;
};

enum assignment_kind {
	ASSIGN_VALUE,	 /* `value` */
	ASSIGN_REGISTER, /* `from` + `value` */
	ASSIGN_MEMORY,	 /* of the process, at `from` + `value` */
};

/* One step; a later one reads what an earlier one has written. Registers: bytes in struct pt_regs. */
struct assignment {
	__u64 value;
	__u8 kind; /* enum assignment_kind */
	__u8 from, from_size; /* 1, 2, 4, 8; the bits above are 0 */
	__u8 to, size; /* bytes of the result that count… */
	__u8 to_size; /* …and that are written: the others are 0 */
	__u8 pad[2];
};

/*
 * A mark: -errno << 8 | signal, and from here on the policy's number, which all its versions have. If only that is
 * there, ACTION_MARK_CALL has nothing to do: the call was marked where the function began.
 */
enum mark { MARK_POLICY_SHIFT = 32 };

enum rule_flags {
	RULE_MONITOR = 1,  /* policy mode monitor: count and report, do not enforce */
	RULE_ENFORCER = 2, /* companion of an observing hook: handles only verdicts that enforce */
	RULE_OBSERVER = 4, /* the observing half of such a pair: handles all other verdicts */
	/* companion of tcp_connect: only sockets that use TCP underneath (raw argument 0: struct socket *) */
	RULE_STREAM_SOCKETS = 8,
	RULE_FAST_OPEN = 16, /* … in socket_sendmsg: only messages that connect (raw argument 1: msghdr) */
	/* companion of file_permission in inode_setattr: only the call by which the kernel truncates the
	 * file that it will dump core to (last raw argument: struct iattr *). Its writes call no hook. */
	RULE_CORE_DUMPS = 32,
};

struct rule {
	__u32 id;	   /* identifies the rule for user space (stable while the policy revision lives) */
	__u32 first_row;
	__u32 flags;	   /* enum rule_flags */
	__u32 policy;	   /* index into `budgets` */
	__u8 nargs;
	__u8 args[RULE_ARGS]; /* slots the event carries, in the order of the policy */
	__u8 return_slot;  /* slot of the return value that the event carries, or NO_SLOT */
	__u8 socket_slot;  /* of the first argument that is a socket or a packet, or NO_SLOT */
	__u16 fuse; /* index into `fuses`; 0: none */
	__u8 pad[4];
};

enum slot_flags {
	SLOT_IN_PLACE = 1, /* tracepoint: the record itself holds the text (char[]), not a pointer to it */
	SLOT_MESSAGE = 2,  /* VALUE_SOCK_TO_ADDR: argument size_raw is a msghdr that may hold the address */
	SLOT_DISTANT = 8,  /* a number that the argument points to (VALUE_CAPABILITIES) or that a route leads to */
	SLOT_MAX_DATA = 16, /* a buffer of which events carry up to MAX_DATA bytes (data.bpf.h) */
	SLOT_TO_BIND = 4,  /* VALUE_SOCKADDR: it will be the socket's own address */
};

struct slot {
	__u8 type;	/* enum value_type */
	__u8 flags;	/* enum slot_flags */
	__u16 raw;	/* argument of the function, from 0; a tracepoint's record: offset of the field */
	__u16 size_raw; /* buffers: argument (or offset) of the size, or RAW_ROUTE. VALUE_SOCK_TO_ADDR: of the address */
	__u16 size;	/* tracepoint's record: bytes of the field. VALUE_SOCK_TO_ADDR: length argument */
	__u16 route;	/* index into `routes`: the value is there; 0: the argument is the value. Of a
			 * function's argument with a route, `raw` is RAW_ROUTE and `size` the argument */
};

enum route_flags {
	ROUTE_FROM_TASK = 1, /* it begins at the current task_struct, not at the raw argument */
	ROUTE_SIGNED = 2,    /* the number at its end is signed */
	ROUTE_FROM_REGISTERS = 4, /* … at the struct pt_regs of a probe */
};

/*
 * The way from an address to a value: `steps` times an offset is added and a pointer is read there. Then
 * `offset` leads to the value: a number of `size` bytes, or, if `size` is 0, what the address itself is
 * the raw argument of.
 */
struct route {
	__u8 steps;
	__u8 flags; /* enum route_flags */
	__u8 size;
	__u8 shift_left, shift_right; /* of the number as 64 bits: what is left is the value (bit fields) */
	__u8 pad;
	__u16 room; /* VALUE_STRING, VALUE_BUFFER: bytes of the array that holds the text; 0: none does */
	__u32 offset;
	__u32 dereferences[ROUTE_STEPS];
};

enum hook_flags { /* the constant `hook_flags` of a program */
	HOOK_SYSCALL = 1, /* argument 0 is the pt_regs of a system call: slots are that call's arguments */
	HOOK_RECORD = 2,  /* raw argument 0 is the address of a tracepoint's record: slots are fields */
	HOOK_MANY = 4,	  /* attached to many functions: the cookie says which was called */
	HOOK_PROBE = 8,	  /* a static probe: `probe_arguments` says where its raw arguments are */
	HOOK_COMPAT = 16, /* HOOK_SYSCALL of 32-bit code: other registers, of which the lower halves count */
	HOOK_REGISTERS = 32, /* a function of a program, on a kernel that lets its registers be changed */
};

enum probe_argument_kind {
	PROBE_NOTHING,	/* there is none, or none that can be read */
	PROBE_CONSTANT, /* `value` */
	PROBE_REGISTER, /* `base` */
	PROBE_MEMORY,	/* of the process, at base + (index << shift) + value */
};

/* Where a static probe has an argument (the constant `probe_arguments`). Registers: offsets in struct pt_regs. */
struct probe_argument {
	__u64 value;
	__u8 kind; /* enum probe_argument_kind */
	__u8 base, index; /* or NO_REGISTER */
	__u8 shift;
	__u8 size; /* bytes that are read: 1, 2, 4, 8 */
	__u8 is_signed;
	__u8 pad[2];
};

/*
 * What policies may use at a hook beside numbers. A program that is loaded without it (`hook_lacks`) has none of its
 * code. A new part of the programs that few hooks use gets a bit, and a row in packages/sensor/src/link/features.ts.
 */
enum feature {
	FEATURE_TEXTS = 1, /* values that are texts, of all kinds */
	FEATURE_PATHS = 2, /* … of files */
	FEATURE_SEGMENTS = 4, /* … in several pieces */
	FEATURE_STRUCTURES = 8,
	FEATURE_SEARCH = 16, /* ROW_STR_CONTAINS* */
	FEATURE_ROUTES = 32, /* values behind an argument: routes, SLOT_DISTANT */
	FEATURE_SOCKETS = 64, /* sockets, addresses and packets */
	FEATURE_PACKETS = 128,
	FEATURE_OWNERS = 256, /* ACTION_TRACK_SOCK, ACTION_UNTRACK_SOCK */
	FEATURE_BINARIES = 512, /* ROW_BINARY_*, ROW_FOLLOW */
	FEATURE_CHANGES = 1024, /* ROW_*_CHANGE */
	FEATURE_MARKS = 2048, /* ROW_MARKED_CALL, ACTION_*MARK_CALL */
	FEATURE_RATES = 4096, /* rate limits */
	FEATURE_PROPERTIES = 8192, /* ROW_PROPERTY */
	FEATURE_WORKLOADS = 16384, /* ROW_WORKLOADS */
	FEATURE_EXEC = 32768, /* ROW_EXEC_* */
	FEATURE_ORIGINS = 65536, /* ROW_ORIGIN */
	FEATURE_TALLIES = 131072, /* ROW_TALLY */
	FEATURE_WRITES = 262144, /* ACTION_SET: the kernel logs a warning when it loads such a program */
	FEATURE_RANGES = 524288, /* the index of ranges, for rows on numbers that many policies compare */
	FEATURE_ENDINGS = 1048576, /* the index of the ends of texts */
	FEATURE_DATA = 2097152, /* SLOT_MAX_DATA */
	FEATURE_PAIRS = 4194304, /* rows on two numbers: ROW_GAINED, ROW_DIFFERENCE */
	FEATURE_REGISTERS = 8388608, /* verdicts with assignments; of no use without HOOK_REGISTERS */
	FEATURE_QUESTIONS = 16777216, /* rows that stand for those of many rules */
	FEATURE_FUSES = 33554432, /* fuses of policies that enforce */
	FEATURE_HASH = 67108864, /* ACTION_HASH: the hook has hash programs beside it (hash.bpf.h) */
	FEATURES_END = 134217728,
};

/* A program at the return of a function of a program is also attached where the function begins. */
enum attach_cookie {
	COOKIE_BEGINS = 1,
};

enum hook_table_flags {
	/* `index_text` is a VALUE_FILE of a file that is open during the call and will be evaluated
	 * again: the result of the index is cached (CONFIG_PATH_CACHE, cache.bpf.h) */
	HOOK_CACHE_PATHS = 1,
	/* only numbers in `index_int` leave any rule; `listed` saves the lookup of most other numbers */
	HOOK_LISTED_NUMBERS = 2,
	/* the path of the running binary is indexed, in `index_text` with BINARY_KEYS */
	HOOK_INDEX_BINARIES = 4,
};

/* a hook, on one side */
struct hook {
	__u32 nslots;
	__u32 index;	    /* key in the index maps (2 * its id + side); 0: no index */
	__u8 index_int;	    /* number slot that is indexed, or NO_SLOT */
	__u8 index_text;    /* text slot that is indexed, or NO_SLOT */
	__u16 flags;	    /* enum hook_table_flags */
	__u32 int_default;  /* bit set of a number that is not in `index_int` (0: all rules) */
	__u32 text_default; /* bit set of a text that matches no prefix in `index_text` (0: none is listed) */
	__u32 first_rule;   /* bit 0 of bit sets is this rule */
	__u32 addr_default; /* bit set of a peer that is in no network of `index_addr` (0: all rules) */
	__u32 binary_default; /* bit set of a binary that isn't listed (0: none is) */
	__u8 index_addr;    /* socket slot whose peer is indexed, or NO_SLOT */
	__u8 range_of;	    /* enum row_op of rows on the number that `bounds` divide; 0: none does */
	__u8 range_slot;    /* its slot, or enum namespace_kind or process_property */
	__u8 range_signed;
	__u32 first_bound;
	__u32 bounds;	    /* a power of two: as many begin at first_bound */
	__u16 ending_default; /* bit set of a text that has no listed end (0: none is listed) */
	__u16 longest_ending; /* bytes of the longest end that is listed */
	__u16 binary_ending_default; /* the same of the running binary */
	__u16 longest_binary_ending;
	/* first of the rows that say what its ROW_EXEC_* rows ask, each question once: they are part of no rule */
	__u32 exec_rows;
	__u32 cache_key; /* of results in `path_cache`: for these tables only */
	/* row that is evaluated before those of any rule; `fail` of each leads to the next one. 0: none */
	__u32 first_question;
	__u64 text_rules[RULE_WORDS]; /* rules that may depend on the indexed text (read if any is left) */
	struct slot slots[HOOK_SLOTS];
};

enum application_flags {
	APPLICATION_ENFORCES = 1, /* a rule denies or kills: without scratch memory, the call is denied */
	APPLICATION_CONNECTIONS = 2, /* all its rules have RULE_STREAM_SOCKETS: one check decides for all */
	APPLICATION_FAST_OPEN = 4, /* … and RULE_FAST_OPEN */
	APPLICATION_CORE_DUMPS = 8, /* all its rules have RULE_CORE_DUMPS: other tasks aren't counted */
};

struct application {
	__u32 first_rule;
	__u32 flags;   /* enum application_flags */
	__u64 summary; /* bit w: bits[w] is not 0 */
	__u64 bits[RULE_WORDS];
	__u64 unevaluated; /* of `calls`: no scratch memory (denied if a rule enforces and the hook can) */
	__u64 exec_tests[EXEC_GROUPS]; /* tests that a rule here asks (hook.exec_rows), as bits */
	__u64 pad;
	struct { __u64 n; __u64 pad[7]; } calls[CALL_STRIPES];
};

struct group {
	__u16 application[MAX_HOOKS];
	__u64 within[WORKLOAD_WORDS]; /* bits: processes of these cgroups belong to the workloads */
	__u64 unsure[WORKLOAD_WORDS]; /* … or may belong to them: too little is known yet */
};

/*
 * A word of `cgroup_places` sums up the entries of `cgroups` whose ids end with the bits of its index.
 * 0: no entry. PLACE_TAKEN: one entry; the word holds its group and, from PLACE_CGROUP_SHIFT on, its
 * other id bits. PLACE_SHARED: maybe several entries, look in `cgroups`; the bits from PLACE_CGROUP_SHIFT
 * on change with each added entry, and one whose id does not fit makes the place shared at once. User space
 * and programs both write a word, so only by atomic operations, and after `cgroups`; a program that finds a
 * place taken makes it shared.
 */
enum { CGROUP_PLACES = 4096 };
enum cgroup_place {
	PLACE_GROUP_MASK = 8191,
	PLACE_TAKEN = 8192,
	PLACE_SHARED = 16384,
	PLACE_CGROUP_SHIFT = 15,
};

_Static_assert(MAX_GROUPS <= PLACE_GROUP_MASK + 1, "a place has room for each group's number");
_Static_assert(MAX_APPLICATIONS <= 65536, "a group has the number of an application in 16 bits");

/* ---- the index: application.bits are ANDed with the bit sets of the number, the text, the peer's
 * address and the running binary. A bit set holds every rule that could match such a value, so also all
 * rules that do not read it. The bit set of a prefix or a network applies where no longer one matches;
 * it includes the rules of the shorter ones. */
struct bitset {
	__u64 bits[RULE_WORDS];
};

/* From this number on, the rules of the bit set are left. Of signed numbers the highest bit is inverted. */
struct bound {
	__u64 from;
	__u32 bitset; /* index in `bitsets`, without side; 0: all rules */
	__u32 pad;
};

struct index_int_key {
	__u32 index; /* hook.index */
	__u32 pad;
	__u64 value; /* as in scratch memory: sign- or zero-extended by type */
};

/*
 * `listed` (two sides) has one bit for each key in `index_int`: number n of index i has bit
 * (n + i * 2^32) * LISTED_FACTOR >> 48. A clear bit: not listed.
 */
enum { LISTED_WORDS = 65536 / 64 };
#define LISTED_FACTOR 0x9e3779b97f4a7c15ULL

/* A binary's path is looked up with a 0 appended: an entry that ends with a 0 matches only this binary. */
#define BINARY_KEYS 0x80000000U

/* Ends of texts are listed backwards. */
#define ENDING_KEYS 0x40000000U

struct index_text_key { /* longest prefix match */
	__u32 bits;  /* 32 + 8 * length */
	__u32 index; /* hook.index; of binaries: | BINARY_KEYS, of ends: | ENDING_KEYS */
	char text[PREFIX_SIZE];
};

struct index_addr_key { /* longest prefix match, of normalised addresses */
	__u32 bits;  /* 64 + prefix length of the address */
	__u32 index; /* hook.index */
	__u32 family; /* AF_INET, AF_INET6 */
	__u8 addr[16];
};

/* The index's result for an open file (array `path_cache`, by the file's address; cache.bpf.h). Valid
 * while both sequences of the kernel are unchanged. */
enum { CACHED_FILES = 2048, CACHED_HOOKS = 4 };

struct sequences {
	__u32 rename;
	__u32 mount;
};

struct cached_path {
	__u64 file;    /* address of the struct file; 0: none */
	__u32 version; /* odd: being written */
	__u32 pad;
	struct sequences seen;
	struct {
		__u32 key;    /* hook.cache_key */
		__u32 bitset; /* of the text and of its end (index.bpf.h) */
	} hooks[CACHED_HOOKS]; /* by hook id */
	__u64 pad2;
};

/* ---- sets, keyed by set id (interned by content, freed after a grace period); values: one u8 */
struct int_key {
	__u32 set;
	__u32 pad;
	__u64 value;
};

/* texts by length: up to 56, up to 248, up to 4096 bytes; zero padded */
struct str_key_64 { __u32 set; __u32 length; char text[56]; };
struct str_key_256 { __u32 set; __u32 length; char text[248]; };
struct str_key_4k { __u32 set; __u32 length; char text[4096]; };

struct prefix_key { /* also postfixes: the text reversed, in a set of their own */
	__u32 bits; /* 32 + 8 * length */
	__u32 set;
	char text[PREFIX_SIZE];
};

struct addr_key {
	__u32 bits;   /* 64 + prefix length of the address */
	__u32 set;
	__u32 family; /* AF_INET, AF_INET6 */
	__u8 addr[16];
};

/*
 * A file itself: while it exists, no other file has the same numbers, and a later file with its inode
 * number has another generation. The kernel's numbers: stat(2) shows other devices on btrfs and overlayfs.
 */
struct file_identity {
	__u64 inode; /* 0: not known */
	__u32 device; /* major << 20 | minor */
	__u32 generation;
};

/*
 * When calls that a ROW_TALLY counts were made (hash `tallies`). A condition is in `conditions` (array, 0: free) before
 * a row has it and while an entry may have it. No number is given to two conditions.
 */
struct tally_key {
	__u64 id; /* thread group id, or cgroup id */
	__u64 condition;
};

struct tally {
	__u64 calls;
	__u32 owner; /* who holds the entry: index into `tally_owners` */
	__u32 pad;
	/* Of call i at i % TALLY_TIMES; the lowest TALLY_TURN_BITS are those of i / TALLY_TIMES + 1. */
	__u64 times[TALLY_TIMES];
};

enum { TALLY_TURN_BITS = 10 };

/* A cgroup whose processes hold entries of `tallies` (array `tally_owners`, from a place by the id's hash on). */
struct tally_owner {
	__u64 cgroup;
	__u32 held; /* 0: the place may be given to another owner */
	__u32 pad;
};

struct file_key {
	__u32 set;
	__u32 device;
	__u64 inode;
	__u32 generation;
	__u32 pad;
};

/* The argument of file__identify: an open descriptor of the caller, and the answer. */
struct file_query {
	__u64 descriptor;
	struct file_identity file;
};

/*
 * The argument of memory__find: where the kernel has what says how it maps memory (0: it has none), and the answer,
 * which programs with FEATURE_EXEC get as constants.
 */
struct memory_query {
	__u64 direct_map_at, physical_mask_at, top_shift_at;
	__u64 direct_map, physical_mask;
	__u32 top_shift;
	__u32 pad;
};

/* ---- counters */

/* per verdict, updated by atomics when a rule matched:
 * matched = emitted + lost_* + suppressed_* */
struct count {
	__u64 matched;
	__u64 emitted;
	__u64 lost_ring;	 /* no room in the ring */
	__u64 lost_stage;	 /* no memory to build the record */
	__u64 suppressed_rate;	 /* rateLimit of the policy */
	__u64 suppressed_budget; /* the policy's event budget */
	__u64 suppressed_nopost;
	__u64 killed, signalled, denied;
	__u64 would_kill, would_signal, would_deny; /* mode monitor */
	__u64 enforce_failed; /* the helper refused, or this kind of hook cannot deny */
	__u64 missing[FACTS]; /* filters decided without the fact they need */
	__u64 exempt;	      /* not enforced: the caller was the sensor (sensor.bpf.h) */
	__u64 notified, would_notify; /* calls marked for an enforcer */
	__u64 written, would_write; /* arguments of probes that got another value */
};

/* a policy's event budget: `limit` records in `window_ns`; limit 0: no budget */
struct budget {
	__u64 limit;
	__u64 window_ns;
	__u64 start;
	__u64 used;
};

/*
 * A policy's fuse (fuses.bpf.h): it is enforced in `limit` pods in `window`; with one more, it is blown. A place in
 * `pods` is a pod (hash of its UID) << 32 | when it was last enforced there, in ticks; 0: free.
 */
struct fuse {
	__u64 limit;
	__u64 window; /* ticks */
	__u64 blown; /* ns, CLOCK_BOOTTIME; 0: it is not */
	__u64 spared; /* matches that would have been enforced since */
	__u64 pods[FUSE_PODS];
};

/* counters of conditions that should not occur (per-CPU array `faults`) */
enum fault {
	FAULT_SCRATCH,	     /* no scratch memory for a call: not evaluated (denied if it enforces) */
	FAULT_STAGE,	     /* no memory to build a lifecycle record: lost */
	FAULT_PROC_TABLE,    /* `procs` is full: a process without lineage */
	FAULT_PROC_UNKNOWN,  /* a process that is not in `procs` exited: no exit record */
	FAULT_UNREADABLE,    /* an argument could not be read: see struct row for filters on it */
	FAULT_PATH_DEPTH,    /* a path of more components than a walk follows */
	FAULT_RATE_TABLE,    /* no room to remember a rate: not limited */
	FAULT_CGROUP_TABLE,  /* no room for a new cgroup: it gets its parent's policies, at some cost */
	FAULT_HOLD,	     /* a process could not be held, or a cgroup not be marked as early: it ran at once */
	FAULT_OWNERS,	     /* no room for the process of a socket: events name the current one */
	FAULT_PAST_TABLE,    /* no room in `parents` or `privileges`: unknown to filters on them */
	FAULT_MARKS, /* no room to mark a call for an enforcer: its process was killed */
	FAULT_TALLIES, /* no room to count a call: see struct row for its filter */
	FAULT_DATA, /* no room for more of a buffer (SLOT_MAX_DATA): the event has its beginning */
	FAULT_HASH, /* a file was not hashed, its hash not posted, or a signal after it not sent */
	FAULT_FEATURE, /* a policy uses what its hook was loaded without: decided as if it could not be read */
	FAULT_MAX,
};

/* what became of a lifecycle record */
enum lifecycle_fate {
	LIFECYCLE_WRITTEN,
	LIFECYCLE_RING_FULL,
	LIFECYCLE_NO_MEMORY, /* to build the record */
};

/* lifecycle records by type (per-CPU array `lifecycle`, key enum record_type): written = produced - lost_* */
struct lifecycle_count {
	__u64 produced;
	__u64 lost_ring;
	__u64 lost_memory;
};

/* ---- state */

enum config_flags {
	CONFIG_CGROUPS = 1, /* `cgroups` is not empty */
	CONFIG_WATCHED = 2, /* a client watches live: wake user space for each hook record */
	CONFIG_FOLLOW_PIDS = 4, /* `follow_pids` is not empty */
	CONFIG_PATH_CACHE = 8,	/* hook__file_free is attached, rename_lock_at and mount_lock_at set */
	CONFIG_UNLISTED = 32,	/* `cgroups` may lack a cgroup: look up its ancestors. Never cleared */
	CONFIG_PROCS_LISTED = 64,	/* the task iterator finished: `procs` is complete. Never cleared */
	CONFIG_ASLEEP = 16,	/* user space does not poll: wake it for a record in an empty ring */
	CONFIG_EARLY = 128,	/* `early` is in use */
	CONFIG_PARENTS = 256,	/* rows test parents: keep `parents` */
	CONFIG_PRIVILEGES = 512, /* rows test changes of privileges: keep `privileges` */
	CONFIG_TALLIES = 2048, /* rows count calls: forget tallies at exit */
	CONFIG_OWNERS = 1024, /* verdicts tell whose sockets are: records look into `owners` */
};

struct config {
	__u32 side;  /* 0 or 1: the valid side of the tables */
	__u32 flags; /* enum config_flags */
	__u32 follow_count; /* how many of `follow` are used */
	__u32 last_cache_key; /* the last one assigned to a hook: each is used once */
	__u32 listed_cgroups; /* `cgroups` has at least this many; programs add none beyond MAX_INHERITED */
	__u32 holder; /* thread group id of the sensor that lets go what is held; 0: hold nothing */
	__u32 follow[FOLLOW_BITS]; /* an exec from this set sets bit i, inherited; 0: unused */
	__u8 follow_match[FOLLOW_BITS]; /* how: enum path_match */
	__u64 hold_until; /* ns, CLOCK_MONOTONIC: hold nothing from then on. The sensor keeps moving it on */
	__u64 held;  /* processes that were held, if only for a moment */
	__u64 early; /* processes that ran early, without those that were held first */
	__u32 tallies; /* entries of `tallies` */
	__u32 conditions; /* how many places of `conditions` are used */
};

/* What happens to a process that calls exec early. */
enum early_exec {
	EARLY_NOTHING,
	EARLY_MARK, /* its record says so (EXEC_EARLY) */
	EARLY_HOLD, /* it is stopped before its first instruction; if that is not possible, EARLY_MARK */
};

/* A cgroup of pods whose policies have not arrived (hash `early`, key: cgroup id) */
struct early_cgroup {
	__u16 own;    /* enum early_exec, of processes in it */
	__u16 nested; /* … of processes in cgroups that are made in it: both of theirs begin with this */
};

/* The process that a socket belongs to (hash `owners`, key: address of the struct sock) */
struct owner {
	struct process_key process;
	struct process_key parent;
	__u64 cgroup;
	__u32 flags; /* enum record_flags, of RECORD_OF_PROCESS */
	__u32 uid;
};

/* A process that is stopped (hash `held`, key: thread group id). Its exit removes the entry. */
struct held {
	struct process_key process;
	__u64 cgroup;
	__u64 since; /* ns, CLOCK_MONOTONIC */
};

enum proc_flags {
	PROC_ANNOUNCED = 1, /* user space has received this key */
	PROC_EXECED = 2,    /* it called exec while we watched */
	/* The first process of a container (a pid namespace that is directly below the host's) or of the host
	 * is an ancestor in the container, or on the host */
	PROC_IN_INIT_TREE = 4,
	PROC_FORGEABLE_BINARY = 8, /* the path of its binary is TEXT_FORGEABLE */
	PROC_FOLLOW_UNSURE = 16, /* `follow` may lack bits: an exec of it or of an ancestor could not be looked at */
	PROC_KERNEL_THREAD = 32, /* only in `parents`: it has no binary, rather than an unknown one */
	PROC_OF_HOST = 64, /* it is in the host's pid namespace */
	PROC_FORGEABLE_DESCENT = 128, /* … or one by which it, or an ancestor, was once started */
	PROC_ORIGIN_KNOWN = 256, /* from PROC_ORIGIN_SHIFT on: enum origin of the binary */
	PROC_ORIGIN_SHIFT = 9,
	PROC_ORIGIN_MASK = 7 << PROC_ORIGIN_SHIFT,
	PROC_COUNTED = 4096, /* `tallies` may have entries of it, as also of a process that is not in `procs` */
	/* what a child has of its parent */
	PROC_INHERITED = PROC_FORGEABLE_BINARY | PROC_FORGEABLE_DESCENT | PROC_FOLLOW_UNSURE | PROC_ORIGIN_KNOWN | PROC_ORIGIN_MASK,
};

/* The lists that a process, or an ancestor, was once started from: bits as of config.follow. */
struct followed {
	__u64 bits;
	__u64 believed; /* those of them that are not only due to a path which is TEXT_FORGEABLE */
};

/* a process (hash `procs`, key: thread group id) */
struct proc {
	struct process_key key;
	struct process_key parent;
	struct file_identity file; /* of its last exec; unknown: none while we watched, read the task's */
	struct followed follow; /* what is in `follow_pids` (key: thread group id) is added */
	__u32 flags;  /* enum proc_flags */
	__u32 binary_length; /* of the resolved path; only its first BINARY_SIZE bytes are stored… */
	char binary[BINARY_SIZE];
	char tail[BINARY_TAIL]; /* …and of a longer one the last BINARY_TAIL */
};

#endif
