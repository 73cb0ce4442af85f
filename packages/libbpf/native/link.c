/* SPDX-License-Identifier: Apache-2.0 */
/* Links made from a program's descriptor alone, so that a cloned or adopted program is attached in
 * the same way as one of an object. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "addon.h"
#include "handle.h"

/* linkTracing(program, attachType, cookie): to what the program was loaded for. */
static napi_value link_tracing(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	uint32_t attach_type;
	uint64_t cookie;

	ARGS(3);
	struct fd_handle *program = arg_fd(env, args[0]);

	if (!program || !arg_u32(env, args[1], &attach_type) || !arg_u64(env, args[2], &cookie))
		return NULL;
	/* Asked for only where wanted: kernels before 5.19 refuse the field. */
	if (cookie)
		options.tracing.cookie = cookie;
	/* Falls back to the older way by itself (kernels before 6.0). */
	return fd_wrap(env, bpf_link_create(program->fd, 0, attach_type, &options));
}

/* linkRawTracepoint(program, name, cookie) */
static napi_value link_raw_tracepoint(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_raw_tp_opts, options);
	char name[MAX_NAME];

	ARGS(3);
	struct fd_handle *program = arg_fd(env, args[0]);
	uint64_t cookie;

	if (!program || !arg_text(env, args[1], name, sizeof(name)) ||
	    !arg_u64(env, args[2], &cookie))
		return NULL;
	options.tp_name = name;
	options.cookie = cookie;
	return fd_wrap(env, bpf_raw_tracepoint_open_opts(program->fd, &options));
}

/* linkCgroup(program, cgroup directory's descriptor, attachType) */
static napi_value link_cgroup(napi_env env, napi_callback_info info)
{
	uint32_t attach_type;
	int cgroup;

	ARGS(3);
	struct fd_handle *program = arg_fd(env, args[0]);

	if (!program || !arg_int(env, args[1], &cgroup) || !arg_u32(env, args[2], &attach_type))
		return NULL;
	return fd_wrap(env, bpf_link_create(program->fd, cgroup, attach_type, NULL));
}

/* linkPerf(program, perf event, cookie): kprobes, uprobes and tracepoints. */
static napi_value link_perf(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	uint64_t cookie;
	int fd;

	ARGS(3);
	struct fd_handle *program = arg_fd(env, args[0]);
	struct fd_handle *event = program ? arg_fd(env, args[1]) : NULL;

	if (!event || !arg_u64(env, args[2], &cookie))
		return NULL;
	options.perf_event.bpf_cookie = cookie;
	fd = bpf_link_create(program->fd, event->fd, BPF_PERF_EVENT, &options);
	if (fd == -EINVAL && !cookie) {
		/* Before 5.15 there is no such link: the perf event itself holds the program. */
		if (ioctl(event->fd, PERF_EVENT_IOC_SET_BPF, program->fd))
			return to_int(env, -errno);
		fd = dup(event->fd);
		if (fd < 0)
			return to_int(env, -errno);
	}
	if (fd >= 0 && ioctl(event->fd, PERF_EVENT_IOC_ENABLE, 0)) {
		int error = -errno;

		close(fd);
		return to_int(env, error);
	}
	return fd_wrap(env, fd);
}

/* An array of strings as C wants it, in one allocation; NULL with *count 0 for null. */
static bool arg_texts(napi_env env, napi_value array, const char ***out, uint32_t *count)
{
	const char **list;
	char *text;

	*out = NULL;
	*count = 0;
	if (is_nullish(env, array))
		return true;
	if (napi_get_array_length(env, array, count) != napi_ok) {
		throw_type(env, "expected an array of strings");
		return false;
	}
	list = malloc(*count * (sizeof(*list) + MAX_NAME) + 1);
	if (!list) {
		throw_type(env, "out of memory");
		return false;
	}
	text = (char *)(list + *count);
	for (uint32_t i = 0; i < *count; i++, text += MAX_NAME) {
		napi_value element;

		if (napi_get_element(env, array, i, &element) != napi_ok ||
		    !arg_text(env, element, text, MAX_NAME)) {
			free(list);
			return false;
		}
		list[i] = text;
	}
	*out = list;
	return true;
}

