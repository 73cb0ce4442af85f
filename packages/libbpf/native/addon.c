/* SPDX-License-Identifier: Apache-2.0 */
/* The addon's exports. They are for this package's TypeScript alone: a result below zero is a
 * negated errno, a thrown TypeError means that TypeScript let something through. */
#include "addon.h"

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function)
{
	napi_value value;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok)
		set(env, exports, name, value);
}

NAPI_MODULE_INIT()
{
	fd_register(env, exports);
	file_register(env, exports);
	log_register(env, exports);
	object_register(env, exports);
	object_settings_register(env, exports);
	clone_register(env, exports);
	program_register(env, exports);
	map_register(env, exports);
	memory_register(env, exports);
	poll_register(env, exports);
	link_register(env, exports);
	perf_register(env, exports);
	symbol_register(env, exports);
	kernel_register(env, exports);
	return exports;
}
