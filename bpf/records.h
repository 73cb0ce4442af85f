/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The programs write records for user space into the ring `events` and into the output of the task
 * iterator. A record is a fixed struct followed by its texts (exec, task, cgroup), in the order of
 * their `struct text` fields and without gaps, or by its arguments (hook).
 */
#ifndef GANDER_RECORDS_H
#define GANDER_RECORDS_H

enum record_limits {
	RULE_ARGS = 8, /* arguments an event carries */
	NAMESPACES = 10,
	MAX_DATA = 327360, /* of a buffer, in records of its own: bytes that an event carries */
	HASH_SIZE = 64, /* of a file: the largest that the kernel computes */
	STRUCTURE_TEXT = 128, /* longest text of a structure, with its NUL */
	SYSCALL_COMPAT_BIT = 31, /* VALUE_SYSCALL: the number is one of the 32-bit table */
};

enum value_type { /* how a raw argument is read; each has a case in args.bpf.h */
	VALUE_NONE,
	VALUE_U8, VALUE_S8, VALUE_U16, VALUE_S16, VALUE_U32, VALUE_S32,
	VALUE_SYSCALL,	    /* number of a system call, | 1 << SYSCALL_COMPAT_BIT */
	VALUE_CAPABILITIES, /* kernel_cap_t *: 64 bits */
	VALUE_U64,
	VALUE_STRING,	   /* const char * in the kernel */
	VALUE_USER_STRING, /* const char __user * */
	VALUE_BUFFER,	   /* bytes, length in another argument (size_raw) */
	VALUE_USER_BUFFER,
	VALUE_FILENAME,	 /* struct filename * */
	VALUE_FD,	 /* a file descriptor of the current process -> path */
	VALUE_FILE,	 /* struct file * */
	VALUE_PATH,	 /* const struct path * */
	VALUE_BINPRM,	 /* struct linux_binprm *: path of its file */
	VALUE_SOCK,	 /* struct sock * */
	VALUE_SOCKADDR,	 /* struct sockaddr * in the kernel */
	VALUE_SOCK_TO_ADDR, /* struct socket * + the address about to be used: a sock with that peer */
	VALUE_SOCKET,	 /* struct socket * */
	VALUE_DATA_LOC,	 /* tracepoint's record: text of variable length */
	VALUE_DENTRY,	 /* struct dentry *: path inside its file system */
	VALUE_ATTR_FILE, /* struct iattr *: the open file that it applies to */
	VALUE_KIOCB,	 /* struct kiocb *: path of its file */
	VALUE_SKB,	 /* struct sk_buff *: a packet's headers, as a sock */
	VALUE_IOV_ITER,	 /* struct iov_iter *: bytes in the process's memory */
	VALUE_USER_IOVEC, /* const struct iovec __user *, their number in another argument (size_raw): bytes */
	/* structures: numbers and a text (structures.bpf.h) */
	VALUE_USER_NS,	  /* struct user_namespace * */
	VALUE_CRED,	  /* struct cred * */
	VALUE_BPF_ATTR,	  /* union bpf_attr * in the kernel, of BPF_PROG_LOAD */
	VALUE_BPF_PROG,	  /* struct bpf_prog * */
	VALUE_BPF_MAP,	  /* struct bpf_map * */
	VALUE_PERF_EVENT, /* struct perf_event * */
	VALUE_MODULE,	  /* struct module * */
	VALUE_LOAD_INFO,  /* struct load_info * */
	VALUE_NET_DEVICE, /* struct net_device * */
};

enum record_type {
	RECORD_EXEC = 1,
	RECORD_CLONE, /* a process that never called exec now forks: announced once, struct record only */
	RECORD_EXIT,
	RECORD_HOOK,
	RECORD_TASK, /* from the iterator: the process ran before us; struct record_exec */
	RECORD_CGROUP_MKDIR,
	RECORD_CGROUP_RMDIR,
	RECORD_DATA, /* before the RECORD_HOOK of the same thread, time and rule: more of a buffer */
	RECORD_HASH, /* after the RECORD_HOOKs of the same thread since `since` that have done ACTION_HASH */
	RECORD_TYPES,
};

enum record_flags {
	RECORD_UNKNOWN_PROCESS = 1, /* not in `procs`: keys come from the task (as in the iterator) */
	RECORD_IN_INIT_TREE = 2,
	RECORD_EXECED = 4, /* the process called exec while we watched (its start is the exec's) */
	RECORD_OF_PROCESS = RECORD_UNKNOWN_PROCESS | RECORD_IN_INIT_TREE | RECORD_EXECED,
	RECORD_MISSING_FACT = 256, /* RECORD_HOOK, shifted left by enum fact: a filter lacked this fact */
};

