/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The structs and fields of the kernel that the programs read, and no others. Offsets are those
 * of the running kernel (CO-RE): order and completeness do not matter here, names and types do.
 * Integer types are the kernel's own, so that no uapi header is needed.
 */
#ifndef GANDER_KERNEL_H
#define GANDER_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
typedef int pid_t;
#define true 1
#define false 0
#define NULL ((void *)0)

enum { /* bpf(2) */
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_USER_STACK = 1 << 8,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1 << 10,
};

enum { FMODE_READ = 1, O_DIRECT = 040000 };
enum { EPERM = 1, EAGAIN = 11, EEXIST = 17, MAX_ERRNO = 4095 };
enum { SIGKILL = 9 };
enum { O_ACCMODE = 3, O_RDWR = 2 };
enum { CAP_SYS_ADMIN = 21, CAP_BPF = 39 };
enum { SIGNAL_GROUP_EXIT = 4 };
enum { TS_COMPAT = 2 }; /* thread_info.status: in a 32-bit system call (x86) */
enum { PF_EXITING = 0x00000004, PF_IO_WORKER = 0x00000010, PF_DUMPCORE = 0x00000200, PF_KTHREAD = 0x00200000 };
enum { ATTR_FILE = 1 << 13, MAY_WRITE = 2 };
enum { SB_KERNMOUNT = 1 << 22 };
enum { FMODE_EXEC = 0x20 }; /* in f_flags, of files that exec opens */
enum { FMODE_NOACCOUNT = 1 << 29 }; /* in f_mode, of files that the kernel opens for itself, such as a backing_file */
enum { PIDTYPE_TGID = 1 };
enum { S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFREG = 0100000, S_IFIFO = 0010000, S_ISUID = 04000, S_ISGID = 02000, S_IXGRP = 010 };
enum { AF_UNSPEC = 0, AF_INET = 2, AF_INET6 = 10, AF_SMC = 43 };
enum { SOCK_STREAM = 1, IPPROTO_TCP = 6, IPPROTO_SMC = 256, IPPROTO_MPTCP = 262 };
enum { IPPROTO_UDP = 17, IPPROTO_DCCP = 33, IPPROTO_SCTP = 132, IPPROTO_UDPLITE = 136 };
enum { IPPROTO_HOPOPTS = 0, IPPROTO_ROUTING = 43, IPPROTO_FRAGMENT = 44, IPPROTO_AH = 51, IPPROTO_DSTOPTS = 60 };
enum { ETH_P_IP = 0x800, ETH_P_IPV6 = 0x86dd };
enum { MSG_FASTOPEN = 0x20000000 };
/* magic.h */
enum { OVERLAYFS_SUPER_MAGIC = 0x794c7630, TMPFS_MAGIC = 0x01021994, RAMFS_MAGIC = 0x858458f6, HUGETLBFS_MAGIC = 0x958458f6 };
enum {
	EXT4_SUPER_MAGIC = 0xef53, XFS_SUPER_MAGIC = 0x58465342, BTRFS_SUPER_MAGIC = 0x9123683e, F2FS_SUPER_MAGIC = 0xf2f52010,
	ZFS_SUPER_MAGIC = 0x2fc12fc1, BCACHEFS_SUPER_MAGIC = 0xca451a4e, SQUASHFS_MAGIC = 0x73717368, ISOFS_SUPER_MAGIC = 0x9660,
	MSDOS_SUPER_MAGIC = 0x4d44, EXFAT_SUPER_MAGIC = 0x2011bab0,
};
enum { PIPEFS_MAGIC = 0x50495045, SOCKFS_MAGIC = 0x534F434B, ANON_INODE_FS_MAGIC = 0x09041934, NSFS_MAGIC = 0x6e736673 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { int counter; } atomic_t;
typedef struct { __u32 val; } kuid_t;
typedef struct { __u32 val; } kgid_t;

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, sp;
};

