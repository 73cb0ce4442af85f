/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's structs that only arguments of policies point to: as in kernel.h. */
#ifndef GANDER_OBJECTS_H
#define GANDER_OBJECTS_H

#include "kernel.h"

enum { PMU_NAME = 8 };

/* only the names: CO-RE tells an enum from an integer */
enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC };
enum bpf_map_type { BPF_MAP_TYPE_UNSPEC };
enum skb_ext_id { SKB_EXT_SEC_PATH };
enum iter_type { ITER_IOVEC, ITER_UBUF };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kiocb {
	struct file *ki_filp;
};

struct bpf_prog_aux {
	char name[16];
};
struct bpf_prog {
	enum bpf_prog_type type;
	__u32 len;
	struct bpf_prog_aux *aux;
};
struct bpf_map {
	enum bpf_map_type map_type;
	__u32 key_size, value_size, max_entries;
	char name[16];
};
struct pmu {
	const char *name;
};
struct perf_event_attr {
	__u32 type;
	__u64 config;
	__u64 kprobe_func;  /* of other events: another member of a union */
	__u64 probe_offset; /* the same */
};
struct perf_event {
	struct pmu *pmu;
	struct perf_event_attr attr;
};
struct module {
	char name[56];
	bool sig_ok;
	unsigned long taints;
};
struct load_info {
	const char *name;
	struct module *mod;
	bool sig_ok;
};
struct net_device {
	char name[16];
};
struct sec_path {
	int len, olen;
};
struct skb_ext {
	__u8 offset[1];
};
struct sk_buff {
	unsigned int len;
	__u8 active_extensions;
	__u32 priority, hash, mark;
	__be16 protocol;
	__u16 network_header;
	unsigned int tail;
	unsigned char *head;
	struct sock *sk;
	struct skb_ext *extensions;
};
struct iov_iter {
	__u8 iter_type;
	unsigned long iov_offset, count;
	const struct iovec *__iov; /* from 6.4 on */
	void *ubuf;		   /* of another type: a member of the same union */
	unsigned long nr_segs;
};
struct iov_iter___before_6_4 {
	const struct iovec *iov;
};

#pragma clang attribute pop

/* uapi, and headers of packets: the layout is fixed */
struct iovec {
	void *iov_base;
	__u64 iov_len;
};
struct ipv4_header {
	__u8 version_and_size, service;
	__be16 length, id, fragment;
	__u8 hops, protocol;
	__be16 checksum;
	__u8 saddr[4], daddr[4];
};
struct ipv6_header {
	__be32 version_and_flow;
	__be16 length;
	__u8 next, hops;
	__u8 saddr[16], daddr[16];
};
struct ipv6_extension {
	__u8 next, size;
	__be16 fragment; /* of a fragment's header */
	__u8 rest[4];
};
struct bpf_attr_load { /* union bpf_attr of BPF_PROG_LOAD */
	__u32 prog_type, insn_cnt;
	__u64 insns, license;
	__u32 log_level, log_size;
	__u64 log_buf;
	__u32 kern_version, prog_flags;
	char prog_name[16];
};

#endif
