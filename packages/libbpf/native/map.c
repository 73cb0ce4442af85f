/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"
#include "handle.h"

/* mapCreate(type, name, keySize, valueSize, maxEntries, flags, inner map | null) */
static napi_value map_create(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	uint32_t type, key_size, value_size, max_entries, flags;
	struct fd_handle *inner = NULL;
	char name[MAX_NAME];

	ARGS(7);
	if (!arg_u32(env, args[0], &type) || !arg_text(env, args[1], name, sizeof(name)) ||
	    !arg_u32(env, args[2], &key_size) || !arg_u32(env, args[3], &value_size) ||
	    !arg_u32(env, args[4], &max_entries) || !arg_u32(env, args[5], &flags) ||
	    (!is_nullish(env, args[6]) && !(inner = arg_fd(env, args[6]))))
		return NULL;
	options.map_flags = flags;
	options.inner_map_fd = inner ? inner->fd : 0;
	return fd_wrap_map(env,
			   bpf_map_create(type, name, key_size, value_size, max_entries, &options));
}

static napi_value map_info(napi_env env, napi_callback_info info)
{
	struct bpf_map_info map = {};
	uint32_t size = sizeof(map);
	napi_value result;
	int error;

	ARGS(1);
	struct fd_handle *handle = arg_fd(env, args[0]);

	if (!handle)
		return NULL;
	error = bpf_map_get_info_by_fd(handle->fd, &map, &size);
	if (error)
		return to_int(env, error);
	result = to_object(env);
	set(env, result, "id", to_int(env, map.id));
	set(env, result, "type", to_int(env, map.type));
	set(env, result, "name", to_text(env, map.name));
	set(env, result, "keySize", to_int(env, map.key_size));
	set(env, result, "valueSize", to_int(env, map.value_size));
	set(env, result, "maxEntries", to_int(env, map.max_entries));
	set(env, result, "flags", to_int(env, map.map_flags));
	set(env, result, "btfId", to_int(env, map.btf_id));
	set(env, result, "btfKeyTypeId", to_int(env, map.btf_key_type_id));
	set(env, result, "btfValueTypeId", to_int(env, map.btf_value_type_id));
	return result;
}

static napi_value wrong_size(napi_env env)
{
	return throw_type(env, "the key or the value has another size than the map's");
}

/* A key of the map's size; maps without keys (queues) take null. */
static bool arg_key(napi_env env, napi_value value, const struct fd_handle *map, struct bytes *key)
{
	if (!arg_bytes(env, value, key))
		return false;
	if (key->size == map->key_size)
		return true;
	wrong_size(env);
	return false;
}

static bool arg_value(napi_env env, napi_value value, const struct fd_handle *map,
		      struct bytes *out)
{
	if (!arg_bytes(env, value, out))
		return false;
	if (out->size == map->value_size)
		return true;
	wrong_size(env);
	return false;
}

/* mapLookup(map, key, value to fill, flags) */
static napi_value map_lookup(napi_env env, napi_callback_info info)
{
	struct bytes key, value;
	uint32_t flags;

	ARGS(4);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_key(env, args[1], map, &key) || !arg_value(env, args[2], map, &value) ||
	    !arg_u32(env, args[3], &flags))
		return NULL;
	return to_int(env, bpf_map_lookup_elem_flags(map->fd, key.data, value.data, flags));
}

static napi_value map_take(napi_env env, napi_callback_info info)
{
	struct bytes key, value;

	ARGS(3);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_key(env, args[1], map, &key) || !arg_value(env, args[2], map, &value))
		return NULL;
	return to_int(env, bpf_map_lookup_and_delete_elem(map->fd, key.data, value.data));
}

/* mapUpdate(map, key, value, flags) */
static napi_value map_update(napi_env env, napi_callback_info info)
{
	struct bytes key, value;
	uint32_t flags;

	ARGS(4);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_key(env, args[1], map, &key) || !arg_value(env, args[2], map, &value) ||
	    !arg_u32(env, args[3], &flags))
		return NULL;
	return to_int(env, bpf_map_update_elem(map->fd, key.data, value.data, flags));
}