/* linkKprobeMulti(program, symbols | null, addresses | null, cookies | null, flags) */
static napi_value link_kprobe_multi(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	const uint64_t *addresses, *cookies;
	size_t address_count, cookie_count, count;
	uint32_t symbol_count, flags;
	const char **symbols;
	int fd;

	ARGS(5);
	struct fd_handle *program = arg_fd(env, args[0]);

	if (!program || !arg_u64s(env, args[2], &addresses, &address_count) ||
	    !arg_u64s(env, args[3], &cookies, &cookie_count) || !arg_u32(env, args[4], &flags) ||
	    !arg_texts(env, args[1], &symbols, &symbol_count))
		return NULL;
	count = symbols ? symbol_count : address_count;
	if (!count || (cookies && cookie_count != count)) {
		free(symbols);
		return throw_type(env, "expected as many cookies as functions, and at least one");
	}
	options.kprobe_multi.flags = flags;
	options.kprobe_multi.cnt = count;
	options.kprobe_multi.syms = symbols;
	options.kprobe_multi.addrs = symbols ? NULL : (const unsigned long *)addresses;
	options.kprobe_multi.cookies = (const __u64 *)cookies;
	fd = bpf_link_create(program->fd, 0, BPF_TRACE_KPROBE_MULTI, &options);
	free(symbols);
	return fd_wrap(env, fd);
}

/* linkUprobeMulti(program, path, offsets, reference counters | null, cookies | null, pid, flags) */
static napi_value link_uprobe_multi(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	const uint64_t *offsets, *counters, *cookies;
	size_t count, counter_count, cookie_count;
	uint32_t pid, flags;
	char path[MAX_PATH];

	ARGS(7);
	struct fd_handle *program = arg_fd(env, args[0]);

	if (!program || !arg_text(env, args[1], path, sizeof(path)) ||
	    !arg_u64s(env, args[2], &offsets, &count) ||
	    !arg_u64s(env, args[3], &counters, &counter_count) ||
	    !arg_u64s(env, args[4], &cookies, &cookie_count) || !arg_u32(env, args[5], &pid) ||
	    !arg_u32(env, args[6], &flags))
		return NULL;
	if (!count || (counters && counter_count != count) || (cookies && cookie_count != count))
		return throw_type(env,
				  "expected as many counters and cookies as offsets, at least one");
	options.uprobe_multi.path = path;
	options.uprobe_multi.offsets = (const unsigned long *)offsets;
	options.uprobe_multi.ref_ctr_offsets = (const unsigned long *)counters;
	options.uprobe_multi.cookies = (const __u64 *)cookies;
	options.uprobe_multi.cnt = count;
	options.uprobe_multi.pid = pid;
	options.uprobe_multi.flags = flags;
	return fd_wrap(env, bpf_link_create(program->fd, 0, BPF_TRACE_UPROBE_MULTI, &options));
}

/* linkIterator(program, map | null, tid, pid): over a map's elements, or tasks (0: all). */
static napi_value link_iterator(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	union bpf_iter_link_info target = {};
	struct fd_handle *map = NULL;
	uint32_t tid, pid;

	ARGS(4);
	struct fd_handle *program = arg_fd(env, args[0]);

	if (!program || (!is_nullish(env, args[1]) && !(map = arg_fd(env, args[1]))) ||
	    !arg_u32(env, args[2], &tid) || !arg_u32(env, args[3], &pid))
		return NULL;
	if (map) {
		target.map.map_fd = map->fd;
	} else {
		target.task.tid = tid;
		target.task.pid = pid;
	}
	/* Kernels before 6.1 know no choice of tasks and refuse the bytes. */
	if (map || tid || pid) {
		options.iter_info = &target;
		options.iter_info_len = sizeof(target);
	}
	return fd_wrap(env, bpf_link_create(program->fd, 0, BPF_TRACE_ITER, &options));
}

static napi_value iterator_create(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *link = arg_fd(env, args[0]);

	return link ? fd_wrap(env, bpf_iter_create(link->fd)) : NULL;
}

