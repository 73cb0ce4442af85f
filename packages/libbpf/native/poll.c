/* SPDX-License-Identifier: Apache-2.0 */
/* Calls JavaScript when a descriptor becomes readable: once a wake-up, from the thread's own event
 * loop. libuv comes with node itself, whose exported symbols follow libuv 1.x's stable ABI; no
 * header of it is published by itself, so the few functions are declared here and its handle stays
 * opaque, of the size that libuv says. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "addon.h"
#include "handle.h"

typedef struct uv_handle_s uv_handle_t;
typedef struct uv_loop_s uv_loop_t;
enum { UV_POLL = 8, UV_READABLE = 1 };

extern size_t uv_handle_size(int type);
extern int uv_poll_init(uv_loop_t *loop, uv_handle_t *handle, int fd);
extern int uv_poll_start(uv_handle_t *handle, int events,
			 void (*callback)(uv_handle_t *handle, int status, int events));
extern int uv_poll_stop(uv_handle_t *handle);
extern void uv_close(uv_handle_t *handle, void (*callback)(uv_handle_t *handle));
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);

/* Freed when both JavaScript's external value and the loop have let go of it. */
struct poll_handle {
	uint32_t kind;
	int holders;
	bool closing;
	int fd;
	napi_env env;
	napi_ref callback;
	napi_async_cleanup_hook_handle cleanup;
	uv_handle_t *uv;
};

static void release(struct poll_handle *poll)
{
	if (--poll->holders)
		return;
	free(poll->uv);
	free(poll);
}

static void on_closed(uv_handle_t *handle)
{
	struct poll_handle *poll = uv_handle_get_data(handle);

	close(poll->fd);
	napi_remove_async_cleanup_hook(poll->cleanup);
	release(poll);
}

static void stop(struct poll_handle *poll)
{
	if (poll->closing)
		return;
	poll->closing = true;
	napi_delete_reference(poll->env, poll->callback);
	uv_poll_stop(poll->uv);
	uv_close(poll->uv, on_closed);
}

/* The thread ends: its loop runs until every handle is closed. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	(void)hook;
	stop(data);
}

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	stop(data);
	release(data);
}

static void on_readable(uv_handle_t *handle, int status, int events)
{
	struct poll_handle *poll = uv_handle_get_data(handle);
	napi_env env = poll->env;
	napi_handle_scope scope;
	napi_value callback, global, argument, error;
	bool pending = false;

	(void)events;
	if (poll->closing || napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	argument = to_int(env, status);
	/* On an error libuv would report it again and again. */
	if (status < 0)
		uv_poll_stop(poll->uv);
	if (napi_get_reference_value(env, poll->callback, &callback) == napi_ok &&
	    napi_get_global(env, &global) == napi_ok)
		napi_make_callback(env, NULL, global, callback, 1, &argument, NULL);
	napi_is_exception_pending(env, &pending);
	if (pending && napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
	napi_close_handle_scope(env, scope);
}

static struct poll_handle *arg_poll(napi_env env, napi_value value)
{
	napi_valuetype type;
	void *data;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
	    napi_get_value_external(env, value, &data) != napi_ok ||
	    ((struct poll_handle *)data)->kind != HANDLE_POLL) {
		throw_type(env, "expected a poll handle");
		return NULL;
	}
	return data;
}

static int start(struct poll_handle *poll, napi_value callback)
{
	napi_env env = poll->env;
	struct uv_loop_s *loop;
	int error;

	if (napi_get_uv_event_loop(env, &loop) != napi_ok)
		return -ENOTSUP;
	poll->uv = calloc(1, uv_handle_size(UV_POLL));
	if (!poll->uv)
		return -ENOMEM;
	error = uv_poll_init(loop, poll->uv, poll->fd);
	if (error)
		return error;
	/* From here on the loop holds it too, and only on_closed ends that. */
	poll->holders++;
	uv_handle_set_data(poll->uv, poll);
	napi_create_reference(env, callback, 1, &poll->callback);
	napi_add_async_cleanup_hook(env, on_cleanup, poll, &poll->cleanup);
	error = uv_poll_start(poll->uv, UV_READABLE, on_readable);
	if (error)
		stop(poll);
	return error;
}

/* pollStart(map, callback): the callback gets 0, or a negated errno once, after which it ends. */
static napi_value poll_start(napi_env env, napi_callback_info info)
{
	struct poll_handle *poll;
	napi_valuetype type;
	napi_value result;
	int error;

	ARGS(2);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map)
		return NULL;
	napi_typeof(env, args[1], &type);
	if (type != napi_function)
		return throw_type(env, "expected a function");
	poll = calloc(1, sizeof(*poll));
	if (!poll)
		return to_int(env, -ENOMEM);
	poll->kind = HANDLE_POLL;
	poll->env = env;
	poll->holders = 1;
	/* libuv allows one poll handle a descriptor. */
	poll->fd = fcntl(map->fd, F_DUPFD_CLOEXEC, 3);
	error = poll->fd < 0 ? -errno : start(poll, args[1]);
	if (error) {
		if (poll->holders == 1 && poll->fd >= 0)
			close(poll->fd);
		release(poll);
		return to_int(env, error);
	}
	if (napi_create_external(env, poll, finalize, NULL, &result) != napi_ok) {
		finalize(env, poll, NULL);
		return NULL;
	}
	return result;
}

static napi_value poll_stop(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct poll_handle *poll = arg_poll(env, args[0]);

	if (poll)
		stop(poll);
	return NULL;
}

/* pollKeepAlive(poll, whether): does it keep the process running? */
static napi_value poll_keep_alive(napi_env env, napi_callback_info info)
{
	bool keep;

	ARGS(2);
	struct poll_handle *poll = arg_poll(env, args[0]);

	if (!poll || !arg_bool(env, args[1], &keep) || poll->closing)
		return NULL;
	if (keep)
		uv_ref(poll->uv);
	else
		uv_unref(poll->uv);
	return NULL;
}

/* pollListen(poll, whether): does it call back? */
static napi_value poll_listen(napi_env env, napi_callback_info info)
{
	bool listen;

	ARGS(2);
	struct poll_handle *poll = arg_poll(env, args[0]);

	if (!poll || !arg_bool(env, args[1], &listen) || poll->closing)
		return NULL;
	return to_int(env, listen ? uv_poll_start(poll->uv, UV_READABLE, on_readable) :
				    uv_poll_stop(poll->uv));
}

void poll_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "pollStart", poll_start);
	export_function(env, exports, "pollStop", poll_stop);
	export_function(env, exports, "pollListen", poll_listen);
	export_function(env, exports, "pollKeepAlive", poll_keep_alive);
}