/* ---- files */
struct user_namespace;
struct super_block {
	unsigned long s_magic, s_flags;
	unsigned int s_dev;
	struct user_namespace *s_user_ns; /* of who mounted it */
};
struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned long i_ino;
	long long i_size;
	unsigned int i_nlink, i_generation;
	struct super_block *i_sb;
};
struct qstr {
	__u32 hash, len;
	const unsigned char *name;
};
struct hlist_bl_node { struct hlist_bl_node *next, **pprev; };
struct seqcount { unsigned int sequence; }; /* also the start of a seqlock_t */
struct seqcount_spinlock { struct seqcount seqcount; };
struct dentry {
	struct seqcount_spinlock d_seq;
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};
struct mount;
struct ns_common { unsigned int inum; };
struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	struct user_namespace *user_ns; /* of its creator */
	__u64 seq; /* 0: anonymous */
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	unsigned int f_mode, f_flags;
	struct path f_path;
	struct inode *f_inode;
};
/* a file that the kernel has opened below another one, to serve it */
struct backing_file {
	struct file file;
	struct path user_path; /* of the other one; before 6.7 it is f_path */
};
struct iattr {
	unsigned int ia_valid; /* ATTR_* */
	struct file *ia_file;  /* with ATTR_FILE */
};
struct filename { const char *name; };
struct fs_struct { struct path root, pwd; };
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct { struct fdtable *fdt; };

/* ---- processes */
struct kernel_cap_struct { __u64 val; };
typedef struct kernel_cap_struct kernel_cap_t;
struct user_namespace {
	int level;
	kuid_t owner;
	kgid_t group;
	struct ns_common ns;
};
struct uts_namespace { struct ns_common ns; };
struct ipc_namespace { struct ns_common ns; };
struct pid_namespace { struct ns_common ns; };
struct time_namespace { struct ns_common ns; };
struct cgroup_namespace { struct ns_common ns; };
struct net { struct ns_common ns; };
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns, *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};
struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
};
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};
struct tty_struct;
struct signal_struct {
	atomic_t live;
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
	struct tty_struct *tty;
};
typedef struct { unsigned long pgd; } pgd_t;
struct mm_struct {
	pgd_t *pgd;
	unsigned long arg_start, arg_end;
	struct file *exe_file;
};
struct kernfs_node {
	const char *name;
	__u64 id;
};
struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
	unsigned int flags; /* CSS_* */
};
struct cgroup_root { int hierarchy_id; };
struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct css_set { struct cgroup *dfl_cgrp; };
struct bpf_local_storage;
struct thread_info { __u32 status; };
struct task_struct {
	struct thread_info thread_info;
	unsigned int flags; /* PF_* */
	unsigned int in_execve : 1;
	struct mm_struct *mm;
	int exit_code;
	pid_t pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	struct css_set *cgroups;
	struct bpf_local_storage *bpf_storage;
	int softirq_disable_cnt; /* PREEMPT_RT */
};
struct pcpu_hot { int preempt_count; };
struct linux_binprm {
	unsigned int secureexec : 1;
	struct mm_struct *mm; /* of the new program, until it is the task's */
	unsigned long p, exec; /* there: the first argument, and the copy of `filename` behind the variables */
	int argc, envc;
	struct file *file;
	const char *filename, *interp;
};

struct rb_node { unsigned long __rb_parent_color; };

/* ---- sockets */
struct in6_addr { __u8 in6[16]; };
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	__u32 sk_priority, sk_mark;
	__u16 sk_type, sk_protocol;
};
struct socket { struct sock *sk; };
struct msghdr {
	void *msg_name;
	int msg_namelen;
	unsigned int msg_flags;
};

/* ---- iterators */
struct seq_file { struct file *file; };
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_map;
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};

#pragma clang attribute pop

/* uapi: the layout is fixed */
struct sockaddr_any { /* struct sockaddr_in and _in6 */
	__u16 family;
	__be16 port;
	__u8 ipv4[4]; /* _in6: flowinfo */
	__u8 ipv6[16];
};

#endif
