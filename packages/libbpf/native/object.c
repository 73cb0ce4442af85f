/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "addon.h"
#include "candidates.h"
#include "libbpf-internals.h"
#include "log.h"

static void close_object(struct object_handle *handle)
{
	bpf_object__close(handle->object);
	free(handle->elf);
	handle->object = NULL;
	handle->elf = NULL;
}

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	close_object(data);
	free(data);
}

static struct object_handle *arg_handle(napi_env env, napi_value value)
{
	napi_valuetype type;
	void *data;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
	    napi_get_value_external(env, value, &data) != napi_ok ||
	    ((struct object_handle *)data)->kind != HANDLE_OBJECT) {
		throw_type(env, "expected an object's handle");
		return NULL;
	}
	return data;
}

struct bpf_object *arg_object(napi_env env, napi_value value)
{
	struct object_handle *handle = arg_handle(env, value);

	if (handle && !handle->object)
		throw_type(env, "the object is closed");
	return handle ? handle->object : NULL;
}

struct bpf_map *arg_map_of(napi_env env, napi_value value, napi_value text)
{
	struct bpf_object *object = arg_object(env, value);
	struct bpf_map *map;
	char name[MAX_NAME];

	if (!object || !arg_text(env, text, name, sizeof(name)))
		return NULL;
	map = bpf_object__find_map_by_name(object, name);
	if (!map)
		throw_type(env, "the object has no such map");
	return map;
}

struct bpf_program *arg_program_of(napi_env env, napi_value value, napi_value text)
{
	struct bpf_object *object = arg_object(env, value);
	struct bpf_program *program;
	char name[MAX_NAME];

	if (!object || !arg_text(env, text, name, sizeof(name)))
		return NULL;
	program = bpf_object__find_program_by_name(object, name);
	if (!program)
		throw_type(env, "the object has no such program");
	return program;
}

/* objectOpen(bytes, name, pinRoot | null): parses, touches no kernel. */
static napi_value object_open(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct object_handle *handle;
	char name[MAX_NAME], pin_root[MAX_PATH];
	struct bytes elf;
	napi_value result;
	int error;

	ARGS(3);
	if (!arg_bytes(env, args[0], &elf) || !arg_text(env, args[1], name, sizeof(name)))
		return NULL;
	if (!is_nullish(env, args[2])) {
		if (!arg_text(env, args[2], pin_root, sizeof(pin_root)))
			return NULL;
		options.pin_root_path = pin_root;
	}
	options.object_name = name;
	handle = calloc(1, sizeof(*handle));
	if (handle)
		handle->elf = malloc(elf.size ? elf.size : 1);
	if (!handle || !handle->elf) {
		free(handle);
		return to_int(env, -ENOMEM);
	}
	memcpy(handle->elf, elf.data, elf.size);
	handle->kind = HANDLE_OBJECT;
	log_begin();
	handle->object = bpf_object__open_mem(handle->elf, elf.size, &options);
	error = -errno;
	if (!handle->object) {
		finalize(env, handle, NULL);
		return to_int(env, error);
	}
	if (napi_create_external(env, handle, finalize, NULL, &result) != napi_ok) {
		finalize(env, handle, NULL);
		return NULL;
	}
	return result;
}

static napi_value object_load(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct bpf_object *object = arg_object(env, args[0]);
	int result;

	if (!object)
		return NULL;
	log_begin();
	result = bpf_object__load(object);
	forget_candidates();
	return to_int(env, result);
}

static napi_value object_close(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct object_handle *handle = arg_handle(env, args[0]);

	if (handle)
		close_object(handle);
	return NULL;
}

static napi_value describe_map(napi_env env, const struct bpf_map *map)
{
	napi_value result = to_object(env);
	size_t size = 0;
	const void *initial = bpf_map__initial_value(map, &size);

	set(env, result, "name", to_text(env, bpf_map__name(map)));
	set(env, result, "section", to_text(env, map_section(map)));
	set(env, result, "type", to_int(env, bpf_map__type(map)));
	set(env, result, "keySize", to_int(env, bpf_map__key_size(map)));
	set(env, result, "valueSize", to_int(env, bpf_map__value_size(map)));
	set(env, result, "maxEntries", to_int(env, bpf_map__max_entries(map)));
	set(env, result, "flags", to_int(env, bpf_map__map_flags(map)));
	set(env, result, "autocreate", to_bool(env, bpf_map__autocreate(map)));
	set(env, result, "pinPath", to_text(env, bpf_map__pin_path(map)));
	set(env, result, "initialValue",
	    initial ? to_buffer(env, initial, size) : to_text(env, NULL));
	return result;
}

static napi_value describe_program(napi_env env, const struct bpf_program *program)
{
	napi_value result = to_object(env);

	set(env, result, "name", to_text(env, bpf_program__name(program)));
	set(env, result, "section", to_text(env, bpf_program__section_name(program)));
	set(env, result, "type", to_int(env, bpf_program__type(program)));
	set(env, result, "expectedAttachType",
	    to_int(env, bpf_program__expected_attach_type(program)));
	set(env, result, "autoload", to_bool(env, bpf_program__autoload(program)));
	set(env, result, "instructions", to_int(env, bpf_program__insn_cnt(program)));
	return result;
}

/* objectDescribe(object): { maps, programs, btf } as the ELF file declares them. The offsets of
 * global variables are right in libbpf's copy of the types only: clang leaves them zero. */
static napi_value object_describe(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct bpf_object *object = arg_object(env, args[0]);
	napi_value result, maps, programs;
	struct bpf_map *map;
	struct bpf_program *program;
	uint32_t at = 0, btf_size = 0;
	const void *btf = NULL;

	if (!object)
		return NULL;
	if (bpf_object__btf(object))
		btf = btf__raw_data(bpf_object__btf(object), &btf_size);
	result = to_object(env);
	napi_create_array(env, &maps);
	napi_create_array(env, &programs);
	bpf_object__for_each_map(map, object)
		napi_set_element(env, maps, at++, describe_map(env, map));
	at = 0;
	bpf_object__for_each_program(program, object)
		napi_set_element(env, programs, at++, describe_program(env, program));
	set(env, result, "maps", maps);
	set(env, result, "programs", programs);
	set(env, result, "btf", btf ? to_buffer(env, btf, btf_size) : to_text(env, NULL));
	return result;
}

static int duplicate(int fd)
{
	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* objectMap(object, name): a handle of its own, which outlives the object. */
static napi_value object_map(napi_env env, napi_callback_info info)
{
	ARGS(2);
	struct bpf_map *map = arg_map_of(env, args[0], args[1]);

	return map ? fd_wrap_map(env, duplicate(bpf_map__fd(map))) : NULL;
}

static napi_value object_program(napi_env env, napi_callback_info info)
{
	ARGS(2);
	struct bpf_program *program = arg_program_of(env, args[0], args[1]);

	return program ? fd_wrap(env, duplicate(bpf_program__fd(program))) : NULL;
}

void object_register(napi_env env, napi_value exports)
{
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	export_function(env, exports, "objectOpen", object_open);
	export_function(env, exports, "objectLoad", object_load);
	export_function(env, exports, "objectClose", object_close);
	export_function(env, exports, "objectDescribe", object_describe);
	export_function(env, exports, "objectMap", object_map);
	export_function(env, exports, "objectProgram", object_program);
}
