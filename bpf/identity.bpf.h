/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The identity of a file: the same for the file that user space looks up and for the file that runs. */
#ifndef GANDER_IDENTITY_H
#define GANDER_IDENTITY_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "abi.h"

/* By loads, for each exec: the verifier must know the type of `file`. */
static __always_inline void identify(struct file_identity *to, struct file *file)
{
	struct inode *inode = file->f_inode;

	to->inode = inode->i_ino;
	to->device = inode->i_sb->s_dev;
	to->generation = inode->i_generation;
}

/* By copies, where the verifier does not know it, or where one load would serve this and map memory. */
static __always_inline void identify_any(struct file_identity *to, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	to->inode = BPF_CORE_READ(inode, i_ino);
	to->device = BPF_CORE_READ(inode, i_sb, s_dev);
	to->generation = BPF_CORE_READ(inode, i_generation);
}

#endif
