/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <string.h>

napi_value throw_type(napi_env env, const char *message)
{
	bool pending = false;

	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_type_error(env, "ARGUMENT", message);
	return NULL;
}

bool arg_int(napi_env env, napi_value value, int *out)
{
	if (napi_get_value_int32(env, value, out) == napi_ok)
		return true;
	throw_type(env, "expected a number");
	return false;
}

bool arg_u32(napi_env env, napi_value value, uint32_t *out)
{
	if (napi_get_value_uint32(env, value, out) == napi_ok)
		return true;
	throw_type(env, "expected a number");
	return false;
}

bool arg_u64(napi_env env, napi_value value, uint64_t *out)
{
	bool lossless;
	int64_t number;

	if (napi_get_value_bigint_uint64(env, value, out, &lossless) == napi_ok)
		return true;
	if (napi_get_value_int64(env, value, &number) == napi_ok) {
		*out = number;
		return true;
	}
	throw_type(env, "expected a number or a BigInt");
	return false;
}

bool arg_bool(napi_env env, napi_value value, bool *out)
{
	if (napi_get_value_bool(env, value, out) == napi_ok)
		return true;
	throw_type(env, "expected a boolean");
	return false;
}

bool arg_text(napi_env env, napi_value value, char *out, size_t size)
{
	size_t needed, written;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &needed) != napi_ok) {
		throw_type(env, "expected a string");
		return false;
	}
	if (needed >= size) {
		throw_type(env, "the string is too long");
		return false;
	}
	napi_get_value_string_utf8(env, value, out, size, &written);
	if (strlen(out) != written) {
		throw_type(env, "the string contains a NUL");
		return false;
	}
	return true;
}

static bool typed_array(napi_env env, napi_value value, napi_typedarray_type wanted, void **data,
			size_t *length)
{
	napi_typedarray_type type;
	bool is = false;

	*data = NULL;
	*length = 0;
	if (is_nullish(env, value))
		return true;
	napi_is_typedarray(env, value, &is);
	return is &&
	       napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok &&
	       type == wanted;
}

bool arg_bytes(napi_env env, napi_value value, struct bytes *out)
{
	void *data;

	if (!typed_array(env, value, napi_uint8_array, &data, &out->size)) {
		throw_type(env, "expected a Uint8Array");
		return false;
	}
	out->data = data;
	return true;
}

bool arg_u64s(napi_env env, napi_value value, const uint64_t **out, size_t *count)
{
	void *data;

	if (!typed_array(env, value, napi_biguint64_array, &data, count)) {
		throw_type(env, "expected a BigUint64Array");
		return false;
	}
	*out = data;
	return true;
}

bool is_nullish(napi_env env, napi_value value)
{
	napi_valuetype type = napi_undefined;

	napi_typeof(env, value, &type);
	return type == napi_undefined || type == napi_null;
}

napi_value to_int(napi_env env, int64_t value)
{
	napi_value result = NULL;

	napi_create_int64(env, value, &result);
	return result;
}

napi_value to_bigint(napi_env env, uint64_t value)
{
	napi_value result = NULL;

	napi_create_bigint_uint64(env, value, &result);
	return result;
}

napi_value to_bool(napi_env env, bool value)
{
	napi_value result = NULL;

	napi_get_boolean(env, value, &result);
	return result;
}

napi_value to_text(napi_env env, const char *text)
{
	napi_value result = NULL;

	if (text)
		napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
	else
		napi_get_null(env, &result);
	return result;
}

napi_value to_buffer(napi_env env, const void *data, size_t size)
{
	napi_value result = NULL;
	void *copy;

	napi_create_buffer_copy(env, size, data, &copy, &result);
	return result;
}

napi_value to_object(napi_env env)
{
	napi_value result = NULL;

	napi_create_object(env, &result);
	return result;
}

void set(napi_env env, napi_value object, const char *name, napi_value value)
{
	if (object && value)
		napi_set_named_property(env, object, name, value);
}
