/* SPDX-License-Identifier: Apache-2.0 */
/* Holds on to a file without opening it (O_PATH). A file system may take its time, or never answer: so a
 * thread of its own goes there, and a thread of the pool waits for that as long as it is told. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addon.h"
#include "handle.h"
#include "walk.h"

/* Threads that one path may leave where no answer comes. */
enum { MAX_LATE = 4, STACK_SIZE = 256 * 1024 };

/* Belongs to the thread that walks and to the one that waits for it; the last one frees it. */
struct visit {
	struct walk walk;
	char root[MAX_PATH], path[MAX_PATH];
	int fd;
	bool is_done, is_late; /* late: nobody waits for it any more */
	struct walk_step step;
	pthread_cond_t done;
	struct visit *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All that are not done. */
static struct visit *visits;

static void free_visit(struct visit *visit)
{
	if (!visit)
		return;
	pthread_cond_destroy(&visit->done);
	free(visit);
}

static bool is_same_step(const struct walk_step *a, const struct walk_step *b)
{
	return a->folder == b->folder && a->device[0] == b->device[0] &&
	       a->device[1] == b->device[1] && !strcmp(a->name, b->name);
}

/* Nobody goes where another waits already; elsewhere, the path may lead to a file that answers. */
static int begin_step(struct walk *walk, const struct walk_step *step)
{
	struct visit *visit = (struct visit *)walk, *other;
	int error = 0;

	pthread_mutex_lock(&lock);
	for (other = visits; other; other = other->next)
		if (other->is_late && is_same_step(&other->step, step))
			error = -ETIMEDOUT;
	visit->step = *step;
	pthread_mutex_unlock(&lock);
	return error;
}

static void *visit_run(void *data)
{
	struct visit *visit = data, **at;
	int fd = walk(&visit->walk);

	pthread_mutex_lock(&lock);
	for (at = &visits; *at != visit; at = &(*at)->next)
		;
	*at = visit->next;
	visit->fd = fd;
	visit->is_done = true;
	pthread_cond_signal(&visit->done);
	if (visit->is_late) {
		if (fd >= 0)
			close(fd);
		free_visit(visit);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static int count_late(const char *path)
{
	int count = 0;

	for (struct visit *other = visits; other; other = other->next)
		count += other->is_late && !strcmp(other->path, path);
	return count;
}

/* With the lock. */
static int start_thread(struct visit *visit)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	if (count_late(visit->path) >= MAX_LATE)
		return -ETIMEDOUT;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	error = pthread_create(&thread, &attributes, visit_run, visit);
	pthread_attr_destroy(&attributes);
	if (error)
		return -error;
	visit->next = visits;
	visits = visit;
	return 0;
}

static void wait_for(struct visit *visit, uint32_t patience_ms)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience_ms / 1000;
	until.tv_nsec += patience_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (!visit->is_done && error != ETIMEDOUT)
		error = pthread_cond_clockwait(&visit->done, &lock, CLOCK_MONOTONIC, &until);
}

struct hold_work {
	napi_async_work work;
	napi_deferred deferred;
	uint32_t patience_ms;
	struct visit *visit; /* NULL: another thread has it now */
	int error;
};

static void hold_execute(napi_env env, void *data)
{
	struct hold_work *job = data;
	struct visit *visit = job->visit;

	(void)env;
	pthread_mutex_lock(&lock);
	job->error = start_thread(visit);
	if (!job->error) {
		wait_for(visit, job->patience_ms);
		if (!visit->is_done) {
			visit->is_late = true;
			job->visit = NULL;
			job->error = -ETIMEDOUT;
		}
	}
	pthread_mutex_unlock(&lock);
}

static napi_value refusal_value(napi_env env, const struct walk_refusal *refusal)
{
	napi_value value = to_object(env);

	set(env, value, "isLink", to_bool(env, refusal->is_link));
	set(env, value, "user", to_int(env, refusal->user));
	set(env, value, "owner", to_int(env, refusal->owner));
	set(env, value, "by", to_text(env, refusal->by));
	set(env, value, "file", to_text(env, refusal->file));
	return value;
}

/* What changes when another file is there, or another content. */
static void version_text(const struct statx *status, char *text, size_t size)
{
	snprintf(text, size, "%u:%u %llu %llu %lld.%09u", status->stx_dev_major,
		 status->stx_dev_minor, (unsigned long long)status->stx_ino,
		 (unsigned long long)status->stx_size, (long long)status->stx_mtime.tv_sec,
		 status->stx_mtime.tv_nsec);
}

static napi_value result_of(napi_env env, const struct hold_work *job)
{
	const struct visit *visit = job->visit;
	char version[128], path[MAX_PATH];
	napi_value value;

	if (job->error)
		return to_int(env, job->error);
	value = to_object(env);
	if (visit->fd == -EXDEV && visit->walk.refusal.by[0]) {
		set(env, value, "refusal", refusal_value(env, &visit->walk.refusal));
		return value;
	}
	if (visit->fd < 0)
		return to_int(env, visit->fd);
	version_text(&visit->walk.status, version, sizeof(version));
	path_of(visit->fd, path, sizeof(path));
	set(env, value, "fd", fd_wrap(env, visit->fd));
	set(env, value, "version", to_text(env, version));
	set(env, value, "path", to_text(env, path));
	return value;
}

static void hold_complete(napi_env env, napi_status status, void *data)
{
	struct hold_work *job = data;

	if (status == napi_cancelled)
		job->error = -ECANCELED;
	/* Fails harmlessly where the thread is ending: nobody waits there any more. */
	napi_resolve_deferred(env, job->deferred, result_of(env, job));
	napi_delete_async_work(env, job->work);
	free_visit(job->visit);
	free(job);
}

static struct visit *visit_of(napi_env env, const napi_value *args)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (!visit) {
		throw_type(env, "out of memory");
		return NULL;
	}
	visit->walk.root = visit->root;
	visit->walk.path = visit->path;
	visit->walk.begin = begin_step;
	pthread_cond_init(&visit->done, NULL);
	if (arg_text(env, args[0], visit->root, sizeof(visit->root)) &&
	    arg_text(env, args[1], visit->path, sizeof(visit->path)) &&
	    arg_bool(env, args[2], &visit->walk.own_only))
		return visit;
	free_visit(visit);
	return NULL;
}

/* fileHold(root, path, ownOnly, patienceMs): promises a handle of the regular file with its version, or what
 * refuses it; -EINVAL where it is something else, -ETIMEDOUT where nothing answers. */
static napi_value file_hold(napi_env env, napi_callback_info info)
{
	struct hold_work *job;
	napi_value promise;

	ARGS(4);
	job = calloc(1, sizeof(*job));
	if (!job)
		return throw_type(env, "out of memory");
	job->visit = visit_of(env, args);
	if (!job->visit || !arg_u32(env, args[3], &job->patience_ms) ||
	    napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
	    napi_create_async_work(env, NULL, to_text(env, "libbpf hold"), hold_execute,
				   hold_complete, job, &job->work) != napi_ok) {
		free_visit(job->visit);
		free(job);
		return NULL;
	}
	if (napi_queue_async_work(env, job->work) != napi_ok) {
		napi_delete_async_work(env, job->work);
		free_visit(job->visit);
		free(job);
		return throw_type(env, "cannot start a thread");
	}
	return promise;
}

void file_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "fileHold", file_hold);
}