/* A process image: exec (or fork, if it never called exec) by `pid` at `start` */
struct process_key {
	__u64 start; /* ns, CLOCK_BOOTTIME */
	__u32 pid;   /* thread group id in the host's pid namespace */
	__u32 pad;
};

struct record {
	__u16 type;  /* enum record_type */
	__u16 flags; /* enum record_flags */
	__u32 size;  /* of the whole record */
	__u64 time;  /* ns, CLOCK_BOOTTIME */
	__u64 cgroup;
	struct process_key process;
	struct process_key parent;
	__u32 tid;
	__u32 uid; /* effective */
};

enum text_flags { /* also of arguments */
	TEXT_TRUNCATED = 1,  /* longer than `size`; a path lacks its end */
	TEXT_UNREADABLE = 2, /* all or the rest could not be read: the record has what could */
	TEXT_DELETED = 4,    /* path: the file has been unlinked */
	TEXT_DETACHED = 8,   /* path: the mount is in no mount namespace (now); path inside the file system */
	TEXT_TOO_DEEP = 16,  /* path of too many components (beginning missing) or renamed in every walk */
	TEXT_FORGEABLE = 32, /* path: from a mount namespace (or mount in none) that a workload may control */
	TEXT_ABSENT = 64,    /* with TEXT_UNREADABLE: there is no value, such as behind a null pointer */
	ARG_RETURN = 128,    /* this argument is the return value */
};

/* A fact that a filter needs and that could not be read; struct row says what is decided then. */
enum fact {
	FACT_PROCESS, /* the process, its binary, its lineage or its container */
	FACT_PATH,    /* a path (too many components, or renamed in every walk), or the end of a cut text */
	FACT_NAME,    /* a path exists, but a workload may have forged it (TEXT_FORGEABLE) */
	FACT_MEMORY,  /* memory that cannot be read */
	FACT_PEER,    /* an unspecified address: the kernel will choose one of the machine's */
	FACTS,
	/* not needed by a filter, and counted in `enforce_failed`: memory that ACTION_SET could not write… */
	MISSING_WRITE = FACTS,
	MISSING_REGISTERS, /* …and registers of a program that ACTION_DENY could not change */
};

struct text {
	__u16 size;  /* bytes */
	__u16 flags; /* enum text_flags */
};

struct credentials {
	__u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	__u32 securebits;
	__u32 auid; /* login uid; 4294967295: none */
	__u64 permitted, effective, inheritable;
	__s32 user_ns_level; /* 0: the host's */
	__u32 user_ns_owner, user_ns_group;
	__u32 pad;
};

/* What a process may do, and where. */
struct privileges {
	struct credentials cred;
	__u32 namespaces[NAMESPACES]; /* inode numbers, by enum namespace_kind; 0: given up */
};

enum exec_flags {
	EXEC_SCRIPT = 1,     /* `path` is the interpreter of the script `filename` */
	EXEC_SECURE = 2,     /* AT_SECURE: privileges were raised */
	EXEC_SETUID = 4,     /* … by the set-user-id bit of the file */
	EXEC_SETGID = 8,
	EXEC_FILE_CAPS = 16, /* … by file capabilities */
	EXEC_KERNEL_THREAD = 32, /* RECORD_TASK: no binary, `filename` is its name */
	EXEC_ROOT_CWD = 64,  /* cwd is the root of the process */
	EXEC_EARLY = 128,    /* it runs before the policies of its pod have arrived */
};

/* RECORD_EXEC, RECORD_TASK */
struct record_exec {
	struct record r;
	struct process_key previous; /* the image this one replaces (0: none known) */
	struct privileges privileges;
	__u32 ns_pid; /* pid in its own pid namespace */
	__u32 flags;  /* enum exec_flags */
	__u64 inode;
	__u32 links; /* 0: unlinked, or never had a name (memfd) */
	__u32 mode;  /* of the file, as st_mode */
	__u32 arguments_size; /* of all arguments, in the process */
	__u32 threads;
	struct text path;      /* of the file that runs */
	struct text filename;  /* as given to execve; RECORD_TASK: its comm */
	struct text cwd;
	struct text arguments; /* argv[0] first; each ends with a NUL, except the last if truncated */
	struct text interp;    /* EXEC_SCRIPT: the interpreter as the script names it */
	__u32 pad;
};

struct record_exit {
	struct record r;
	__u32 status; /* as wait() gives it: code << 8, or signal (| 128: core dumped) */
	__u32 pad;
};

/* RECORD_CGROUP_MKDIR, RECORD_CGROUP_RMDIR; `r` describes the process that did it */
struct record_cgroup {
	struct record r;
	__u64 id;
	__u64 parent_id;
	__u32 level;
	__u32 hierarchy; /* 0: cgroup v2 */
	struct text path; /* from the root of the hierarchy */
	__u32 pad;
};

