/* SPDX-License-Identifier: Apache-2.0 */
/* Holds on to a file without opening it (O_PATH). Node has no openat2(2), which alone can look a path up
 * below another root. On a thread of the pool: a file system may take its time, or never answer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "handle.h"

struct hold_work {
	napi_async_work work;
	napi_deferred deferred;
	char root[MAX_PATH], path[MAX_PATH];
	int fd;
};

/* Links lead to where they lead below the root; those of /proc, which lead anywhere, are refused. */
static int hold(const char *root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int below = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat status;

	if (below < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, below, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(below);
	if (fd >= 0 && (fstat(fd, &status) || !S_ISREG(status.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static void hold_execute(napi_env env, void *data)
{
	struct hold_work *job = data;

	(void)env;
	job->fd = hold(job->root, job->path);
}

static void hold_complete(napi_env env, napi_status status, void *data)
{
	struct hold_work *job = data;

	/* Fails harmlessly where the thread is ending: nobody waits there any more. */
	napi_resolve_deferred(env, job->deferred,
			      fd_wrap(env, status == napi_cancelled ? -ECANCELED : job->fd));
	napi_delete_async_work(env, job->work);
	free(job);
}

/* fileHold(root, path): promises a handle of the regular file; -EINVAL where it is something else. */
static napi_value file_hold(napi_env env, napi_callback_info info)
{
	struct hold_work *job;
	napi_value promise;

	ARGS(2);
	job = calloc(1, sizeof(*job));
	if (!job)
		return throw_type(env, "out of memory");
	if (!arg_text(env, args[0], job->root, sizeof(job->root)) ||
	    !arg_text(env, args[1], job->path, sizeof(job->path)) ||
	    napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
	    napi_create_async_work(env, NULL, to_text(env, "libbpf hold"), hold_execute,
				   hold_complete, job, &job->work) != napi_ok) {
		free(job);
		return NULL;
	}
	if (napi_queue_async_work(env, job->work) != napi_ok) {
		napi_delete_async_work(env, job->work);
		free(job);
		return throw_type(env, "cannot start a thread");
	}
	return promise;
}

void file_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "fileHold", file_hold);
}
