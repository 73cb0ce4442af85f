// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* path.bpf.h over files and mounts of our own. */
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../path.bpf.h"
#include "check.h"
#include "tree.h"

static char plain[LONGEST];

static void expect_path(struct node *node, struct mount *mount, const char *path, __u32 flags)
{
	struct text_value *text = walk_file(&node->dentry, mount);

	expect(!strcmp(text_of(text), path), "%s, not %s", text_of(text), path);
	expect(text->flags == flags, "%x, not %x, of %s", text->flags, flags, path);
}

static void names_of_all_lengths(void)
{
	char name[256], path[600];

	new_tree();
	for (int length = 1; length < 256; length++) {
		for (int i = 0; i < length; i++)
			name[i] = 'a' + i % 26;
		name[length] = 0;
		snprintf(path, sizeof(path), "/%s/%s/x", name, name);
		expect_path(new_path(root, path), root_mount, path, 0);
	}
	expect_path(root, root_mount, "/", 0);
}

static void mounts(void)
{
	struct node *folder, *over, *below, *file;
	struct mount *first, *second;

	new_tree();
	folder = new_path(root, "/srv/disk");
	over = new_node(NULL, "/");
	first = new_mount(over, root_mount, folder);
	expect_path(new_path(over, "/a/b"), first, "/srv/disk/a/b", 0);
	expect_path(over, first, "/srv/disk", 0);
	expect(the_scratch()->texts[0].inode == address_of(&over->inode));
	/* one mounted over the other, of a folder inside its file system */
	below = new_path(new_node(NULL, "/"), "/hidden/shown");
	second = new_mount(below, first, over);
	expect_path(new_path(below, "/c"), second, "/srv/disk/c", 0);
	expect_path(below, second, "/srv/disk", 0);
	file = new_path(root, "/etc/a-file");
	expect_path(file, new_mount(file, root_mount, new_path(root, "/run/bound")), "/run/bound",
		    0);
}

static void namespaces(void)
{
	struct mnt_namespace other = { .user_ns = &other_users, .seq = 2 };
	struct mnt_namespace anonymous = { .user_ns = &host_users };
	struct node *folder, *file;
	struct mount *mount;

	new_tree();
	folder = new_path(new_node(NULL, "/"), "/inside/tree");
	file = new_path(folder, "/a/b");
	mount = new_mount(folder, NULL, NULL);
	mount->mnt_ns = &other;
	other.root = mount;
	expect_path(file, mount, "/a/b", TEXT_FORGEABLE);
	other.user_ns = &host_users;
	expect_path(file, mount, "/a/b", 0);
	/* in a namespace, but not its first mount; in one that no process can be in; in none */
	other.root = root_mount;
	expect_path(file, mount, "/inside/tree/a/b", TEXT_DETACHED | TEXT_FORGEABLE);
	mount->mnt_ns = &anonymous;
	anonymous.root = mount;
	expect_path(file, mount, "/inside/tree/a/b", TEXT_DETACHED | TEXT_FORGEABLE);
	mount->mnt_ns = NULL;
	expect_path(file, mount, "/inside/tree/a/b", TEXT_DETACHED | TEXT_FORGEABLE);
	mount->mnt.mnt_sb = &kernels_own;
	expect_path(file, mount, "/inside/tree/a/b", TEXT_DETACHED);
	/* a mount on such a mount is not in the namespace either */
	expect_path(new_path(root, "/x"), new_mount(root, mount, file), "/inside/tree/a/b/x",
		    TEXT_DETACHED);
	host.user_ns = &other_users;
	expect_path(new_path(root, "/y"), root_mount, "/y", TEXT_FORGEABLE);
	host.user_ns = &host_users;
}

static void without_mount(void)
{
	struct scratch *s = the_scratch();
	struct text_value *text = &s->texts[0];

	new_tree();
	s->walk.dentry = address_of(&new_path(root, "/a/b")->dentry);
	s->walk.mount = s->walk.mount_head.root = 0;
	walk_path(s, 0);
	expect(!strcmp(text_of(text), "/a/b") && !text->flags);
	s->walk.dentry = 0;
	walk_path(s, 0);
	expect(text->flags == TEXT_UNREADABLE && text->absent && !text->size);
}