enum action {
	ACTION_POST = 1,
	ACTION_KILL = 2,   /* SIGKILL to the process */
	ACTION_SIGNAL = 4, /* `signal` */
	ACTION_DENY = 8,   /* the call returns `error` */
	ACTION_KERNEL_STACK = 16,
	ACTION_USER_STACK = 32,
	ACTION_TRACK_SOCK = 64, /* the process is the owner of a socket */
	ACTION_UNTRACK_SOCK = 128,
	ACTION_MARK_CALL = 256, /* an enforcer of the policy has to stop the current call */
	ACTION_UNMARK_CALL = 512, /* … no longer */
	ACTION_SET = 1024, /* an argument of the probe, in the process's memory, gets another value */
	ACTION_HASH = 2048, /* the event has the hash of the file; done: a RECORD_HASH follows */
	ACTION_ENFORCE = ACTION_KILL | ACTION_SIGNAL | ACTION_DENY | ACTION_MARK_CALL | ACTION_SET,
};

struct record_hook {
	struct record r;
	__u32 rule;	   /* rule.id */
	__u16 selector;
	__u8 nargs;	   /* number of struct arg that follow, with the return value */
	__u8 signal;
	__u32 actions;	   /* enum action: the selector's actions */
	__u32 done;	   /* enum action: which of ACTION_ENFORCE were done (mode monitor: none), and ACTION_HASH */
	__s32 error;	   /* error that the call was denied with, or would have been */
	__u16 kernel_stack; /* return addresses (u64), after the arguments */
	__u16 user_stack;  /* after those */
};

/* An argument: this, then `size` bytes, padded with zeros to a multiple of 8.
 * Numbers: 8 bytes, sign- or zero-extended. Texts and paths: the bytes. Sockets: struct sock_value.
 * Structures: numbers, and the text behind them. */
struct arg {
	__u8 type;   /* enum value_type */
	__u8 flags;  /* enum text_flags */
	__u16 size;
	__u32 extra; /* paths: st_mode of the file. Buffers: the size the caller gave */
};

/* RECORD_DATA: of the header, `time` and `tid` are filled in. Then `bytes` bytes of the buffer, padded. */
struct record_data {
	struct record r;
	__u32 rule;
	__u32 argument; /* which struct arg of the RECORD_HOOK it continues, from 0 */
	__u32 offset;	/* in the buffer. The first is where the struct arg ends, and there are no gaps */
	__u32 bytes;
	__u32 total; /* of the whole buffer, which may be more than an event carries */
	__u32 pad;
};

enum hash_result {
	HASH_DONE,
	HASH_SKIPPED,	   /* no program has hashed it */
	HASH_NO_FILE,	   /* there is none, or it is not a regular one */
	HASH_FILE_SYSTEM,  /* it lies in one that may not answer */
	HASH_TOO_LARGE,
	HASH_NOT_READABLE, /* not open for reading, or only past the page cache */
	HASH_FAILED,	   /* the kernel could not hash it */
};

/* RECORD_HASH: of the header, `time` and `tid` are filled in */
struct record_hash {
	struct record r;
	__u64 since;
	__u8 result;	/* enum hash_result */
	__u8 algorithm; /* the kernel's enum hash_algo (linux/hash_info.h) */
	__u8 pad[6];
	__u8 digest[HASH_SIZE]; /* the rest is 0 */
};

/* Connecting to an unspecified address reaches one of this machine's; which one can change until then. */
enum any_peer {
	PEER_KNOWN,
	PEER_ANY,	/* daddr is unspecified */
	PEER_ANY_ALONE, /* the same for an address alone: saddr is only another copy */
	PEER_NO_PORTS,	/* a packet that has them elsewhere: a later fragment, or too many headers */
	PEER_UNREAD,	/* a packet whose headers are not where they can be read */
};

/* VALUE_SOCK, VALUE_SOCKET, VALUE_SOCK_TO_ADDR, VALUE_SOCKADDR, VALUE_SKB. Addresses as filters match them:
 * ::ffff:a.b.c.d is a.b.c.d, family AF_INET. VALUE_SOCKADDR: the address is both saddr and daddr. */
struct sock_value {
	__u16 family;
	__u16 type;	/* SOCK_STREAM …; VALUE_SKB: length of the security path */
	__u16 protocol; /* IPPROTO_… */
	__u16 state;	/* TCP_…; VALUE_SKB: offloaded part of the security path */
	__u32 mark;
	__u32 priority;
	__u16 sport, dport; /* in the host's byte order */
	__u16 has_addr; /* 0: no IP addresses */
	__u16 any_peer; /* enum any_peer */
	__u64 cookie;	/* the address of the struct sock; VALUE_SKB: hash, length << 32 */
	__u8 saddr[16]; /* network byte order; IPv4: the first four */
	__u8 daddr[16];
};

#endif
