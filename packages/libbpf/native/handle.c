/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

static void finalize(napi_env env, void *data, void *hint)
{
	struct fd_handle *handle = data;

	(void)env;
	(void)hint;
	if (handle->fd >= 0)
		close(handle->fd);
	free(handle);
}

static napi_value wrap(napi_env env, int fd, uint32_t key_size, uint32_t value_size)
{
	struct fd_handle *handle;
	napi_value result;

	if (fd < 0)
		return to_int(env, fd);
	handle = calloc(1, sizeof(*handle));
	if (!handle) {
		close(fd);
		return to_int(env, -ENOMEM);
	}
	*handle = (struct fd_handle){ HANDLE_FD, fd, key_size, value_size };
	if (napi_create_external(env, handle, finalize, NULL, &result) != napi_ok) {
		finalize(env, handle, NULL);
		return NULL;
	}
	return result;
}

napi_value fd_wrap(napi_env env, int fd)
{
	return wrap(env, fd, 0, 0);
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

napi_value fd_wrap_map(napi_env env, int fd)
{
	struct bpf_map_info map = {};
	uint32_t size = sizeof(map), value_size;
	int error;

	if (fd < 0)
		return to_int(env, fd);
	error = bpf_map_get_info_by_fd(fd, &map, &size);
	if (error) {
		close(fd);
		return to_int(env, error);
	}
	value_size = map.value_size;
	if (is_per_cpu(map.type))
		value_size = ((value_size + 7) & ~7u) * libbpf_num_possible_cpus();
	return wrap(env, fd, map.key_size, value_size);
}

struct fd_handle *arg_fd(napi_env env, napi_value value)
{
	napi_valuetype type;
	void *data;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
	    napi_get_value_external(env, value, &data) != napi_ok ||
	    ((struct fd_handle *)data)->kind != HANDLE_FD) {
		throw_type(env, "expected a handle");
		return NULL;
	}
	if (((struct fd_handle *)data)->fd < 0) {
		throw_type(env, "the handle is closed");
		return NULL;
	}
	return data;
}

static napi_value fd_number(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	return handle ? to_int(env, handle->fd) : NULL;
}

static napi_value fd_duplicate(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);
	int fd;

	if (!handle)
		return NULL;
	fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 3);
	return wrap(env, fd < 0 ? -errno : fd, handle->key_size, handle->value_size);
}

static napi_value fd_close(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);
	int fd;

	if (!handle)
		return NULL;
	fd = handle->fd;
	handle->fd = -1;
	return to_int(env, close(fd) ? -errno : 0);
}

/* Closing the last reference of a link detaches it, for which the kernel waits for all CPUs: tens
 * of milliseconds, so it is offered on a thread of the pool. */
struct close_work {
	napi_async_work work;
	napi_deferred deferred;
	int fd, result;
};

static void close_execute(napi_env env, void *data)
{
	struct close_work *job = data;

	(void)env;
	job->result = close(job->fd) ? -errno : 0;
}

static void close_complete(napi_env env, napi_status status, void *data)
{
	struct close_work *job = data;

	if (status == napi_cancelled)
		close_execute(env, job);
	/* Fails harmlessly where the thread is ending: nobody waits there any more. */
	napi_resolve_deferred(env, job->deferred, to_int(env, job->result));
	napi_delete_async_work(env, job->work);
	free(job);
}

static napi_value fd_close_async(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);
	struct close_work *job;
	napi_value promise;

	if (!handle)
		return NULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return throw_type(env, "out of memory");
	job->fd = handle->fd;
	if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
	    napi_create_async_work(env, NULL, to_text(env, "libbpf close"), close_execute,
				   close_complete, job, &job->work) != napi_ok) {
		free(job);
		return NULL;
	}
	if (napi_queue_async_work(env, job->work) != napi_ok) {
		napi_delete_async_work(env, job->work);
		free(job);
		return throw_type(env, "cannot start a thread");
	}
	handle->fd = -1;
	return promise;
}

void fd_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "fdNumber", fd_number);
	export_function(env, exports, "fdDuplicate", fd_duplicate);
	export_function(env, exports, "fdClose", fd_close);
	export_function(env, exports, "fdCloseAsync", fd_close_async);
}