static void deleted(void)
{
	struct node *file;

	new_tree();
	file = new_path(root, "/tmp/gone");
	file->dentry.d_hash.pprev = NULL;
	expect_path(file, root_mount, "/tmp/gone", TEXT_DELETED);
	expect(the_scratch()->texts[0].inode == address_of(&file->inode));
}

static void files_without_path(void)
{
	static const struct {
		unsigned long magic, number;
		const char *name, *path;
		__u32 flags;
	} cases[] = {
		{ PIPEFS_MAGIC, 123, "", "pipe:[123]", 0 },
		{ SOCKFS_MAGIC, 4294967295, "", "socket:[4294967295]", 0 },
		{ SOCKFS_MAGIC, 0, "", "socket:[0]", 0 },
		{ ANON_INODE_FS_MAGIC, 5, "[eventfd]", "anon_inode:[eventfd]", 0 },
		{ 1, 5, "memfd:x", "/memfd:x", TEXT_DELETED },
	};

	new_tree();
	for (unsigned long i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct super_block files = { .s_magic = cases[i].magic, .s_flags = SB_KERNMOUNT };
		struct node *file = new_node(NULL, cases[i].name);
		struct mount *mount = new_mount(new_node(NULL, "/"), NULL, NULL);

		file->dentry.d_sb = &files;
		file->inode.i_ino = cases[i].number;
		expect_path(file, mount, cases[i].path, cases[i].flags);
	}
}

/* `count` components of `length` bytes each. */
static struct node *deep(int count, int length)
{
	struct node *at = root;
	char name[256];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%0*d", length, i % 10);
		at = new_node(at, name);
	}
	return at;
}

static __u64 faults_of(__u32 fault)
{
	return *(__u64 *)bpf_map_lookup_elem(&faults, &fault);
}

static void depth(void)
{
	__u64 before;

	new_tree();
	before = faults_of(FAULT_PATH_DEPTH);
	expect(!(walk_file(&deep(PATH_STEPS - 1, 1)->dentry, root_mount)->flags & TEXT_TOO_DEEP));
	expect(faults_of(FAULT_PATH_DEPTH) == before);
	expect(walk_file(&deep(PATH_STEPS, 1)->dentry, root_mount)->flags & TEXT_TOO_DEEP);
	expect(faults_of(FAULT_PATH_DEPTH) == before + 1);
	expect(walk_file(&deep(PATH_STEPS * 2, 7)->dentry, root_mount)->flags & TEXT_TOO_DEEP);
	expect(faults_of(FAULT_PATH_DEPTH) == before + 2);
}

static void expect_beginning_and_end(struct node *file)
{
	struct text_value *text = walk_file(&file->dentry, root_mount);
	const char *whole = plain_path(plain, &file->dentry, root_mount), *got = text_of(text);
	unsigned long length = strlen(whole);

	if (length <= TEXT_SIZE - NAME_SIZE - 1)
		expect(!text->flags, "of %lu bytes", length);
	if (!(text->flags & TEXT_TRUNCATED)) {
		expect(!strcmp(got, whole), "of %lu bytes", length);
		return;
	}
	expect(text->flags == TEXT_TRUNCATED && text->size >= WALK_KEPT, "of %lu bytes", length);
	expect(!strncmp(got, whole, text->size), "of %lu bytes", length);
	expect(text->has_tail && !memcmp(text->tail, whole + length - BINARY_TAIL, BINARY_TAIL),
	       "of %lu bytes", length);
}

static void longer_than_the_buffer(void)
{
	new_tree();
	for (int length = 1; length < 256; length++) {
		int fits = TEXT_SIZE / (length + 1);

		for (int count = fits - 2; count < fits + 3; count++)
			expect_beginning_and_end(deep(count, length));
		expect_beginning_and_end(deep(2 * fits + length % 5, length));
	}
	expect_beginning_and_end(deep(PATH_STEPS - 1, 255));
	/* a name of maximal length that just fits, and one that just does not */
	for (int length = 120; length < 140; length++) {
		struct node *file = deep(17, 255);

		file = new_node(file, "");
		snprintf(file->name, sizeof(file->name), "%0*d", length, 1);
		file->dentry.d_name.len = length;
		expect_beginning_and_end(new_path(
			file,
			"/"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"012345678901234567890123456789012345678901234567890123456"));
	}
}

