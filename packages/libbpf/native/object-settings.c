/* SPDX-License-Identifier: Apache-2.0 */
/* What is changed in an object between opening and loading. */
#include <errno.h>

#include "addon.h"
#include "libbpf-internals.h"
#include "log.h"
#include "object.h"

enum map_field {
	MAP_TYPE,
	MAP_KEY_SIZE,
	MAP_VALUE_SIZE,
	MAP_MAX_ENTRIES,
	MAP_FLAGS,
	MAP_AUTOCREATE,
};

/* objectSetMap(object, name, field, number) */
static napi_value object_set_map(napi_env env, napi_callback_info info)
{
	uint32_t field, number;
	struct bpf_map *map;

	ARGS(4);
	map = arg_map_of(env, args[0], args[1]);
	if (!map || !arg_u32(env, args[2], &field) || !arg_u32(env, args[3], &number))
		return NULL;
	log_begin();
	switch ((enum map_field)field) {
	case MAP_TYPE:
		return to_int(env, bpf_map__set_type(map, number));
	case MAP_KEY_SIZE:
		return to_int(env, bpf_map__set_key_size(map, number));
	case MAP_VALUE_SIZE:
		return to_int(env, bpf_map__set_value_size(map, number));
	case MAP_MAX_ENTRIES:
		return to_int(env, bpf_map__set_max_entries(map, number));
	case MAP_FLAGS:
		return to_int(env, bpf_map__set_map_flags(map, number));
	case MAP_AUTOCREATE:
		return to_int(env, bpf_map__set_autocreate(map, number != 0));
	}
	return to_int(env, -EINVAL);
}

static napi_value object_set_initial_value(napi_env env, napi_callback_info info)
{
	struct bytes value;
	struct bpf_map *map;

	ARGS(3);
	map = arg_map_of(env, args[0], args[1]);
	if (!map || !arg_bytes(env, args[2], &value))
		return NULL;
	log_begin();
	return to_int(env, bpf_map__set_initial_value(map, value.data, value.size));
}

static napi_value object_set_pin_path(napi_env env, napi_callback_info info)
{
	char path[MAX_PATH];
	struct bpf_map *map;
	bool none;

	ARGS(3);
	map = arg_map_of(env, args[0], args[1]);
	none = is_nullish(env, args[2]);
	if (!map || (!none && !arg_text(env, args[2], path, sizeof(path))))
		return NULL;
	return to_int(env, bpf_map__set_pin_path(map, none ? NULL : path));
}

/* objectReuseMap(object, name, map): the object's programs use that map instead of a new one. */
static napi_value object_reuse_map(napi_env env, napi_callback_info info)
{
	struct fd_handle *other;
	struct bpf_map *map;

	ARGS(3);
	map = arg_map_of(env, args[0], args[1]);
	other = map ? arg_fd(env, args[2]) : NULL;
	if (!other)
		return NULL;
	log_begin();
	return to_int(env, bpf_map__reuse_fd(map, other->fd));
}

/* objectSetInnerMap(object, name, map): the shape of the maps that a map of maps will hold. */
static napi_value object_set_inner_map(napi_env env, napi_callback_info info)
{
	struct fd_handle *inner;
	struct bpf_map *map;

	ARGS(3);
	map = arg_map_of(env, args[0], args[1]);
	inner = map ? arg_fd(env, args[2]) : NULL;
	if (!inner)
		return NULL;
	log_begin();
	return to_int(env, bpf_map__set_inner_map_fd(map, inner->fd));
}

static napi_value object_set_autoload(napi_env env, napi_callback_info info)
{
	struct bpf_program *program;
	bool autoload;

	ARGS(3);
	program = arg_program_of(env, args[0], args[1]);
	if (!program || !arg_bool(env, args[2], &autoload))
		return NULL;
	return to_int(env, bpf_program__set_autoload(program, autoload));
}

/* objectSetProgramType(object, name, type, expectedAttachType) */
static napi_value object_set_program_type(napi_env env, napi_callback_info info)
{
	struct bpf_program *program;
	uint32_t type, attach_type;
	int error;

	ARGS(4);
	program = arg_program_of(env, args[0], args[1]);
	if (!program || !arg_u32(env, args[2], &type) || !arg_u32(env, args[3], &attach_type))
		return NULL;
	log_begin();
	/* Setting the type forgets the section's definition, and with it "sleepable". */
	error = type == bpf_program__type(program) ? 0 : bpf_program__set_type(program, type);
	if (!error)
		error = bpf_program__set_expected_attach_type(program, attach_type);
	return to_int(env, error);
}

/* objectSetAttachTarget(object, name, function name | BTF id, module's BTF or program | null) */
static napi_value object_set_attach_target(napi_env env, napi_callback_info info)
{
	struct bpf_program *program;
	struct fd_handle *other = NULL;
	char name[MAX_NAME];
	napi_valuetype type;
	int id;

	ARGS(4);
	program = arg_program_of(env, args[0], args[1]);
	if (!program || (!is_nullish(env, args[3]) && !(other = arg_fd(env, args[3]))))
		return NULL;
	napi_typeof(env, args[2], &type);
	log_begin();
	if (type == napi_number) {
		if (!arg_int(env, args[2], &id))
			return NULL;
		program_set_attach_btf(program, id, other ? other->fd : 0);
		return to_int(env, 0);
	}
	if (!arg_text(env, args[2], name, sizeof(name)))
		return NULL;
	return to_int(env, bpf_program__set_attach_target(program, other ? other->fd : 0, name));
}

void object_settings_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "objectSetMap", object_set_map);
	export_function(env, exports, "objectSetInitialValue", object_set_initial_value);
	export_function(env, exports, "objectSetPinPath", object_set_pin_path);
	export_function(env, exports, "objectReuseMap", object_reuse_map);
	export_function(env, exports, "objectSetInnerMap", object_set_inner_map);
	export_function(env, exports, "objectSetAutoload", object_set_autoload);
	export_function(env, exports, "objectSetProgramType", object_set_program_type);
	export_function(env, exports, "objectSetAttachTarget", object_set_attach_target);
}
