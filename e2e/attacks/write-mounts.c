// SPDX-License-Identifier: Apache-2.0
/* Ways to get hold of a file with the help of mounts. They stay: the test takes them away. */
#include "attack.h"
#include "write.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

static int opened(int fd, const char *path)
{
	return (int)must(fd, path);
}

/* Another file lies over this one. */
static int bound_over(const char *path, int flags)
{
	close(opened(open("/var/tmp/attack-source", O_CREAT | O_WRONLY, 0644), "/var/tmp"));
	must(mount("/var/tmp/attack-source", path, NULL, MS_BIND, NULL), "bind mount");
	return opened(open(path, flags), path);
}

static int tmpfs_over(const char *path, int flags)
{
	static char directory[4096];

	split_path(path, directory);
	must(mount("attack", directory, "tmpfs", 0, NULL), "mount tmpfs");
	return opened(open(path, flags | O_CREAT, 0644), path);
}

static int overlay_at(const char *at, const char *upper)
{
	char options[9000];

	make_directories("/var/tmp/attack-lower");
	make_directories("/var/tmp/attack-work");
	snprintf(options, sizeof(options),
		 "lowerdir=/var/tmp/attack-lower,upperdir=%s,workdir=/var/tmp/attack-work", upper);
	return (int)must(mount("attack", at, "overlay", 0, options), "mount overlay");
}

static int overlay_over(const char *path, int flags)
{
	static char directory[4096];

	split_path(path, directory);
	make_directories("/var/tmp/attack-upper");
	overlay_at(directory, "/var/tmp/attack-upper");
	return opened(open(path, flags | O_CREAT, 0644), path);
}

/* Written to where that is allowed, so that its path is known; then the mount is moved. */
static int mount_moved_to(const char *path, int flags)
{
	static char directory[4096], file[4200];
	const char *name = split_path(path, directory);
	int fd;

	make_directories("/var/tmp/attack-mount");
	must(mount("attack", "/var/tmp/attack-mount", "tmpfs", 0, NULL), "mount tmpfs");
	snprintf(file, sizeof(file), "/var/tmp/attack-mount/%s", name);
	fd = opened(open(file, flags | O_CREAT, 0644), file);
	for (int i = 0; i < 100; i++)
		must(pwrite(fd, "moved\n", 6, 0), "write where it is allowed");
	must(ftruncate(fd, 0), "ftruncate");
	must(mount("/var/tmp/attack-mount", directory, NULL, MS_MOVE, NULL), "move mount");
	return fd;
}

/* The same directory by another name. */
static int bound_elsewhere(const char *path, int flags)
{
	static char directory[4096], file[4200];
	const char *name = split_path(path, directory);

	make_directories("/var/tmp/attack-bind");
	must(mount(directory, "/var/tmp/attack-bind", NULL, MS_BIND, NULL), "bind mount");
	snprintf(file, sizeof(file), "/var/tmp/attack-bind/%s", name);
	return opened(open(file, flags), file);
}

/* The same directory in a mount that hangs nowhere. */
static int detached_tree(const char *path, int flags)
{
	static char directory[4096];
	const char *name = split_path(path, directory);
	int tree = (int)must(syscall(SYS_open_tree, AT_FDCWD, directory, OPEN_TREE_CLONE),
			     "open_tree");

	return opened(openat(tree, name, flags), path);
}

/* Opened below its own name, then the mount it was opened in is taken away. */
static int unmounted(const char *path, int flags)
{
	static char directory[4096];
	int fd;

	split_path(path, directory);
	must(mount(directory, directory, NULL, MS_BIND, NULL), "bind mount");
	fd = opened(open(path, flags), path);
	must(umount2(directory, MNT_DETACH), "umount");
	return fd;
}

static int overlay_upper(const char *path, int flags)
{
	static char directory[4096], file[4200];
	const char *name = split_path(path, directory);

	make_directories("/var/tmp/attack-merged");
	overlay_at("/var/tmp/attack-merged", directory);
	snprintf(file, sizeof(file), "/var/tmp/attack-merged/%s", name);
	return opened(open(file, flags), file);
}

const struct route mount_routes[] = {
	{ "bound-over", bound_over, NULL },
	{ "tmpfs-over", tmpfs_over, NULL },
	{ "overlay-over", overlay_over, NULL },
	{ "mount-moved-to", mount_moved_to, NULL },
	{ "bound-elsewhere", bound_elsewhere, NULL },
	{ "detached-tree", detached_tree, NULL },
	{ "unmounted", unmounted, NULL },
	{ "overlay-upper", overlay_upper, NULL },
	{ NULL, NULL, NULL },
};
