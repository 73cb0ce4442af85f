/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "addon.h"
#include "handle.h"

static napi_value program_info(napi_env env, napi_callback_info info)
{
	struct bpf_prog_info program = {};
	uint32_t size = sizeof(program);
	napi_value result;
	char tag[2 * BPF_TAG_SIZE + 1];
	int error;

	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	if (!handle)
		return NULL;
	error = bpf_prog_get_info_by_fd(handle->fd, &program, &size);
	if (error)
		return to_int(env, error);
	for (int i = 0; i < BPF_TAG_SIZE; i++) {
		tag[2 * i] = "0123456789abcdef"[program.tag[i] >> 4];
		tag[2 * i + 1] = "0123456789abcdef"[program.tag[i] & 15];
	}
	tag[2 * BPF_TAG_SIZE] = 0;
	result = to_object(env);
	set(env, result, "id", to_int(env, program.id));
	set(env, result, "type", to_int(env, program.type));
	set(env, result, "name", to_text(env, program.name));
	set(env, result, "tag", to_text(env, tag));
	set(env, result, "translatedBytes", to_int(env, program.xlated_prog_len));
	set(env, result, "jitedBytes", to_int(env, program.jited_prog_len));
	set(env, result, "verifiedInstructions", to_int(env, program.verified_insns));
	set(env, result, "mapCount", to_int(env, program.nr_map_ids));
	set(env, result, "btfId", to_int(env, program.btf_id));
	set(env, result, "attachBtfObjectId", to_int(env, program.attach_btf_obj_id));
	set(env, result, "attachBtfId", to_int(env, program.attach_btf_id));
	set(env, result, "loadTimeNs", to_bigint(env, program.load_time));
	set(env, result, "createdByUid", to_int(env, program.created_by_uid));
	set(env, result, "runCount", to_bigint(env, program.run_cnt));
	set(env, result, "runTimeNs", to_bigint(env, program.run_time_ns));
	set(env, result, "recursionMisses", to_bigint(env, program.recursion_misses));
	return result;
}

/* programMapIds(program): ids of the maps it uses. */
static napi_value program_map_ids(napi_env env, napi_callback_info info)
{
	struct bpf_prog_info program = {};
	uint32_t size = sizeof(program), count;
	uint32_t ids[64]; /* as many as the kernel lets a program use */
	napi_value result;
	int error;

	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	if (!handle)
		return NULL;
	program.nr_map_ids = count = sizeof(ids) / sizeof(*ids);
	program.map_ids = (uintptr_t)ids;
	error = bpf_prog_get_info_by_fd(handle->fd, &program, &size);
	if (error)
		return to_int(env, error);
	if (program.nr_map_ids < count)
		count = program.nr_map_ids;
	napi_create_array(env, &result);
	for (uint32_t i = 0; i < count; i++)
		napi_set_element(env, result, i, to_int(env, ids[i]));
	return result;
}

/* programTestRun(program, context | null, data | null, outBytes, repeat, flags, cpu) */
static napi_value program_test_run(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct bytes context, data;
	struct fd_handle *handle;
	uint32_t out_bytes, repeat, flags, cpu;
	napi_value result;
	void *out;
	int error;

	ARGS(7);
	handle = arg_fd(env, args[0]);
	if (!handle || !arg_bytes(env, args[1], &context) || !arg_bytes(env, args[2], &data) ||
	    !arg_u32(env, args[3], &out_bytes) || !arg_u32(env, args[4], &repeat) ||
	    !arg_u32(env, args[5], &flags) || !arg_u32(env, args[6], &cpu))
		return NULL;
	out = calloc(1, out_bytes ? out_bytes : 1);
	if (!out)
		return to_int(env, -ENOMEM);
	options.ctx_in = context.data;
	options.ctx_size_in = context.size;
	options.data_in = data.data;
	options.data_size_in = data.size;
	options.data_out = out_bytes ? out : NULL;
	options.data_size_out = out_bytes;
	options.repeat = repeat;
	options.flags = flags;
	options.cpu = cpu;
	error = bpf_prog_test_run_opts(handle->fd, &options);
	if (error) {
		free(out);
		return to_int(env, error);
	}
	result = to_object(env);
	set(env, result, "returnValue", to_int(env, options.retval));
	set(env, result, "durationNs", to_int(env, options.duration));
	set(env, result, "data",
	    to_buffer(env, out,
		      options.data_size_out < out_bytes ? options.data_size_out : out_bytes));
	free(out);
	return result;
}

