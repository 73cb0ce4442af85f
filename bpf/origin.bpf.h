/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the content of a file comes from (docs/decisions/0050). By the file alone: links, bind mounts and
 * descriptors lead to the same one.
 *
 * An overlay's inode is a struct ovl_inode (fs/overlayfs/ovl_entry.h), which vmlinux's BTF lacks where overlayfs is
 * a module. Around the inode it has had the same since Linux 4.19: `unsigned long flags; struct inode vfs_inode;
 * struct dentry *__upperdentry;`.
 */
#ifndef GANDER_ORIGIN_H
#define GANDER_ORIGIN_H

#include "cast.bpf.h"

enum {
	OVL_UPPERDATA = 1 << 3, /* by this flag overlayfs itself decides whose data it reads */
	ORIGIN_UNKNOWN = -1,
};

/* Does the overlay read the file's data from a lower layer? Memory that cannot be read counts as no. */
inline_fn bool has_lower_data(struct inode *inode)
{
	__u64 at = address_of(inode), upper = 0, flags = OVL_UPPERDATA;

	if (bpf_probe_read_kernel(&upper, sizeof(upper),
				  (void *)(at + bpf_core_type_size(struct inode))))
		return false;
	if (!upper)
		return true;
	/* only names and rights of it may have been copied up ("metacopy") */
	if ((field_of(struct inode, inode, i_mode) & S_IFMT) != S_IFREG ||
	    bpf_probe_read_kernel(&flags, sizeof(flags), (void *)(at - sizeof(flags))))
		return false;
	return !(flags & OVL_UPPERDATA);
}

/* Any process may mount an overlay in a user namespace of its own, and choose its layers. */
inline_fn bool is_hosts_own(struct super_block *sb)
{
	struct user_namespace *ns = field_of(struct super_block, sb, s_user_ns);

	return ns && !field_of(struct user_namespace, ns, level);
}

/* enum origin of the inode at this address, or ORIGIN_UNKNOWN. Not inlined: verified once for all callers. */
__noinline int origin_of(__u64 at)
{
	struct inode *inode = (struct inode *)at;
	struct super_block *sb = field_of(struct inode, inode, i_sb);
	__u32 unlinked = field_of(struct inode, inode, i_nlink) ? 0 : ORIGIN_UNLINKED;

	if (!sb)
		return ORIGIN_UNKNOWN;
	switch (field_of(struct super_block, sb, s_magic)) {
	case OVERLAYFS_SUPER_MAGIC:
		if (is_hosts_own(sb) && has_lower_data(inode))
			return unlinked + ORIGIN_IMAGE;
		return unlinked + ORIGIN_LAYER;
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case HUGETLBFS_MAGIC:
		return unlinked + ORIGIN_MEMORY;
	}
	return unlinked + ORIGIN_VOLUME;
}

#endif
