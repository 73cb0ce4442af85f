// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The input is a list of operations on a tree of files, a few bytes each: files, mounts, renames, walks.
 * A walk must give a path that the file had during it, or flag it. For fuzz/targets/paths.ts.
 */
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../path.bpf.h"
#include "check.h"
#include "tree.h"

/* Together fewer steps than a walk takes (PATH_STEPS). */
enum { MOST_NODES = 120, MOST_MOUNTS = 40, MOST_RENAMES = 3 };

static struct node *nodes[MOST_NODES];
static struct mount *mounts[MOST_MOUNTS];
static struct rename renames[MOST_RENAMES];
static int node_count, mount_count, rename_count, accesses, begin_at;
static int walks, moved, cut, detached;

static struct mount *walked_mount;
static struct node *walked;
static char *had[MOST_RENAMES + 1], plain[LONGEST];
static int had_count;

static int next_byte(void)
{
	int byte = getchar();

	if (byte != EOF)
		return byte;
	printf("%s%s%s%s\n", walks ? "walks" : "no walk", moved ? ", moved" : "",
	       cut ? ", cut" : "", detached ? ", detached" : "");
	exit(!!test_failures);
}

static struct node *some_node(void)
{
	return nodes[next_byte() % node_count];
}

static bool is_below(const struct dentry *dentry, const struct dentry *above)
{
	for (; dentry != above; dentry = dentry->d_parent) {
		if (dentry->d_parent == dentry)
			return false;
	}
	return true;
}

static const char *some_name(void)
{
	static char name[256];
	int length = 1 + next_byte() % 255, letter = next_byte();

	for (int i = 0; i < length; i++)
		name[i] = 'a' + (i + letter) % 26;
	name[length] = 0;
	return name;
}

static void note_path(void)
{
	had[had_count++] = strdup(plain_path(plain, &walked->dentry, walked_mount));
}

/* A step of a rename before each access to the tree. */
static void rename_meanwhile(void)
{
	struct rename *rename = renames + rename_count - 1;

	if (!rename_count || accesses++ < begin_at)
		return;
	if (!rename->step && is_below(&rename->parent->dentry, &rename->node->dentry)) {
		rename_count--; /* no folder moves into itself */
	} else if (!rename_step(rename)) {
		rename_count--;
		note_path();
	}
}

static bool is_path(struct text_value *text, const char *path)
{
	unsigned long length = strlen(path);

	if (!(text->flags & TEXT_TRUNCATED))
		return length == text->size && !memcmp(text_of(text), path, length);
	return length > text->size && text->size >= WALK_KEPT &&
	       !memcmp(text_of(text), path, text->size) && text->has_tail &&
	       !memcmp(text->tail, path + length - BINARY_TAIL, BINARY_TAIL);
}

static void walk(struct node *node, struct mount *mount)
{
	struct text_value *text;
	bool known = false;

	if (!is_below(&node->dentry, mount->mnt.mnt_root))
		return;
	walked = node;
	walked_mount = mount;
	had_count = accesses = 0;
	note_path();
	native_meanwhile = rename_meanwhile;
	text = walk_file(&node->dentry, mount);
	native_meanwhile = NULL;
	for (int i = 0; i < had_count; i++) {
		known |= is_path(text, had[i]);
		free(had[i]);
	}
	expect(known || (text->flags & TEXT_TOO_DEEP && had_count > 1), "%s, flags %x, %d renames",
	       text_of(text), text->flags, had_count - 1);
	walks++;
	moved += had_count > 1;
	cut += !!(text->flags & TEXT_TRUNCATED);
	detached += !!(text->flags & TEXT_DETACHED);
	for (; rename_count; rename_count--) { /* finish what has started */
		while (renames[rename_count - 1].step && rename_step(&renames[rename_count - 1]))
			;
	}
}

int main(void)
{
	struct node *node, *parent;
	struct mount *mount;
	static char names[MOST_RENAMES][256];

	use_walk_maps();
	new_tree();
	native_set(rename_lock_at, address_of(&rename_lock));
	test_name = "walk";
	nodes[node_count++] = root;
	mounts[mount_count++] = root_mount;
	native_can_cast = next_byte() & 1;
	for (;;) {
		switch (next_byte() % 6) {
		case 0:
			node = some_node();
			if (node_count < MOST_NODES)
				nodes[node_count++] = new_node(node, some_name());
			break;
		case 1:
			node = some_node();
			mount = mounts[next_byte() % mount_count];
			parent = some_node();
			if (mount_count < MOST_MOUNTS &&
			    is_below(&parent->dentry, mount->mnt.mnt_root))
				mounts[mount_count++] = new_mount(node, mount, parent);
			break;
		case 2:
			node = some_node();
			if (mount_count < MOST_MOUNTS)
				mounts[mount_count++] = new_mount(node, NULL, NULL);
			break;
		case 3:
			node = some_node();
			parent = some_node();
			begin_at = next_byte();
			if (rename_count == MOST_RENAMES || node == root)
				break;
			strcpy(names[rename_count], some_name());
			renames[rename_count] =
				(struct rename){ node, parent, names[rename_count], 0 };
			rename_count++;
			break;
		default:
			node = some_node();
			walk(node, mounts[next_byte() % mount_count]);
		}
	}
}
