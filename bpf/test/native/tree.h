/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Files, mounts and renames as in the kernel, and a plain version of the path of a file. */
#ifndef GANDER_NATIVE_TREE_H
#define GANDER_NATIVE_TREE_H

/* A file or folder. The words in front of a short name are read with it, as in a struct dentry. */
struct node {
	struct dentry dentry;
	struct inode inode;
	struct hlist_bl_node *hash;
	char front[8];
	char name[256];
};

static struct super_block disk, kernels_own = { .s_flags = SB_KERNMOUNT };
static struct user_namespace host_users, other_users = { .level = 1 };
static struct mnt_namespace host = { .user_ns = &host_users, .seq = 1 };
static struct cred host_cred = { .user_ns = &host_users };
static struct nsproxy host_namespaces = { .mnt_ns = &host };
static struct task_struct host_task = { .nsproxy = &host_namespaces,
					.cred = &host_cred,
					.tgid = 7 };
static struct seqcount rename_lock;
static struct node *root;
static struct mount *root_mount;

static void set_name(struct node *node, const char *name)
{
	node->dentry.d_name.len = strlen(name);
	memcpy(node->name, name, node->dentry.d_name.len);
	node->dentry.d_name.name = (const unsigned char *)node->name;
}

/* Without `parent`: the root of a file system. */
static struct node *new_node(struct node *parent, const char *name)
{
	struct node *node = native_new(sizeof(*node));

	set_name(node, name);
	node->dentry.d_parent = parent ? &parent->dentry : &node->dentry;
	node->dentry.d_hash.pprev = parent ? &node->hash : NULL;
	node->dentry.d_sb = &disk;
	node->dentry.d_inode = &node->inode;
	return node;
}

/* The path below `from`, one file or folder for each name. */
static struct node *new_path(struct node *from, const char *path)
{
	char name[256];

	for (const char *end; *path; path = end) {
		path += *path == '/';
		end = path + strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
		from = new_node(from, name);
	}
	return from;
}

/* Without `at`: a mount that is mounted nowhere. */
static struct mount *new_mount(struct node *of, struct mount *parent, struct node *at)
{
	struct mount *mount = native_new(sizeof(*mount));

	mount->mnt.mnt_root = &of->dentry;
	mount->mnt.mnt_sb = &disk;
	mount->mnt_parent = at ? parent : mount;
	mount->mnt_mountpoint = at ? &at->dentry : &of->dentry;
	mount->mnt_ns = at ? parent->mnt_ns : NULL;
	return mount;
}

static void new_tree(void)
{
	root = new_node(NULL, "/");
	root_mount = new_mount(root, NULL, NULL);
	root_mount->mnt_ns = &host;
	host.root = root_mount;
	native_task = &host_task;
	rename_lock.sequence = 0;
	native_meanwhile = NULL;
}

/*
 * The steps of a rename as in d_move, one per call; 0: it is done. Readers see each step.
 */
struct rename {
	struct node *node, *parent;
	const char *name;
	int step;
};

enum { RENAME_STEPS = 6 };

static int rename_step(struct rename *r)
{
	switch (r->step++) {
	case 0:
	case 5:
		rename_lock.sequence++;
		break;
	case 1:
	case 4:
		r->node->dentry.d_seq.seqcount.sequence++;
		break;
	case 2:
		set_name(r->node, r->name);
		break;
	case 3:
		r->node->dentry.d_parent = &r->parent->dentry;
		break;
	}
	return r->step < RENAME_STEPS;
}

/* ---- walking */

enum { LONGEST = 1 << 22 };

/* Writes the path of a file from `mount`, plainly, to the end of `buffer`; returns its start. */
static char *plain_path(char *buffer, const struct dentry *dentry, const struct mount *mount)
{
	char *at = buffer + LONGEST;

	for (*--at = 0;;) {
		if (mount && dentry == mount->mnt.mnt_root) {
			if (mount->mnt_parent == mount) {
				if (mount == host.root)
					break;
				mount = NULL; /* in no namespace: continue inside the file system */
				continue;
			}
			dentry = mount->mnt_mountpoint;
			mount = mount->mnt_parent;
			continue;
		}
		if (dentry->d_parent == dentry)
			break;
		at -= dentry->d_name.len;
		memcpy(at, dentry->d_name.name, dentry->d_name.len);
		*--at = '/';
		dentry = dentry->d_parent;
	}
	if (!*at)
		*--at = '/';
	return at;
}

static struct scratch *the_scratch(void)
{
	struct scratch *s = scratch_at(0);

	s->self = 0;
	return s;
}

/* Walks to a file as a program does. */
static struct text_value *walk_file(const struct dentry *dentry, const struct mount *mount)
{
	struct path path = { (struct vfsmount *)&mount->mnt, (struct dentry *)dentry };
	struct scratch *s = the_scratch();

	walk_begin(s, &path);
	walk_path(s, 0);
	return &s->texts[0];
}

static const char *text_of(struct text_value *text)
{
	static char copy[TEXT_SIZE + 1];

	memcpy(copy, the_scratch()->text[0] + text->at, text->size);
	copy[text->size] = 0;
	return copy;
}

static void use_walk_maps(void)
{
	use_map(scratches);
	use_map(scratch_pool);
	use_map(faults);
}

#endif