/* iteratorRead(iterator, bytes to fill): how many were; 0 at the end. */
static napi_value iterator_read(napi_env env, napi_callback_info info)
{
	struct bytes bytes;
	ssize_t size;

	ARGS(2);
	struct fd_handle *iterator = arg_fd(env, args[0]);

	if (!iterator || !arg_bytes(env, args[1], &bytes))
		return NULL;
	/* EAGAIN: the program had much to skip; it goes on where it was. */
	do
		size = read(iterator->fd, bytes.data, bytes.size);
	while (size < 0 && (errno == EAGAIN || errno == EINTR));
	return to_int(env, size < 0 ? -errno : size);
}

/* linkUpdate(link, program): possible for some kinds (cgroup), not for tracing or LSM. */
static napi_value link_update(napi_env env, napi_callback_info info)
{
	ARGS(2);
	struct fd_handle *link = arg_fd(env, args[0]);
	struct fd_handle *program = link ? arg_fd(env, args[1]) : NULL;

	return program ? to_int(env, bpf_link_update(link->fd, program->fd, NULL)) : NULL;
}

static napi_value link_detach(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *link = arg_fd(env, args[0]);

	return link ? to_int(env, bpf_link_detach(link->fd)) : NULL;
}

static void set_target(napi_env env, napi_value result, const struct bpf_link_info *link)
{
	switch (link->type) {
	case BPF_LINK_TYPE_TRACING:
		set(env, result, "attachType", to_int(env, link->tracing.attach_type));
		set(env, result, "targetBtfObjectId", to_int(env, link->tracing.target_obj_id));
		set(env, result, "targetBtfId", to_int(env, link->tracing.target_btf_id));
		break;
	case BPF_LINK_TYPE_CGROUP:
		set(env, result, "attachType", to_int(env, link->cgroup.attach_type));
		set(env, result, "cgroupId", to_bigint(env, link->cgroup.cgroup_id));
		break;
	case BPF_LINK_TYPE_KPROBE_MULTI:
		set(env, result, "functionCount", to_int(env, link->kprobe_multi.count));
		set(env, result, "missed", to_bigint(env, link->kprobe_multi.missed));
		break;
	case BPF_LINK_TYPE_PERF_EVENT:
		set(env, result, "perfType", to_int(env, link->perf_event.type));
		if (link->perf_event.type == BPF_PERF_EVENT_KPROBE ||
		    link->perf_event.type == BPF_PERF_EVENT_KRETPROBE)
			set(env, result, "missed", to_bigint(env, link->perf_event.kprobe.missed));
		break;
	default:
		break;
	}
}

static napi_value link_info(napi_env env, napi_callback_info info)
{
	struct bpf_link_info link = {};
	uint32_t size = sizeof(link);
	char tracepoint[MAX_NAME] = "";
	napi_value result;
	int error;

	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	if (!handle)
		return NULL;
	error = bpf_link_get_info_by_fd(handle->fd, &link, &size);
	if (error)
		return to_int(env, error);
	if (link.type == BPF_LINK_TYPE_RAW_TRACEPOINT) {
		memset(&link, 0, sizeof(link));
		link.raw_tracepoint.tp_name = (uintptr_t)tracepoint;
		link.raw_tracepoint.tp_name_len = sizeof(tracepoint);
		size = sizeof(link);
		error = bpf_link_get_info_by_fd(handle->fd, &link, &size);
		if (error)
			return to_int(env, error);
	}
	result = to_object(env);
	set(env, result, "id", to_int(env, link.id));
	set(env, result, "type", to_int(env, link.type));
	set(env, result, "programId", to_int(env, link.prog_id));
	if (tracepoint[0])
		set(env, result, "tracepoint", to_text(env, tracepoint));
	set_target(env, result, &link);
	return result;
}

void link_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "linkTracing", link_tracing);
	export_function(env, exports, "linkRawTracepoint", link_raw_tracepoint);
	export_function(env, exports, "linkCgroup", link_cgroup);
	export_function(env, exports, "linkPerf", link_perf);
	export_function(env, exports, "linkKprobeMulti", link_kprobe_multi);
	export_function(env, exports, "linkUprobeMulti", link_uprobe_multi);
	export_function(env, exports, "linkIterator", link_iterator);
	export_function(env, exports, "iteratorCreate", iterator_create);
	export_function(env, exports, "iteratorRead", iterator_read);
	export_function(env, exports, "linkUpdate", link_update);
	export_function(env, exports, "linkDetach", link_detach);
	export_function(env, exports, "linkInfo", link_info);
}
