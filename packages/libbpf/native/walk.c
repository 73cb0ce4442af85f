/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

enum { MAX_LINKS = 40, PATH_SPACE = 2 * MAX_PATH };

/* Not one user alone. */
static const uint32_t anyone = UINT32_MAX;

struct place {
	int fd;
	struct statx status;
};

/* A link that another user than root may have put there. */
struct foreign_link {
	struct place at;
	uint32_t user;
	bool is_claimed; /* the owner is what a file system says that a user may serve */
};

struct way {
	struct walk *walk;
	struct place root, at;
	struct statx folder; /* that `at` is in */
	char rest[PATH_SPACE];
	int links, foreign_count;
	struct foreign_link foreign[MAX_LINKS];
};

static int look(struct place *at, int flags)
{
	return statx(at->fd, "", AT_EMPTY_PATH | flags, STATX_BASIC_STATS, &at->status) ? -errno :
											  0;
}

static bool has_same_device(const struct statx *a, const struct statx *b)
{
	return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

static void move_to(struct way *way, struct place to)
{
	way->folder = way->at.status;
	if (way->at.fd != way->root.fd)
		close(way->at.fd);
	way->at = to;
}

/* Opens it, and looks at what it has without asking a server: DONT_SYNC. */
static int open_place(struct place *place, int folder, const char *name, int flags)
{
	int error;

	place->fd = openat(folder, name, O_PATH | O_CLOEXEC | flags);
	if (place->fd < 0)
		return -errno;
	error = look(place, AT_STATX_DONT_SYNC);
	if (error)
		close(place->fd);
	return error;
}

static int go_up(struct way *way)
{
	struct place up;
	int error;

	if (way->at.status.stx_ino == way->root.status.stx_ino &&
	    has_same_device(&way->at.status, &way->root.status))
		return 0;
	error = open_place(&up, way->at.fd, "..", O_DIRECTORY);
	if (!error)
		move_to(way, up);
	return error;
}

/* First as a folder: so it is mounted where that is done on demand. */
static int open_entry(struct place *entry, int folder, const char *name)
{
	int error = open_place(entry, folder, name, O_NOFOLLOW | O_DIRECTORY);

	if (error == -ENOTDIR || error == -ELOOP)
		error = open_place(entry, folder, name, O_NOFOLLOW);
	return error;
}

/* Who may have given an entry of the folder its name: anyone who may write there, where the sysctl
 * fs.protected_hardlinks is off. */
static uint32_t placer(const struct statx *folder, const struct statx *entry)
{
	bool is_shared = folder->stx_uid || folder->stx_mode & S_IWOTH;

	if (entry->stx_nlink == 1 || !is_shared)
		return entry->stx_uid;
	return folder->stx_uid ? folder->stx_uid : anyone;
}

/* Of /proc: leads to somebody's file, whatever its text says. */
static bool is_magic(int folder, const char *name)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how)), error = errno;

	if (fd >= 0)
		close(fd);
	return fd < 0 && error == ELOOP;
}

/* Closes or keeps the link. */
static int follow(struct way *way, struct place link, const char *name)
{
	struct foreign_link *foreign = &way->foreign[way->foreign_count];
	char target[MAX_PATH], next[PATH_SPACE];
	struct statfs system;
	ssize_t size;

	*foreign =
		(struct foreign_link){ .at = link, .user = placer(&way->at.status, &link.status) };
	/* The user of a FUSE that does not answer this is not believed, either. */
	if (fstatfs(link.fd, &system))
		system.f_type = FUSE_SUPER_MAGIC;
	foreign->is_claimed = system.f_type == FUSE_SUPER_MAGIC;
	size = readlinkat(link.fd, "", target, sizeof(target));
	if (foreign->user || foreign->is_claimed)
		way->foreign_count++;
	else
		close(link.fd);
	if (size < 0)
		return -errno;
	if (system.f_type == PROC_SUPER_MAGIC && is_magic(way->at.fd, name))
		return -ELOOP;
	if (size == sizeof(target))
		return -ENAMETOOLONG;
	target[size] = 0;
	size = snprintf(next, sizeof(next), "%s/%s", target, way->rest);
	if (size >= (ssize_t)sizeof(next))
		return -ENAMETOOLONG;
	memcpy(way->rest, next, size + 1);
	if (target[0] == '/')
		move_to(way, way->root);
	return 0;
}