/* mapUpdateFd(map, key, map or program): for maps of maps and arrays of programs. */
static napi_value map_update_fd(napi_env env, napi_callback_info info)
{
	struct bytes key;
	uint32_t number;

	ARGS(3);
	struct fd_handle *map = arg_fd(env, args[0]);
	struct fd_handle *other = map ? arg_fd(env, args[2]) : NULL;

	if (!other || !arg_key(env, args[1], map, &key))
		return NULL;
	if (map->value_size != sizeof(number))
		return wrong_size(env);
	number = other->fd;
	return to_int(env, bpf_map_update_elem(map->fd, key.data, &number, 0));
}

static napi_value map_delete(napi_env env, napi_callback_info info)
{
	struct bytes key;

	ARGS(2);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_key(env, args[1], map, &key))
		return NULL;
	return to_int(env, bpf_map_delete_elem(map->fd, key.data));
}

/* mapNextKey(map, key | null for the first, key to fill) */
static napi_value map_next_key(napi_env env, napi_callback_info info)
{
	struct bytes key, next;

	ARGS(3);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_bytes(env, args[1], &key) || !arg_key(env, args[2], map, &next))
		return NULL;
	if (key.data && key.size != map->key_size)
		return wrong_size(env);
	return to_int(env, bpf_map_get_next_key(map->fd, key.data, next.data));
}

enum batch_kind { BATCH_LOOKUP, BATCH_TAKE, BATCH_UPDATE, BATCH_DELETE };

/* mapBatch(map, kind, token in | null, token out | null, keys, values | null, count, flags):
 * { error, count }; count is what was done, also after an error. */
static napi_value map_batch(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	struct bytes in, out, keys, values;
	uint32_t kind, count, flags;
	napi_value result;
	int error = -EINVAL;

	ARGS(8);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_u32(env, args[1], &kind) || !arg_bytes(env, args[2], &in) ||
	    !arg_bytes(env, args[3], &out) || !arg_bytes(env, args[4], &keys) ||
	    !arg_bytes(env, args[5], &values) || !arg_u32(env, args[6], &count) ||
	    !arg_u32(env, args[7], &flags))
		return NULL;
	if (keys.size / (map->key_size ? map->key_size : 1) < count ||
	    (kind != BATCH_DELETE && values.size / (map->value_size ? map->value_size : 1) < count))
		return wrong_size(env);
	/* A token is a bucket's number or a key, whichever is longer. */
	if ((in.data && (in.size < map->key_size || in.size < 8)) ||
	    (kind <= BATCH_TAKE && (out.size < map->key_size || out.size < 8)))
		return wrong_size(env);
	options.elem_flags = flags;
	switch ((enum batch_kind)kind) {
	case BATCH_LOOKUP:
		error = bpf_map_lookup_batch(map->fd, in.data, out.data, keys.data, values.data,
					     &count, &options);
		break;
	case BATCH_TAKE:
		error = bpf_map_lookup_and_delete_batch(map->fd, in.data, out.data, keys.data,
							values.data, &count, &options);
		break;
	case BATCH_UPDATE:
		error = bpf_map_update_batch(map->fd, keys.data, values.data, &count, &options);
		break;
	case BATCH_DELETE:
		error = bpf_map_delete_batch(map->fd, keys.data, &count, &options);
		break;
	}
	result = to_object(env);
	set(env, result, "error", to_int(env, error));
	set(env, result, "count", to_int(env, count));
	return result;
}

static napi_value map_freeze(napi_env env, napi_callback_info info)
{
	ARGS(1);
	struct fd_handle *map = arg_fd(env, args[0]);

	return map ? to_int(env, bpf_map_freeze(map->fd)) : NULL;
}

static napi_value possible_cpus(napi_env env, napi_callback_info info)
{
	(void)info;
	return to_int(env, libbpf_num_possible_cpus());
}

void map_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "mapCreate", map_create);
	export_function(env, exports, "mapInfo", map_info);
	export_function(env, exports, "mapLookup", map_lookup);
	export_function(env, exports, "mapTake", map_take);
	export_function(env, exports, "mapUpdate", map_update);
	export_function(env, exports, "mapUpdateFd", map_update_fd);
	export_function(env, exports, "mapDelete", map_delete);
	export_function(env, exports, "mapNextKey", map_next_key);
	export_function(env, exports, "mapBatch", map_batch);
	export_function(env, exports, "mapFreeze", map_freeze);
	export_function(env, exports, "possibleCpus", possible_cpus);
}