static napi_value pin(napi_env env, napi_callback_info info)
{
	struct fd_handle *handle;
	char path[MAX_PATH];

	ARGS(2);
	handle = arg_fd(env, args[0]);
	if (!handle || !arg_text(env, args[1], path, sizeof(path)))
		return NULL;
	return to_int(env, bpf_obj_pin(handle->fd, path));
}

/* Whether the descriptor is of that kind ("map", "prog", "link"): the kernel answers questions on a
 * link that were asked about a map, with other numbers. */
static bool is_kind(int fd, const char *kind)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return true; /* no /proc: it can't be told */
	return strstr(target, kind) != NULL;
}

/* objGet(path, kind): opens what is pinned there; -EBADF where it is of another kind. */
static napi_value obj_get(napi_env env, napi_callback_info info)
{
	char path[MAX_PATH], kind[8];
	int fd;

	ARGS(2);
	if (!arg_text(env, args[0], path, sizeof(path)) ||
	    !arg_text(env, args[1], kind, sizeof(kind)))
		return NULL;
	fd = bpf_obj_get(path);
	if (fd >= 0 && !is_kind(fd, kind)) {
		close(fd);
		return to_int(env, -EBADF);
	}
	return strcmp(kind, "map") ? fd_wrap(env, fd) : fd_wrap_map(env, fd);
}

enum id_space { ID_PROGRAM, ID_MAP, ID_LINK, ID_BTF };

/* fdById(space, id) */
static napi_value fd_by_id(napi_env env, napi_callback_info info)
{
	uint32_t space, id;

	ARGS(2);
	if (!arg_u32(env, args[0], &space) || !arg_u32(env, args[1], &id))
		return NULL;
	switch ((enum id_space)space) {
	case ID_PROGRAM:
		return fd_wrap(env, bpf_prog_get_fd_by_id(id));
	case ID_MAP:
		return fd_wrap_map(env, bpf_map_get_fd_by_id(id));
	case ID_LINK:
		return fd_wrap(env, bpf_link_get_fd_by_id(id));
	case ID_BTF:
		return fd_wrap(env, bpf_btf_get_fd_by_id(id));
	}
	return to_int(env, -EINVAL);
}

/* nextId(space, id): the next one's id, or -ENOENT after the last. */
static napi_value next_id(napi_env env, napi_callback_info info)
{
	uint32_t space, id, next = 0;
	int error = -EINVAL;

	ARGS(2);
	if (!arg_u32(env, args[0], &space) || !arg_u32(env, args[1], &id))
		return NULL;
	switch ((enum id_space)space) {
	case ID_PROGRAM:
		error = bpf_prog_get_next_id(id, &next);
		break;
	case ID_MAP:
		error = bpf_map_get_next_id(id, &next);
		break;
	case ID_LINK:
		error = bpf_link_get_next_id(id, &next);
		break;
	case ID_BTF:
		error = bpf_btf_get_next_id(id, &next);
		break;
	}
	return to_int(env, error ? error : (int64_t)next);
}

/* btfName(btf): the module whose types they are ("vmlinux" for the kernel's own). */
static napi_value btf_name(napi_env env, napi_callback_info info)
{
	struct bpf_btf_info btf = {};
	uint32_t size = sizeof(btf);
	char name[MAX_NAME] = "";
	int error;

	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	if (!handle)
		return NULL;
	btf.name = (uintptr_t)name;
	btf.name_len = sizeof(name);
	error = bpf_btf_get_info_by_fd(handle->fd, &btf, &size);
	return error ? to_int(env, error) : to_text(env, name);
}

void program_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "programInfo", program_info);
	export_function(env, exports, "programMapIds", program_map_ids);
	export_function(env, exports, "programTestRun", program_test_run);
	export_function(env, exports, "pin", pin);
	export_function(env, exports, "objGet", obj_get);
	export_function(env, exports, "fdById", fd_by_id);
	export_function(env, exports, "nextId", next_id);
	export_function(env, exports, "btfName", btf_name);
}