static int step_to(struct way *way, const struct walk_step *step)
{
	struct place entry;
	int error = open_entry(&entry, way->at.fd, step->name);

	if (error)
		return error;
	if (S_ISLNK(entry.status.stx_mode)) {
		if (way->links++ < MAX_LINKS)
			return follow(way, entry, step->name);
		close(entry.fd);
		return -ELOOP;
	}
	move_to(way, entry);
	/* Whether it was changed is for its server to say. */
	return S_ISREG(entry.status.stx_mode) ? look(&way->at, 0) : 0;
}

/* Takes the next name off the rest. @return 0: there is none */
static int next_name(struct way *way, char *name, size_t size)
{
	char *begin = way->rest + strspn(way->rest, "/");
	size_t length = strcspn(begin, "/");

	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(name, begin, length);
	name[length] = 0;
	memmove(way->rest, begin + length, strlen(begin + length) + 1);
	return (int)length;
}

static int find(struct way *way)
{
	for (;;) {
		struct walk_step step = { .device = { way->at.status.stx_dev_major,
						      way->at.status.stx_dev_minor },
					  .folder = way->at.status.stx_ino };
		int error = next_name(way, step.name, sizeof(step.name));

		if (error <= 0)
			return error;
		if (!strcmp(step.name, "."))
			continue;
		error = way->walk->begin(way->walk, &step);
		if (!error)
			error = strcmp(step.name, "..") ? step_to(way, &step) : go_up(way);
		if (error)
			return error;
	}
}

void path_of(int fd, char *path, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, size - 1);
	path[length < 0 ? 0 : length] = 0;
}

static int refuse(struct way *way, bool is_link, int by, uint32_t user)
{
	struct walk_refusal *refusal = &way->walk->refusal;

	*refusal = (struct walk_refusal){ .is_link = is_link,
					  .user = user,
					  .owner = way->at.status.stx_uid };
	path_of(by, refusal->by, sizeof(refusal->by));
	path_of(way->at.fd, refusal->file, sizeof(refusal->file));
	return -EXDEV;
}

static int check_users(struct way *way)
{
	const struct statx *file = &way->at.status;
	uint32_t user;

	for (int i = 0; i < way->foreign_count; i++) {
		const struct foreign_link *link = &way->foreign[i];
		bool is_own = link->is_claimed ? has_same_device(&link->at.status, file) :
						 link->user == file->stx_uid;

		if (!is_own)
			return refuse(way, true, link->at.fd,
				      link->is_claimed ? anyone : link->user);
	}
	user = placer(&way->folder, file);
	return user == file->stx_uid ? 0 : refuse(way, false, way->at.fd, user);
}

static int begin_way(struct way *way)
{
	int error = open_place(&way->root, AT_FDCWD, way->walk->root, O_DIRECTORY);

	way->at = way->root;
	return error;
}

int walk(struct walk *walk)
{
	struct way way = { .walk = walk };
	int error = begin_way(&way);

	if (error)
		return error;
	snprintf(way.rest, sizeof(way.rest), "%s", walk->path);
	error = find(&way);
	if (!error && !S_ISREG(way.at.status.stx_mode))
		error = -EINVAL;
	if (!error && walk->own_only)
		error = check_users(&way);
	walk->status = way.at.status;
	for (int i = 0; i < way.foreign_count; i++)
		close(way.foreign[i].at.fd);
	if (way.at.fd != way.root.fd)
		close(way.root.fd);
	if (!error)
		return way.at.fd;
	close(way.at.fd);
	return error;
}