/* ---- renames */

static struct rename renames[4];
static int renames_left, accesses, begin_at;
static struct node *watched;
static char seen_paths[5][64]; /* the path between two renames */
static int seen_count;

static void note_path(void)
{
	snprintf(seen_paths[seen_count++ % 5], 64, "%s",
		 plain_path(plain, &watched->dentry, root_mount));
}

/* A step of a rename before each access, from access number `begin_at` on. */
static void rename_meanwhile(void)
{
	if (accesses++ < begin_at || !renames_left)
		return;
	if (!rename_step(&renames[renames_left - 1])) {
		renames_left--;
		note_path();
	}
}

/* Whatever is renamed at any time: the path is one that the file had, or is flagged. */
static void renamed_at_each_moment(void)
{
	int changed = 0, flagged = 0;

	for (begin_at = 0; begin_at < 60; begin_at++) {
		for (int count = 1; count < 4; count++) {
			struct text_value *text;
			struct node *a, *b;
			bool known = false;

			new_tree();
			rename_lock.sequence = 100;
			native_set(rename_lock_at, address_of(&rename_lock));
			a = new_path(root, "/aaaa");
			b = new_path(root, "/bbbbbb/cc");
			watched = new_path(a, "/d/e");
			renames[0] = (struct rename){ (struct node *)watched->dentry.d_parent, b,
						      "dd", 0 };
			renames[1] = (struct rename){ a, b, "a", 0 };
			renames[2] = (struct rename){ watched, b, "elsewhere", 0 };
			renames_left = count;
			accesses = seen_count = 0;
			note_path();
			native_meanwhile = rename_meanwhile;
			text = walk_file(&watched->dentry, root_mount);
			native_meanwhile = NULL;
			flagged += !!(text->flags & TEXT_TOO_DEEP);
			for (int i = 0; i < seen_count; i++)
				known |= !strcmp(seen_paths[i], text_of(text));
			changed += strcmp(seen_paths[0], text_of(text)) != 0;
			expect(known || text->flags & TEXT_TOO_DEEP,
			       "%s from access %d on, %d renames", text_of(text), begin_at, count);
			native_set(rename_lock_at, 0ULL);
		}
	}
	expect(changed > 20, "only %d", changed);
	expect(flagged == 0, "%d: four walks are enough for three renames", flagged);
}

static void rename_elsewhere(void)
{
	rename_lock.sequence++;
}

static void rename_this(void)
{
	watched->dentry.d_seq.seqcount.sequence += 2;
	rename_lock.sequence += 2;
}

static void renamed_all_the_time(void)
{
	new_tree();
	native_set(rename_lock_at, address_of(&rename_lock));
	watched = new_path(root, "/some/where/here");
	native_meanwhile = rename_elsewhere;
	expect_path(watched, root_mount, "/some/where/here", 0);
	native_meanwhile = rename_this;
	expect(walk_file(&watched->dentry, root_mount)->flags & TEXT_TOO_DEEP);
	native_meanwhile = NULL;
	/* in the middle of its rename, which does not continue */
	rename_lock.sequence = 1;
	watched->dentry.d_seq.seqcount.sequence = 1;
	expect(walk_file(&watched->dentry, root_mount)->flags & TEXT_TOO_DEEP);
	watched->dentry.d_seq.seqcount.sequence = 2;
	expect_path(watched, root_mount, "/some/where/here", 0);
	native_set(rename_lock_at, 0ULL);
}

int main(void)
{
	use_walk_maps();
	run(names_of_all_lengths);
	run(mounts);
	run(namespaces);
	run(without_mount);
	run(deleted);
	run(files_without_path);
	run(depth);
	run(longer_than_the_buffer);
	run(renamed_at_each_moment);
	run(renamed_all_the_time);
	return !!test_failures;
}
